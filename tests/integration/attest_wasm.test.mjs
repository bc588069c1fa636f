// sdk/attest: the verifier as WebAssembly gives the verdicts of the native one, word by word, in node and in a browser.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { needsChromium, serveFolder, startBrowser } from './lib/browser.mjs';
import { program, root, runTool, tempDir } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const phala = program('phala');
const build = resolve(root, process.env.PHALA_BUILD ?? 'build');
const synthTool = join(build, 'src/attest/synth_tool');
const sdk = join(build, 'sdk/attest');
const vectors = process.env.PHALA_VECTORS ?? join(root, '..', 'shared', 'vectors');
const at = '2025-06-19T10:32:27Z';

const built = existsSync(join(sdk, 'phala_attest.wasm'));
const needsWasm = { skip: built ? false : 'no phala_attest.wasm in the build: sh tools/setup.sh test' };
const { load } = built ? await import(pathToFileURL(join(sdk, 'node.mjs'))) : {};
const attest = built ? await load() : undefined;

/** What the CLI says. */
async function native(verb, file, ...args) {
  const { stdout, stderr } = await runTool(phala, ['evidence', verb, file, ...args, '--json']);
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`no JSON from ${verb} ${file}: ${stderr}`);
  }
}

async function makeSet(t, kind) {
  const dir = await tempDir(t);
  const made = await runTool(synthTool, [dir, at, kind]);
  assert.equal(made.code, 0, made.stderr);
  const file = (name) => join(dir, name);
  return { dir, file, bundle: await readFile(file('bundle.json')), quote: await readFile(file('quote.bin')), policy: await readFile(file('policy.json')) };
}

/** One file, judged by both; with `explain`, every check is compared too. */
async function compare(file, when, { policy, reportData, nonce } = {}) {
  const args = [];
  if (policy) args.push('--policy', policy);
  if (reportData) args.push('--report-data', reportData);
  if (nonce) args.push('--nonce', nonce);
  const bytes = await readFile(file);
  const options = {
    now: when, policy: policy && await readFile(policy), reportData, nonce,
    reportDataUncheckedInsecure: !reportData && !nonce,
  };
  const verdict = attest.verifyEvidence(bytes, options);
  assert.deepEqual(verdict, await native('verify', file, '--at', when, ...args));
  assert.deepEqual(attest.verifyEvidence(bytes, { ...options, explain: true }), await native('explain', file, '--at', when, ...args));
  return verdict;
}

/** A folder of documents as options, under the names that bundles use. */
async function collateralOf(dir) {
  const names = {
    tcb_info: 'tcb_info.signed.json', tcb_info_chain: 'tcb_info_chain.pem', qe_identity: 'qe_identity.signed.json',
    qe_identity_chain: 'qe_identity_chain.pem', pck_crl: 'pck_crl.der', root_ca_crl: 'root_ca_crl.der', pck_chain: 'pck_chain.pem',
  };
  const found = await readdir(dir);
  const entries = Object.entries(names).filter(([, name]) => found.includes(name));
  return Object.fromEntries(await Promise.all(entries.map(async ([key, name]) => [key, await readFile(join(dir, name))])));
}

describe('the package', needsWasm, () => {
  test('the module imports nothing: no clock, no random numbers, no files', async () => {
    const bytes = await readFile(join(sdk, 'phala_attest.wasm'));
    assert.deepEqual(WebAssembly.Module.imports(new WebAssembly.Module(bytes)), []);
    console.log(`# phala_attest.wasm: ${bytes.length} bytes`);
    assert.ok(bytes.length < 500_000);
  });

  test('what its package.json names is there', async () => {
    const { files, exports } = JSON.parse(await readFile(join(sdk, 'package.json'), 'utf8'));
    for (const name of [...files, ...Object.values(exports['.'])]) assert.ok((await stat(join(sdk, name))).isFile(), name);
    const other = await import(pathToFileURL(join(sdk, 'index.mjs'))); // as a browser gets it
    const module = await WebAssembly.compile(await readFile(join(sdk, 'phala_attest.wasm')));
    assert.equal((await other.load(module)).evidenceTime('{}'), null);
  });
});

