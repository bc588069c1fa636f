// Code that its owner encrypts to the cluster: it runs as any other, and nobody but its instance ever has it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cp, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { script, tar } from './lib/bundle.mjs';
import { deployEncrypted } from './lib/code.mjs';
import { rotate, status } from './lib/keys.mjs';
import { Owner } from './lib/owner.mjs';
import { postgresBin, startPostgres } from './lib/postgres.mjs';
import { childOf, tempDir, until } from './lib/proc.mjs';
import { putSecrets } from './lib/secrets.mjs';
import { startMember, startWorker } from './lib/worker.mjs';

const codeOf = (marker) => ({
  'worker.js': script({ text: `const marker = '${marker}';
    export default { fetch(request, env, ctx) {
      const { pathname } = new URL(request.url);
      if (pathname === '/throw') throw new Error('on purpose');
      return Response.json({ length: marker.length, hash: ctx.phat.bundleHash, secret: env.API_KEY ?? null, note: env.ASSETS.text('note.txt') });
    } };` }),
  'note.txt': `a note, ${marker}`,
});
const newMarker = () => `marker-${randomBytes(16).toString('hex')}`;
const call = async (worker, phat, path = '/') => (await fetch(`${worker.url}/p/${phat}${path}`)).json();

async function filesUnder(dir) {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** Whether a process has `text` in memory that it has written; root only. */
async function holds(pid, text) {
  const needle = Buffer.from(text);
  const memory = await open(`/proc/${pid}/mem`, 'r');
  try {
    // Not the promised readFile: in node 18 that takes a short read, of which this file has many, for the end.
    for (const region of readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
      const [, first, last, rights] = region.match(/^([0-9a-f]+)-([0-9a-f]+) (\S+)/) ?? [];
      if (!rights?.startsWith('rw') || /^Rss: +0 kB$/m.test(region)) continue;
      const [from, to] = [parseInt(first, 16), parseInt(last, 16)];
      assert.ok(to - from < 1 << 30, `a region of ${to - from} bytes is not searched here`);
      const bytes = Buffer.alloc(to - from);
      const { bytesRead } = await memory.read(bytes, 0, bytes.length, from).catch(() => ({ bytesRead: 0 }));
      if (bytes.subarray(0, bytesRead).includes(needle)) return true;
    }
  } finally {
    await memory.close();
  }
  return false;
}

describe('encrypted code', () => {
  test('runs under the hash of its plaintext, with secrets and assets, also after a restart; the disk and the log never have it', async (t) => {
    const data = await tempDir(t);
    const owner = new Owner();
    const marker = newMarker();
    let worker = await startWorker(t, { data });
    const { status: code, body, bundle, phat } = await deployEncrypted(worker, owner, 'hidden', codeOf(marker));
    assert.equal(code, 201, JSON.stringify(body));
    assert.deepEqual([body.bundle_hash, body.encrypted], [`0x${bundle.hash}`, true]);
    const answer = { length: marker.length, hash: bundle.hash, secret: null, note: `a note, ${marker}` };
    assert.deepEqual(await call(worker, phat), answer);

    // The largest secrets there are, behind the key in the pipe.
    const big = 'x'.repeat(65536 - '{"API_KEY":""}'.length);
    assert.equal((await putSecrets(worker, owner, 'hidden', { API_KEY: big })).status, 200);
    assert.deepEqual(await call(worker, phat), { ...answer, secret: big });
    assert.equal((await putSecrets(worker, owner, 'hidden', { API_KEY: 'small' })).status, 200);

    const thrown = await fetch(`${worker.url}/p/${phat}/throw`);
    assert.ok(!/worker\.js/.test(await thrown.text()), 'callers see no position');
    const authorization = await owner.authorization({ action: 'logs', name: 'hidden', cluster: worker.cluster });
    const log = await (await fetch(`${worker.url}/v1/phats/${phat}/logs`, { headers: { authorization } })).text();
    assert.match(log, /on purpose.*worker\.js:\d+/, 'their owner does');
    assert.ok(!worker.output().includes('on purpose'));

    await worker.stop();
    worker = await startWorker(t, { data });
    assert.deepEqual(await call(worker, phat), { ...answer, secret: 'small' });
    await worker.stop();
    for (const file of await filesUnder(data)) assert.ok(!(await readFile(file)).includes(marker), file);
    assert.ok(!worker.output().includes(marker));

    // And back to code that everybody reads.
    worker = await startWorker(t, { data });
    const plain = await owner.deploy(worker, 'hidden', codeOf(marker));
    assert.deepEqual([plain.response.status, plain.body.encrypted, plain.body.bundle_hash], [200, false, `0x${bundle.hash}`]);
    assert.deepEqual(await call(worker, phat), { ...answer, secret: 'small' });
  });

  test('is in no memory of phalad and phala-keyd', { skip: process.getuid() === 0 ? false : 'only root reads the memory of other processes' }, async (t) => {
    const owner = new Owner();
    const marker = newMarker();
    const worker = await startWorker(t);
    const { phat } = await deployEncrypted(worker, owner, 'hidden', codeOf(marker), { env: { SHOWN: `public ${marker.slice(7, 15)}` } });
    await call(worker, phat, '/throw'); // it runs; nothing that it answers or logs has the marker
    const keyd = await childOf(worker.pid, 'phala-keyd');
    assert.ok(await holds(worker.pid, `public ${marker.slice(7, 15)}`), 'the manifest is found, so the search works');
    assert.ok(!(await holds(worker.pid, marker)), 'phalad');
    assert.ok(!(await holds(keyd, marker)), 'phala-keyd');
  });

  test('is refused, each time by name, when anything about it was changed; and nothing of it is evaluated', async (t) => {
    const worker = await startWorker(t);
    const owner = new Owner();
    const files = { 'worker.js': 'console.log("evaluated"); var __phat = { default: { fetch() { return new Response("ran"); } } };' };
    const other = owner.phatId('other');
    const flip = (at) => (code) => { code[at < 0 ? code.length + at : at] ^= 1; return code; };
    const inner = (entries) => ({ file: { plain: tar({ 'phat.json': JSON.stringify({ name: 'target' }), ...entries }) } });
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, '']));
    const unopened = [422, 'start-failed', /code: does not open with its key: altered, cut, or of another phat or bundle/];
    const keyRefused = [422, 'code-refused', /code: its key is not encrypted to this cluster for this phat and bundle/];
    const cases = {
      'the tag': [{ code: flip(-1) }, ...unopened],
      'a byte of the ciphertext': [{ code: flip(140) }, ...unopened],
      'the nonce': [{ code: flip(126) }, ...unopened],
      'ciphertext that was cut': [{ code: (code) => code.subarray(0, -1) }, ...unopened],
      'nothing but the head': [{ code: (code) => code.subarray(0, 136) }, 422, 'bad-bundle', /phat\.code is cut short/],
      'another version': [{ code: flip(6) }, 422, 'bad-bundle', /not of this version/],
      'the wrapped key': [{ code: flip(44) }, ...keyRefused],
      'the ciphertext of another phat': [{ file: { phat: other } }, ...unopened],
      'a key that was wrapped for another phat': [{ wrap: { phat: other } }, ...keyRefused],
      'a key that was wrapped for another bundle': [{ wrap: { hash: '11'.repeat(32) } }, ...keyRefused],
      'a key for another cluster': [{ wrap: { to: '2f39b18c45cf0e23878a5fea5bec350bceb01c2e701cc2df8bc90463a67e4716' } }, ...keyRefused],
      'a key of another epoch': [{ epoch: 7 }, 422, 'code-refused', /another key epoch than the newest/],
      'no epoch': [{ epoch: 0 }, 422, 'bad-bundle', /names no key epoch/],
      'another hash than the signed one': [{ signed: '22'.repeat(32) }, 422, 'bundle-hash-mismatch', /./],
      'another bundle than the hash says': [{ hash: '33'.repeat(32) }, 422, 'start-failed', /code: what was encrypted has another hash than the one that was signed/],
      'another manifest in the clear': [{ manifest: JSON.stringify({ name: 'target', egress: ['https://example.org'] }) }, 422, 'start-failed', /code: phat\.json in the clear is not the one that was encrypted/],
      'a manifest of another name': [{ manifest: JSON.stringify({ name: 'other' }) }, 422, 'name-mismatch', /./],
      'a third file': [{ beside: { 'worker.js': '1' } }, 422, 'bad-bundle', /phat\.json and phat\.code, nothing else/],
      'encrypted code inside of encrypted code': [inner({ 'phat.code': 'x', 'worker.js': '1' }), 422, 'start-failed', /code: what was encrypted is encrypted code again/],
      'no archive inside': [{ file: { plain: Buffer.from('no archive') } }, 422, 'start-failed', /code: what was encrypted is no bundle/],
      'more files than a bundle has': [inner(many), 422, 'start-failed', /code: what was encrypted is no bundle: .*256/],
    };
    for (const [what, [change, code, error, message]] of Object.entries(cases)) {
      const { status: got, body } = await deployEncrypted(worker, owner, 'target', files, {}, change);
      assert.deepEqual([got, body.error?.code], [code, error], `${what}: ${JSON.stringify(body)}`);
      assert.match(body.error.message, message, what);
    }
    assert.equal((await fetch(`${worker.url}/v1/phats/${owner.phatId('target')}`)).status, 404);
    const { phat } = await deployEncrypted(worker, owner, 'target', files);
    assert.equal(await (await fetch(`${worker.url}/p/${phat}/`)).text(), 'ran');
    const authorization = await owner.authorization({ action: 'logs', name: 'target', cluster: worker.cluster });
    const log = await (await fetch(`${worker.url}/v1/phats/${phat}/logs`, { headers: { authorization } })).text();
    assert.equal(log.match(/"evaluated"/g)?.length, 1, log);
  });

  test('that storage changes does not start, and the log says why', async (t) => {
    const data = await tempDir(t);
    const owner = new Owner();
    let worker = await startWorker(t, { data });
    const { phat } = await deployEncrypted(worker, owner, 'target', codeOf(newMarker()));
    const { phat: neighbour } = await deployEncrypted(worker, owner, 'neighbour', codeOf(newMarker()));
    const file = join(data, 'phats', `${phat}.phat`);
    const good = await readFile(file);
    const others = await readFile(join(data, 'phats', `${neighbour}.phat`));
    const at = good.indexOf('PHCODE1\n');
    const changes = {
      'a byte of the ciphertext': [(bytes) => { bytes[at + 200] ^= 1; }, /start-failed|does not open with its key/],
      'the wrapped key': [(bytes) => { bytes[at + 50] ^= 1; }, /its key is not encrypted to this cluster for this phat and bundle/],
      'the key of the neighbour': [(bytes) => { others.copy(bytes, at + 44, at + 44, at + 44 + 80); }, /its key is not encrypted to this cluster for this phat and bundle/],
      'the epoch': [(bytes) => { bytes[at + 43] ^= 2; }, /a key epoch that this cluster does not have/],
    };
    for (const [what, [change, says]] of Object.entries(changes)) {
      await worker.stop();
      const bytes = Buffer.from(good);
      change(bytes);
      await writeFile(file, bytes);
      worker = await startWorker(t, { data });
      assert.equal((await call(worker, phat)).error?.code, 'start-failed', what);
      const authorization = await owner.authorization({ action: 'logs', name: 'target', cluster: worker.cluster });
      assert.match(await (await fetch(`${worker.url}/v1/phats/${phat}/logs`, { headers: { authorization } })).text(), says, what);
    }
    await worker.stop();
    await writeFile(file, good);
    worker = await startWorker(t, { data });
    assert.equal((await call(worker, phat)).error, undefined);
  });

  test('moves to a new epoch of the keys, and what was encrypted to the old one is good for nothing then', async (t) => {
    const keyOwner = new Owner();
    const owner = new Owner();
    const data = await tempDir(t);
    const noGrace = ['--epoch-grace', '0'];
    let worker = await startWorker(t, { data, args: ['--key-owner', keyOwner.address, ...noGrace] });
    const { phat } = await deployEncrypted(worker, owner, 'hidden', codeOf(newMarker()));
    const before = await call(worker, phat);
    const file = join(data, 'phats', `${phat}.phat`);
    const old = await readFile(file);
    assert.equal((await rotate(worker, [keyOwner])).status, 200);
    await until(async () => { const { epochs, older } = await status(worker); return epochs.length === 1 && older.known && older.secrets === 0; }, { timeoutMs: 60_000, what: 'the end of the old epoch' });
    assert.deepEqual((await status(worker)).epochs, [2]);
    await worker.stop();
    const moved = await readFile(file);
    const at = old.indexOf('PHCODE1\n');
    assert.deepEqual([old.readUInt32BE(at + 40), moved.readUInt32BE(at + 40)], [1, 2]);
    assert.ok(moved.subarray(at + 124).equals(old.subarray(at + 124)), 'the code itself is not encrypted anew');
    worker = await startWorker(t, { data, args: noGrace });
    assert.deepEqual(await call(worker, phat), before);
    await worker.stop();
    await writeFile(file, old);
    worker = await startWorker(t, { data, args: noGrace });
    assert.equal((await call(worker, phat)).error.code, 'start-failed');
    await until(() => /code: its key is encrypted to a key epoch that this cluster does not have/.test(worker.output()), { what: 'the reason' });
    assert.equal((await deployEncrypted(worker, owner, 'hidden', codeOf(newMarker()))).status, 200);
    assert.equal((await call(worker, phat)).error, undefined);
  });
});

