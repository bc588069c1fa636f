// libphala-attest as another project gets it: built alone, installed, found by pkg-config, linked.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { program, root, runTool } from './lib/proc.mjs';

const synthTool = join(root, process.env.PHALA_BUILD ?? 'build', 'src/attest/synth_tool');
const at = '2025-06-19T10:32:27Z';
const now = String(Date.parse(at) / 1000);
const textMax = 400 * 1024;

let dir, libDir, manDir, header;
const env = {};

async function run(command, args, options = {}) {
  const result = await runTool(command, args, { timeoutMs: 600_000, ...options, env: { ...env, ...options.env } });
  assert.equal(result.code, 0, `${command} ${args.join(' ')}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

async function files(from) {
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name).sort();
}

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'phala-library-'));
  const prefix = join(dir, 'prefix');
  await run('meson', ['setup', join(dir, 'build'), '-Dattest_only=true', '-Dbuildtype=release', `--prefix=${prefix}`, '--libdir=lib']);
  await run('ninja', ['-C', join(dir, 'build')]);
  await run('meson', ['install', '-C', join(dir, 'build'), '--no-rebuild']);
  libDir = join(prefix, 'lib');
  manDir = join(prefix, 'share/man');
  header = await readFile(join(prefix, 'include/phala_attest.h'), 'utf8');
  env.PKG_CONFIG_PATH = join(libDir, 'pkgconfig');
  for (const out of ['shared', 'static', 'set']) await mkdir(join(dir, out));
  await run(synthTool, [join(dir, 'set'), at, 'tdx4']);
  await writeFile(join(dir, 'zeros'), Buffer.alloc(64));
  await writeFile(join(dir, 'ones'), Buffer.alloc(64, 1));
});
after(() => rm(dir, { recursive: true, force: true }));

describe('what is installed', () => {
  test('is a header, a shared and a static library, a pkg-config file and man pages', async () => {
    const all = await files(join(dir, 'prefix'));
    const libraries = all.filter((name) => !/\.[0-9]$/.test(name) || name.includes('.so'));
    assert.deepEqual(libraries, ['libphala-attest.a', 'libphala-attest.so', 'libphala-attest.so.0', 'libphala-attest.so.0.1.0', 'phala-attest.pc', 'phala_attest.h']);
    assert.ok(all.includes('phala_attest.3'));
  });

  test('exports what the header declares, under one version, and nothing else', async () => {
    const declared = [...header.matchAll(/\b(phala_attest_\w+)\(/g)].map((match) => match[1]).sort();
    const exported = (await run('nm', ['-D', '--defined-only', join(libDir, 'libphala-attest.so')])).trim().split('\n')
      .map((line) => line.split(' ').at(-1)).filter((name) => name !== 'PHALA_ATTEST_0.1');
    assert.deepEqual(exported.map((name) => name.replace('@@PHALA_ATTEST_0.1', '')).sort(), [...new Set(declared)]);
    assert.ok(exported.every((name) => name.endsWith('@@PHALA_ATTEST_0.1')), exported.join(' '));
  });

  test('needs libcrypto and libc alone', async () => {
    const dynamic = await run('readelf', ['-dW', join(libDir, 'libphala-attest.so')]);
    const needed = [...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map((match) => match[1]).sort();
    assert.deepEqual(needed.filter((name) => !name.startsWith('ld-linux')), ['libc.so.6', 'libcrypto.so.3']);
    assert.match(dynamic, /\(SONAME\).*\[libphala-attest\.so\.0\]/);
    assert.match(await readFile(join(libDir, 'pkgconfig/phala-attest.pc'), 'utf8'), /^Requires\.private: libcrypto/m);
  });

  test('has at most 400 KiB of text', async (t) => {
    const last = (text) => Number(text.trim().split('\n').at(-1).trim().split(/\s+/)[0]);
    const shared = last(await run('size', [join(libDir, 'libphala-attest.so')]));
    const archive = last(await run('size', ['-t', join(libDir, 'libphala-attest.a')]));
    t.diagnostic(`text: shared ${shared} bytes, static ${archive} bytes`);
    assert.ok(shared > 0 && shared <= textMax, `shared: ${shared}`);
    assert.ok(archive > 0 && archive <= textMax, `static: ${archive}`);
  });

  test('has a manual of every function, without mistakes in its form', async () => {
    const pages = (await files(manDir)).filter((name) => name.endsWith('.3'));
    const text = (await Promise.all(pages.map((name) => readFile(join(manDir, 'man3', name), 'utf8')))).join('\n');
    const declared = new Set([...header.matchAll(/\b(phala_attest_\w+)\(/g)].map((match) => match[1]));
    for (const name of declared) assert.ok(text.includes(`\n.Fo ${name}\n`), `${name} is in no man page`);
    for (const name of pages) {
      const shown = await runTool('groff', ['-man', '-mdoc', '-rLL=120n', '-Tutf8', '-ww', '-z', join(manDir, 'man3', name)]);
      assert.equal(shown.code, 0, shown.stderr);
      assert.equal(shown.stderr, '', name);
    }
  });
});

for (const kind of ['shared', 'static']) {
  describe(`a project of its own, ${kind}`, () => {
    const example = (name, ...args) => runTool(join(dir, kind, name), args, { env: { LD_LIBRARY_PATH: kind === 'shared' ? libDir : '' } });
    const set = (name) => join(dir, 'set', name);

    before(() => run('make', ['-C', join(root, 'tests/consumer'), `OUT=${join(dir, kind)}`, ...(kind === 'static' ? ['STATIC=1'] : [])]));

    test('is linked as it asked', async () => {
      const dynamic = await run('readelf', ['-dW', join(dir, kind, 'verify')]);
      assert.equal(dynamic.includes('libphala-attest.so.0'), kind === 'shared');
    });

    test('verifies a quote in ten lines, with the collateral of a bundle', async () => {
      const text = await readFile(join(root, 'tests/consumer/quote.c'), 'utf8');
      const body = text.slice(text.indexOf('{\n') + 2, text.lastIndexOf('}')).trimEnd().split('\n');
      assert.ok(body.length <= 10, `${body.length} lines`);
      // The production roots do not know the simulator's: the status is the vendor's rules', the verdict is no.
      const told = await example('quote', set('quote.bin'), set('bundle.json'), join(dir, 'zeros'), now);
      assert.deepEqual([told.code, told.stdout], [1, 'UpToDate\n']);
      const none = await example('quote', join(dir, 'zeros'), set('bundle.json'), join(dir, 'zeros'), now);
      assert.deepEqual([none.code, none.stdout], [3, 'unsupported\n']);
    });

    test('verifies a bundle, and refuses it for other report data, policies and times', async () => {
      const good = await example('verify', set('bundle.json'), set('policy.json'), join(dir, 'zeros'), now);
      assert.equal(good.code, 0, good.stdout);
      assert.match(good.stdout, /^INSECURE-SIMULATOR/);
      const data = await example('verify', set('bundle.json'), set('policy.json'), join(dir, 'ones'), now);
      assert.equal(data.code, 1);
      assert.match(data.stdout, /report data/);
      const late = await example('verify', set('bundle.json'), set('policy.json'), join(dir, 'zeros'), String(Number(now) + 10 * 365 * 86400));
      assert.equal(late.code, 1);
      await writeFile(join(dir, 'denies.json'), '{}');
      const denied = await example('verify', set('bundle.json'), join(dir, 'denies.json'), join(dir, 'zeros'), now);
      assert.equal(denied.code, 1);
      const none = await example('verify', join(dir, 'zeros'), set('policy.json'), join(dir, 'zeros'), now);
      assert.equal(none.code, 2);
      assert.match(none.stdout, /no kind that is known/);
    });

    test('shows, claims and judges as the CLI does', async () => {
      const phala = async (...args) => JSON.parse((await runTool(program('phala'), ['evidence', ...args, '--json'])).stdout);
      const shown = await example('show', set('quote.bin'));
      assert.deepEqual(JSON.parse(shown.stdout), await phala('show', set('quote.bin')));
      const told = await example('claims', set('bundle.json'), set('policy.json'), now);
      assert.equal(told.code, 0);
      const [json, mrTd] = told.stdout.trim().split('\n');
      const { judged_at, ...verdict } = await phala('verify', set('bundle.json'), '--at', at, '--policy', set('policy.json'));
      assert.equal(judged_at, at); // the CLI says when, the library was told
      assert.deepEqual(JSON.parse(json), verdict);
      assert.equal(mrTd, readFileSync(set('quote.bin')).subarray(48 + 136, 48 + 184).toString('hex'));
    });

    test('judges a batch, each quote as alone, for any number of threads', async () => {
      const bad = readFileSync(set('quote.bin'));
      bad[100] ^= 1;
      await writeFile(join(dir, 'bad.bin'), bad);
      const quotes = Array.from({ length: 20 }, (_, i) => (i % 4 === 2 ? join(dir, 'bad.bin') : set('quote.bin')));
      for (const threads of ['1', '2', '7']) {
        const judged = await example('batch', set('bundle.json'), set('policy.json'), now, threads, ...quotes);
        assert.equal(judged.code, 1);
        assert.deepEqual(judged.stdout.trim().split('\n'), quotes.map((name) => (name.endsWith('bad.bin') ? 'quote-signature' : 'accepted')));
      }
    });

    test('takes the header as C++ too', async () => {
      const told = await example('version');
      assert.deepEqual([told.code, told.stdout], [0, '0.1.0 unsupported\n']);
    });
  });
}