describe('synthetic evidence', needsWasm, () => {
  for (const kind of ['tdx4', 'tdx5', 'td15', 'sgx3']) {
    test(`${kind}: accepted, refused and shown alike`, async (t) => {
      const { dir, file, bundle, quote, policy } = await makeSet(t, kind);
      const accepted = await compare(file('bundle.json'), at, { policy: file('policy.json') });
      assert.deepEqual([accepted.verdict, accepted.insecure_simulator], ['accepted', true]);
      assert.equal((await compare(file('bundle.json'), at)).reason, 'root-untrusted');
      assert.equal((await compare(file('bundle.json'), at, { policy: file('policy.json'), reportData: '00'.repeat(64) })).claims.report_data_checked, true);
      assert.equal((await compare(file('bundle.json'), at, { policy: file('policy.json'), reportData: '01'.repeat(64) })).reason, 'report-data-mismatch');
      assert.equal((await compare(file('bundle.json'), '2025-08-19T10:32:27Z', { policy: file('policy.json') })).reason, 'tcb-info-expired');
      assert.deepEqual(attest.showEvidence(bundle), await native('show', file('bundle.json')));
      assert.deepEqual(attest.showEvidence(quote), await native('show', file('quote.bin')));
      assert.equal(attest.evidenceTime(bundle).toISOString(), '2025-06-19T10:32:27.000Z');
      assert.equal(attest.evidenceTime(quote), null);

      // the quote alone, its collateral beside it
      const options = { now: new Date(at), policy: JSON.parse(policy), reportData: new Uint8Array(64), collateral: await collateralOf(dir) };
      assert.deepEqual(attest.verifyEvidence(quote, options), await native('verify', file('quote.bin'), '--collateral', dir, '--at', at, '--policy', file('policy.json'), '--report-data', '00'.repeat(64)));
      assert.equal(attest.verifyEvidence(quote, { ...options, collateral: undefined }).reason, 'tcb-info-absent');
      const { collateral } = JSON.parse(bundle); // as it stands in a bundle: DER in base64
      assert.equal(attest.verifyEvidence(quote, { ...options, collateral }).verdict, 'accepted');
    });
  }

  test('a thousand mutated quotes and documents get the verdict of a worker', async (t) => {
    const { bundle, policy } = await makeSet(t, 'td15');
    const worker = await startWorker(t);
    const evidence = JSON.parse(bundle);
    const quote = Buffer.from(evidence.quote, 'base64');
    const rules = JSON.parse(policy);
    const seed = Number(process.env.PHALA_SEED ?? 20250619);
    let state = seed;
    const random = (below) => { // xorshift32
      state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
      return (state >>> 0) % below;
    };
    const mutate = (bytes) => {
      const copy = Buffer.from(bytes);
      for (let n = random(3); n >= 0; n--) copy[random(copy.length)] ^= 1 << random(7); // text stays ASCII
      return random(10) === 0 ? copy.subarray(0, random(copy.length)) : copy;
    };
    const mutant = () => {
      if (random(4) > 0) return { ...evidence, quote: mutate(quote).toString('base64') };
      const names = Object.keys(evidence.collateral);
      const name = names[random(names.length)];
      const base64 = name.endsWith('crl');
      const text = mutate(Buffer.from(evidence.collateral[name], base64 ? 'base64' : 'utf8')).toString(base64 ? 'base64' : 'utf8');
      return { ...evidence, collateral: { ...evidence.collateral, [name]: text } };
    };
    const reasons = new Map();
    for (let i = 0; i < 1000; i++) {
      const mutated = mutant();
      const response = await fetch(`${worker.url}/v1/evidence/verify`, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ evidence: mutated, policy: rules, at }),
      });
      const want = await response.json();
      const got = attest.verifyEvidence(JSON.stringify(mutated), { now: at, policy, reportDataUncheckedInsecure: true });
      const which = `seed ${seed}, mutation ${i}: ${JSON.stringify(want).slice(0, 300)}`;
      if (response.status === 200) {
        const { judged_at_from: _from, collateral_from: _whose, collateral_missing: _missing, ...verdict } = want;
        assert.deepEqual(got, verdict, which);
      } else {
        const { code } = want.error; // documents that break their form get no verdict there
        assert.deepEqual([response.status, got.verdict, got.reason === 'input'], [400, 'rejected', code === 'bad-evidence'], which);
        assert.match(code, /^bad-(evidence|collateral)$/);
      }
      reasons.set(got.reason, (reasons.get(got.reason) ?? 0) + 1);
    }
    console.log(`# ${JSON.stringify(Object.fromEntries(reasons))}`);
    assert.ok(reasons.size > 10);
  });
});