describe('encrypted code in a cluster', { skip: postgresBin() ? false : 'PostgreSQL is not installed' }, () => {
  let server;
  before(async () => { server = await startPostgres(); });
  after(async () => { await server?.stop(); });

  const member = (t, data, args) => startMember(t, server.url, data, args);

  test('runs on the other workers, moves with their epoch, and the database never has it', async (t) => {
    const keyOwner = new Owner();
    const owner = new Owner();
    const marker = newMarker();
    const data = await tempDir(t);
    const first = await startWorker(t, { data, args: ['--key-owner', keyOwner.address] });
    await first.stop();
    const beside = await tempDir(t);
    await cp(data, beside, { recursive: true });
    const a = await member(t, data);
    const b = await member(t, beside);
    const { status: code, phat } = await deployEncrypted(a, owner, 'hidden', codeOf(marker));
    assert.equal(code, 201);
    const runs = (worker) => until(async () => (await call(worker, phat)).length === marker.length, { what: 'the phat' });
    await runs(a);
    await runs(b);
    const record = () => Buffer.from(server.query(`SELECT encode(record, 'hex') FROM phala_phats WHERE phat = '\\x${phat}' AND kind = 0`), 'hex');
    assert.ok(!record().includes(marker) && record().includes('PHCODE1\n'));

    assert.equal((await rotate(a, [keyOwner])).status, 200);
    const epoch = () => { const bytes = record(); return bytes.readUInt32BE(bytes.indexOf('PHCODE1\n') + 40); };
    await until(() => epoch() === 2, { timeoutMs: 30_000, what: 'the record of the new epoch' });
    // One that has nothing but the new keys.
    await a.stop();
    const fresh = await tempDir(t);
    for (const path of ['keyd.state', 'simulator']) await cp(join(data, path), join(fresh, path), { recursive: true });
    await runs(await member(t, fresh));
  });
});