describe('what is no evidence', needsWasm, () => {
  const options = { now: at, reportDataUncheckedInsecure: true };
  test('is refused in the words of the CLI, and the next call is not touched by it', async (t) => {
    const { file, bundle, quote, policy } = await makeSet(t, 'tdx4');
    const good = () => attest.verifyEvidence(bundle, { ...options, policy });
    const want = good();
    assert.equal(want.verdict, 'accepted');
    const inputs = [
      'no evidence', '{}', '[', '[]', '\0', quote.subarray(0, 100), quote.subarray(0, quote.length - 1), Buffer.alloc(2 << 20, 4),
      Buffer.concat([quote, Buffer.from([1])]), bundle.subarray(0, bundle.length - 2), '{"format":"phala-evidence-v1"}', '['.repeat(100_000),
    ];
    for (const input of inputs) {
      await writeFile(file('bad'), input);
      const { verdict, reason } = attest.verifyEvidence(input, options);
      const cli = await native('verify', file('bad'), '--at', at);
      assert.deepEqual([verdict, reason], ['rejected', cli.reason], String(input).slice(0, 40));
      assert.deepEqual(good(), want);
    }
    assert.equal(attest.verifyEvidence(new Uint8Array(), options).verdict, 'rejected');
    await writeFile(file('bad'), '{"typo":1}');
    assert.deepEqual(attest.verifyEvidence(bundle, { ...options, policy: '{"typo":1}' }).reason, (await native('verify', file('bundle.json'), '--at', at, '--policy', file('bad'))).reason);
    assert.throws(() => attest.showEvidence('no evidence'), { name: 'EvidenceError', code: 'unsupported' });
    assert.throws(() => attest.showEvidence(quote.subarray(0, 100)), { name: 'EvidenceError', code: 'malformed' });
  });

  test('options that cannot be meant throw: a moment and the report data are mandatory', async (t) => {
    const { quote } = await makeSet(t, 'tdx4');
    for (const bad of [
      {}, { reportDataUncheckedInsecure: true }, { now: at }, { now: 'today', reportDataUncheckedInsecure: true }, { now: NaN, reportDataUncheckedInsecure: true },
      { now: 0, reportDataUncheckedInsecure: true }, { now: 1e300, reportDataUncheckedInsecure: true }, { now: at, reportData: '00' }, { now: at, reportData: 'zz'.repeat(64) },
      { now: at, reportData: new Uint8Array(63) }, { now: at, reportDataUncheckedInsecure: 'yes' }, { now: at, reportData: new Uint8Array(64), reportDataUncheckedInsecure: true },
      { now: at, nonce: new Uint8Array(32) }, { ...options, typo: 1 }, { ...options, collateral: { tcbInfo: 'x' } }, { ...options, collateral: { pck_crl: '!' } },
      { ...options, collateral: { tcb_info: '' } }, { ...options, collateral: { tcb_info: 5 } }, { ...options, policy: 5 }, { ...options, policy: null }, { now: at, reportData: new Uint8Array(64), nonce: new Uint8Array(32) },
    ]) {
      assert.throws(() => attest.verifyEvidence(quote, bad), TypeError, JSON.stringify(bad));
    }
    assert.throws(() => attest.verifyEvidence(5, options), TypeError);
    assert.throws(() => attest.verifyEvidence(quote, { ...options, eventLog: new Uint8Array(40 << 20) }), { name: 'EvidenceError', code: 'limit' });
  });

  test('a trap is a refusal, and the next call gets a new instance', async () => {
    // (module (memory (export "memory") 1) and the functions' names, each of which is unreachable)
    const names = ['phala_alloc', 'phala_reset', 'phala_open', 'phala_add', 'phala_policy', 'phala_time', 'phala_show', 'phala_judge', 'phala_refuse', 'phala_text', 'phala_text_len'];
    const string = (s) => [s.length, ...Buffer.from(s)];
    const section = (id, bytes) => [id, bytes.length & 0x7f | 0x80, bytes.length >> 7, ...bytes];
    const module = Uint8Array.from([
      0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
      ...section(1, [1, 0x60, 0, 0]), ...section(3, [names.length, ...names.map(() => 0)]), ...section(5, [1, 0, 1]),
      ...section(7, [names.length + 1, ...string('memory'), 2, 0, ...names.flatMap((name, i) => [...string(name), 0, i])]),
      ...section(10, [names.length, ...names.flatMap(() => [3, 0, 0, 0x0b])]),
    ]);
    const broken = await load(module);
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(broken.verifyEvidence('x', options), {
        verdict: 'rejected', status: 'Unknown', step: 'input', reason: 'malformed', sentence: 'the verifier stopped on this input: nothing is proved',
        advisories: [], tcb_date: null, valid_until: null, claims: null,
      });
      assert.throws(() => broken.showEvidence('x'), { code: 'malformed' });
    }
  });

  test('memory does not grow with the number of calls', async (t) => {
    const { bundle, policy } = await makeSet(t, 'tdx4');
    const memories = [];
    const { Instance } = WebAssembly;
    WebAssembly.Instance = class extends Instance { constructor(...args) { super(...args); memories.push(this.exports.memory); } };
    t.after(() => { WebAssembly.Instance = Instance; });
    const fresh = await load();
    const size = () => memories.map(({ buffer }) => buffer.byteLength);
    for (let i = 0; i < 10; i++) fresh.verifyEvidence(bundle, { ...options, policy });
    const before = size();
    for (let i = 0; i < 100; i++) {
      fresh.verifyEvidence(bundle, { ...options, policy });
      fresh.verifyEvidence(bundle.subarray(0, 5000), options);
      fresh.showEvidence(bundle);
    }
    assert.deepEqual(size(), before);
    assert.equal(before.length, 1);
  });
});

const needsVectors = { skip: needsWasm.skip || (existsSync(join(vectors, 'intel/SETS.tsv')) ? false : 'no vectors: set PHALA_VECTORS') };
const rowsOf = (path) => (existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').slice(1).map((line) => line.split('\t')) : []);
const lenient = JSON.stringify({ statuses: ['UpToDate', 'SWHardeningNeeded', 'OutOfDate', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDateConfigurationNeeded'], measurements: 'any' });

/** Evidence and what lies beside it, as one bundle made by the CLI; judged by both under the built-in and a lenient policy. */
async function compareBundle(t, file, when, ...given) {
  const dir = await tempDir(t);
  const bundle = join(dir, 'bundle.json');
  const made = await runTool(phala, ['evidence', 'bundle', file, '--at', when, ...given, '--write-bundle', bundle]);
  assert.equal(made.code, 0, made.stderr);
  await writeFile(join(dir, 'policy.json'), lenient);
  await compare(bundle, when);
  return compare(bundle, when, { policy: join(dir, 'policy.json') });
}

describe('real evidence', needsVectors, () => {
  for (const [set, , , , , , when] of rowsOf(join(vectors, 'intel/SETS.tsv'))) {
    test(`intel ${set}`, async (t) => {
      const dir = join(vectors, 'intel', set);
      await compareBundle(t, join(dir, 'quote.bin'), when, '--collateral', dir);
      const options = { now: when, collateral: await collateralOf(dir), reportDataUncheckedInsecure: true };
      assert.deepEqual(attest.verifyEvidence(await readFile(join(dir, 'quote.bin')), options), await native('verify', join(dir, 'quote.bin'), '--collateral', dir, '--at', when));
    });
  }

  const snp = (name) => join(vectors, 'snp', name);
  for (const [report, cert, when] of [
    ['go-sev-guest/attestation.bin', 'go-sev-guest/vcek.testcer', '2024-01-01T00:00:00Z'],
    ['microsoft-tav/milan_attestation_report.bin', 'microsoft-tav/milan_vcek.pem', '2026-03-01T00:00:00Z'],
    ['microsoft-tav/turin_attestation_report.bin', 'microsoft-tav/turin_vcek.pem', '2026-03-01T00:00:00Z'],
    ['microsoft-tav/turin_attestation_report.bin', 'microsoft-tav/milan_vcek.pem', '2026-03-01T00:00:00Z'],
    ['trustee/test-vlek-report.bin', 'trustee/test-vlek.der', '2025-03-01T00:00:00Z'],
  ]) {
    test(`snp ${report} with ${cert}`, async (t) => {
      await compareBundle(t, snp(report), when, '--cert', snp(cert));
    });
  }

  for (const file of ['attestation-sdk/evidence_hopper_590_12.json', 'veraison/scheme/nvidia/testdata/blackwell-evidence.json']) {
    test(`nvidia ${file}`, async (t) => {
      const policy = join(await tempDir(t), 'policy.json');
      await writeFile(policy, JSON.stringify({ statuses: ['UpToDate'], measurements: 'any', nvidia: { require_rim: false, require_ocsp: false, allow_unattested_switches: true } }));
      const path = join(vectors, 'nvidia', file);
      assert.equal((await compare(path, '2025-08-21T12:00:00Z', { policy })).verdict, 'accepted');
      assert.equal((await compare(path, '2025-08-21T12:00:00Z', { policy, nonce: '00'.repeat(32) })).verdict, 'rejected');
      await compare(path, '2025-08-21T12:00:00Z');
    });
  }

  test('nitro documents', async (t) => {
    for (const [name, when] of [['nitro_attestation.bin', '2025-12-25T16:05:16Z'], ['nitro_attestation_dbg.bin', '2025-12-25T08:21:43Z']]) {
      const kept = await readFile(join(vectors, 'nitro', name)); // SCALE: version, kind, compact length
      const file = join(await tempDir(t), 'document.bin');
      await writeFile(file, kept.subarray(4, 4 + (kept.readUInt16LE(2) >> 2)));
      await compareBundle(t, file, when);
    }
  });
});

test('in a browser: the same verdicts, from a page with a strict content security policy', { skip: needsWasm.skip || needsChromium.skip }, async (t) => {
  const { bundle, policy, file } = await makeSet(t, 'td15');
  const origin = await serveFolder(t, sdk, { 'content-security-policy': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'" });
  const { page, said } = await startBrowser(t);
  await page.goto(`${origin}/package.json`);
  const seen = await page.evaluate(async ([evidence, rules, now]) => {
    const { load: loadHere } = await import('/index.mjs');
    const here = await loadHere();
    const options = { now, policy: rules, reportDataUncheckedInsecure: true };
    const begin = performance.now();
    const verdict = here.verifyEvidence(evidence, options);
    const cold = performance.now() - begin;
    const bad = here.verifyEvidence(evidence.replace('"quote":"B', '"quote":"C'), options);
    const rounds = 20;
    const start = performance.now();
    for (let i = 0; i < rounds; i++) here.verifyEvidence(evidence, options);
    return { verdict, bad, shown: here.showEvidence(evidence), cold, warm: (performance.now() - start) / rounds };
  }, [bundle.toString(), policy.toString(), at]);
  assert.deepEqual(seen.verdict, await native('verify', file('bundle.json'), '--at', at, '--policy', file('policy.json')), said.join('\n'));
  assert.deepEqual([seen.verdict.verdict, seen.bad.verdict], ['accepted', 'rejected']);
  assert.deepEqual(seen.shown, await native('show', file('bundle.json')));
  console.log(`# Chromium: first ${seen.cold.toFixed(1)} ms, then ${seen.warm.toFixed(1)} ms a bundle`);
  const begin = performance.now();
  for (let i = 0; i < 20; i++) attest.verifyEvidence(bundle, { now: at, policy, reportDataUncheckedInsecure: true });
  console.log(`# node: ${((performance.now() - begin) / 20).toFixed(1)} ms a bundle`);
});
