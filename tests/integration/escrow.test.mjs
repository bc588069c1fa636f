// Backups of a cluster's keys: made for its owners only, restored by enough holders and by nobody else, on an attested worker.
import assert from 'node:assert/strict';
import { hkdfSync, randomBytes } from 'node:crypto';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { privateKeyToAddress } from 'viem/accounts';
import { combine, openKeys, openShare, readBackup, returnShare, shareMessage } from './lib/escrow.mjs';
import { publicKey } from './lib/hpke.mjs';
import { fresh, post, rotate, signedAct } from './lib/keys.mjs';
import { writeKeystore } from './lib/keystore.mjs';
import { Owner } from './lib/owner.mjs';
import { atEnd, program, runTool, startDaemon, tempDir, until } from './lib/proc.mjs';
import { sameSimulator, startWorker } from './lib/worker.mjs';

const counter = `export default { fetch(request, env) {
  env.DB.exec('CREATE TABLE IF NOT EXISTS n(v)');
  env.DB.prepare('INSERT INTO n VALUES(1)').run();
  return Response.json(env.DB.prepare('SELECT count(*) AS n FROM n').first().n);
} };`;

/** Holders whose secrets the test has; the CLI derives such secrets from a keystore. */
const newHolders = (count) => Array.from({ length: count }, () => { const secret = randomBytes(32); return { secret, key: publicKey(secret) }; });

/** A backup by HTTP: its bytes, or the refusal. */
async function backUp(worker, owners, needed, holders, change = {}) {
  const act = await signedAct(owners, { ...await fresh(worker), needed, holders: holders.map(({ key }) => key.toString('hex')), ...change });
  return { act, ...await post(worker, '/v1/keys/backup', act) };
}

/** A worker under the simulator of `from` that waits for the keys of a cluster. */
async function waiting(t, from, cluster, { data, args = [] } = {}) {
  const dir = data ?? await tempDir(t);
  if (!data) await sameSimulator(from.dir, dir);
  const daemon = await startDaemon(t, program('phalad'), ['--data', dir, '--listen', '127.0.0.1:0', '--tee', 'simulator', '--open',
    '--keyd', program('phala-keyd'), '--run', program('phala-run'), '--restore', cluster, ...args]);
  return { ...daemon, dir, url: daemon.ready.url.replace(/\/$/, '') };
}

const offer = async (worker) => (await fetch(`${worker.url}/v1/restore?nonce=${'ab'.repeat(32)}`)).json();
const give = async (worker, raw, sealed) => {
  const response = await fetch(`${worker.url}/v1/restore`, { method: 'POST', body: shareMessage(raw, sealed) });
  return { status: response.status, ...await response.json() };
};
const handovers = async (worker) => (await (await fetch(`${worker.url}/v1/cluster/handovers`)).json()).handovers;

describe('backup', () => {
  test('from the command line: two of three holders bring the keys back on a new machine', async (t) => {
    const home = await tempDir(t);
    await writeFile(join(home, 'password'), 'correct horse\n', { mode: 0o600 });
    const cli = async (keystore, args) => {
      const result = await runTool(program('phala'), [...args, '--json'], {
        env: { HOME: home, XDG_CONFIG_HOME: join(home, 'config'), PHALA_PASSWORD_FILE: join(home, 'password'), PHALA_KEYSTORE: join(home, keystore) },
      });
      return { code: result.code, stderr: result.stderr, ...JSON.parse(result.stdout || '{}') };
    };
    const address = await writeKeystore(join(home, 'owner'), 'correct horse');
    const holders = [];
    for (const name of ['a', 'b', 'c']) {
      await writeKeystore(join(home, name), 'correct horse');
      holders.push((await cli(name, ['keys', 'holder'])).holder);
    }
    const worker = await startWorker(t, { args: ['--key-owner', address] });
    const phat = await worker.phat('count', counter, { state: {} });
    assert.equal(await (await phat()).json(), 1);
    const file = join(home, 'backup');
    const made = await cli('owner', ['keys', 'backup', '--worker', worker.url, '--needed', '2', ...holders.flatMap((key) => ['--holder', key]), '--out', file]);
    assert.deepEqual([made.code, made.epoch, made.needed, made.holders], [0, 1, 2, 3], JSON.stringify(made));
    const [written] = await handovers(worker);
    assert.deepEqual([written.what, written.peer, written.measurement], ['backed-up', address, '2 of 3 holders']);
    const policy = join(home, 'policy.json');
    await writeFile(policy, await readFile(join(worker.dir, 'simulator/cluster-policy.json')));
    await worker.stop();

    const data = await tempDir(t);
    await sameSimulator(worker.dir, data);
    for (const name of ['phats', 'state-log', 'state-pages']) await cp(join(worker.dir, name), join(data, name), { recursive: true });
    const restored = await waiting(t, worker, worker.cluster, { data });
    const held = await fetch(`${restored.url}/v1/info`);
    assert.deepEqual([held.status, (await held.json()).error.code], [503, 'restoring']);
    assert.equal((await fetch(`${restored.url}/p/${phat.id}/`)).status, 503);
    const at = ['--worker', restored.url, '--policy', policy];
    assert.equal((await cli('owner', ['keys', 'restore', file, ...at])).error.code, 'no-share');
    assert.equal((await cli('a', ['keys', 'restore', file, '--worker', restored.url])).error.code, 'unverified-worker');
    const first = await cli('a', ['keys', 'restore', file, ...at]);
    assert.deepEqual([first.code, first.have, first.needed, first.restored], [0, 1, 2, false], JSON.stringify(first));
    assert.match(JSON.stringify(await cli('a', ['keys', 'restore', file, ...at])), /here already/);
    const second = await cli('c', ['keys', 'restore', file, ...at]);
    assert.deepEqual([second.code, second.restored], [0, true], JSON.stringify(second));
    await until(async () => (await fetch(`${restored.url}/readyz`)).ok, { timeoutMs: 30_000, what: 'the restored worker' });
    const info = await (await fetch(`${restored.url}/v1/info`)).json();
    assert.equal(info.cluster, worker.cluster);
    assert.equal(info.caller_x25519, worker.info.caller_x25519);
    assert.notEqual(info.signer, worker.signer);
    assert.equal(await (await fetch(`${restored.url}/p/${phat.id}/`)).json(), 2);
    assert.equal((await handovers(restored))[0].what, 'restored');
    // The keys are its own now; the owners are still the same.
    await restored.stop();
    const again = await startWorker(t, { data, args: ['--restore', worker.cluster] });
    assert.equal(await (await fetch(`${again.url}/p/${phat.id}/`)).json(), 3);
    assert.deepEqual((await (await fetch(`${again.url}/v1/keys`)).json()).owners, [address]);
  });

  test('any that are enough give the keys, one less gives nothing, as an independent implementation reads the backup', async (t) => {
    const keyOwner = new Owner();
    const worker = await startWorker(t, { args: ['--key-owner', keyOwner.address] });
    assert.equal((await rotate(worker, [keyOwner])).status, 200);
    const holders = newHolders(5);
    const { status, bytes } = await backUp(worker, [keyOwner], 3, holders);
    assert.equal(status, 200);
    const backup = await readBackup(bytes);
    assert.deepEqual([backup.cluster, backup.epoch, backup.needed, backup.holders.length], [worker.cluster, 2, 3, 5]);
    const shares = holders.map(({ secret }, i) => openShare(backup, secret, i));
    const chosen = (set) => shares.filter((_, i) => set >> i & 1);
    for (let set = 0; set < 32; set++) {
      const some = chosen(set);
      if (some.length < 3) assert.throws(() => openKeys(backup, combine(some)), /another key/);
      if (some.length !== 3) continue;
      const keys = openKeys(backup, combine(some));
      // Version 2 with owners, epochs 1 and 2, and the identity that names the cluster.
      assert.deepEqual([keys[0], keys[33], keys.readUInt32BE(34), keys.readUInt32BE(70)], [2, 2, 1, 2]);
      const identity = hkdfSync('sha256', keys.subarray(1, 33), 'phala-keys-v1', Buffer.concat([Buffer.from('phala/cluster/secp256k1'), Buffer.from([0])]), 32);
      assert.equal(privateKeyToAddress(`0x${Buffer.from(identity).toString('hex')}`).toLowerCase(), worker.cluster);
    }
  });

  test('nobody but the owners gets one, and only for the holders that they signed', async (t) => {
    const owners = [new Owner(), new Owner()];
    const worker = await startWorker(t, { args: owners.flatMap(({ address }) => ['--key-owner', address]) });
    const holders = newHolders(2);
    for (const [signers, change, code, says] of [
      [[owners[0]], {}, 403, /2 of 2 owners must sign, 1 did/],
      [[owners[0], new Owner()], {}, 403, /no owner/],
      [[owners[1], owners[1]], {}, 403, /twice/],
      [owners, { worker: `0x${'11'.repeat(20)}` }, 403, /another worker/],
      [owners, { epoch: 7 }, 409, /another epoch/],
      [owners, { holders: undefined }, 403, /another purpose/],
      [owners, { holders: ['00'.repeat(32), holders[0].key.toString('hex')] }, 403, /holders' keys/],
    ]) {
      const got = await backUp(worker, signers, 2, holders, change);
      assert.equal(got.status, code, `${says} ${JSON.stringify(got.json)}`);
      assert.match(got.error.message, says);
    }
    const good = await backUp(worker, owners, 2, holders);
    assert.equal(good.status, 200);
    // The operator changes a holder under the signatures, or asks once more.
    const swapped = { ...await signedAct(owners, { ...await fresh(worker), needed: 2, holders: holders.map(({ key }) => key.toString('hex')) }) };
    swapped.act = swapped.act.replace(holders[1].key.toString('hex'), newHolders(1)[0].key.toString('hex'));
    assert.match((await post(worker, '/v1/keys/backup', swapped)).error.message, /no owner/);
    assert.match((await post(worker, '/v1/keys/backup', good.act)).error.message, /done already/);
    assert.deepEqual((await handovers(worker)).map(({ what }) => what), ['backed-up']);
  });
});

describe('restore', () => {
  test('shares that are wrong, come twice, or are of another backup or cluster are refused, each with its reason', async (t) => {
    const keyOwner = new Owner();
    const [worker, stranger] = await Promise.all([1, 2].map(() => startWorker(t, { args: ['--key-owner', keyOwner.address] })));
    const holders = newHolders(3);
    const raw = (await backUp(worker, [keyOwner], 2, holders)).bytes;
    const other = (await backUp(worker, [keyOwner], 2, holders)).bytes;
    const foreign = (await backUp(stranger, [keyOwner], 2, holders)).bytes;
    const [backup, backup2, backup3] = await Promise.all([raw, other, foreign].map(readBackup));
    const target = await waiting(t, worker, worker.cluster, { args: ['--tls', '127.0.0.1:0'] });
    const overTls = (path) => new Promise((resolve, reject) => {
      const url = target.ready.urls.find((one) => one.startsWith('https:')).replace(/\/$/, '');
      https.get(url + path, { rejectUnauthorized: false }, (answer) => { answer.resume(); resolve(answer.statusCode); }).on('error', reject);
    });
    assert.equal(await overTls(`/v1/restore?nonce=${'00'.repeat(32)}`), 200);
    assert.equal(await overTls('/v1/phats'), 503);
    const key = Buffer.from((await offer(target)).key, 'hex');
    const sealed = (from, i, change = (share) => share) => returnShare(from, change(openShare(from, holders[i].secret, i)), key);
    const refused = async (message, says, code = 403) => {
      const got = await message;
      assert.equal(got.status, code, JSON.stringify(got));
      assert.match(got.error.message, says);
    };

    const altered = Buffer.from(raw);
    altered[40] ^= 1;
    await refused(give(target, altered, sealed(backup, 0)), /not signed by the cluster/);
    await refused(give(target, raw.subarray(0, 100), sealed(backup, 0)), /not a backup/, 400);
    await refused(give(target, foreign, sealed(backup3, 0)), /of another cluster/);
    await refused(give(target, raw, sealed(backup, 0).subarray(1)), /81 bytes/, 400);
    await refused(give(target, raw, sealed(backup2, 0)), /not sealed to this phala-keyd for this backup/);
    await refused(give(target, raw, returnShare(backup, openShare(backup, holders[0].secret, 0), publicKey(randomBytes(32)))), /not sealed to this phala-keyd/);
    await refused(give(target, raw, backup.holders[0].share), /not sealed to this phala-keyd/);
    await refused(give(target, raw, sealed(backup, 0, (share) => { share[32] ^= 1; return share; })), /not one of this backup/);
    await refused(give(target, raw, sealed(backup, 0, (share) => { share[0] = 2; return share; })), /not one of this backup/);
    assert.equal((await offer(target)).have, 0);

    assert.deepEqual(await give(target, raw, sealed(backup, 0)), { status: 200, have: 1, needed: 2 });
    await refused(give(target, raw, sealed(backup, 0)), /here already/, 409);
    await refused(give(target, other, sealed(backup2, 1)), /another backup than those that came before/);
    assert.equal((await offer(target)).have, 1);
    assert.deepEqual(await give(target, raw, sealed(backup, 2)), { status: 200, have: 2, needed: 2 });
    await until(async () => (await fetch(`${target.url}/readyz`)).ok, { timeoutMs: 30_000, what: 'the restored worker' });
    assert.equal(await overTls('/readyz'), 200);
    // Restored: nothing more is taken, here or on a worker that has its keys.
    await refused(give(target, raw, sealed(backup, 1)), /has the keys of a cluster/, 409);
    await refused(give(worker, raw, sealed(backup, 1)), /has the keys of a cluster/, 409);
    assert.equal((await fetch(`${worker.url}/v1/restore?nonce=${'00'.repeat(32)}`)).status, 409);
    assert.equal((await fetch(`${target.url}/v1/restore`)).status, 400);
  });

  test('killed between two shares it begins anew, with another key', async (t) => {
    const keyOwner = new Owner();
    const worker = await startWorker(t, { args: ['--key-owner', keyOwner.address] });
    const holders = newHolders(2);
    const raw = (await backUp(worker, [keyOwner], 2, holders)).bytes;
    const backup = await readBackup(raw);
    let target = await waiting(t, worker, worker.cluster);
    const before = await offer(target);
    const sealed = returnShare(backup, openShare(backup, holders[0].secret, 0), Buffer.from(before.key, 'hex'));
    assert.equal((await give(target, raw, sealed)).have, 1);
    await target.stop({ signal: 'SIGKILL' });
    target = await waiting(t, worker, worker.cluster, { data: target.dir });
    const after = await offer(target);
    assert.notEqual(after.key, before.key);
    assert.equal(after.have, 0);
    assert.match((await give(target, raw, sealed)).error.message, /not sealed to this phala-keyd/);
    for (const i of [1, 0]) assert.equal((await give(target, raw, returnShare(backup, openShare(backup, holders[i].secret, i), Buffer.from(after.key, 'hex')))).status, 200);
    await until(async () => (await fetch(`${target.url}/readyz`)).ok, { timeoutMs: 30_000, what: 'the restored worker' });
  });

  test('a holder gives no share to a machine that proves nothing, nor to who stands between', async (t) => {
    const home = await tempDir(t);
    await writeFile(join(home, 'password'), 'correct horse\n', { mode: 0o600 });
    const cli = async (args) => {
      const result = await runTool(program('phala'), [...args, '--json'], {
        env: { HOME: home, XDG_CONFIG_HOME: join(home, 'config'), PHALA_PASSWORD_FILE: join(home, 'password'), PHALA_KEYSTORE: join(home, 'key') },
      });
      return { code: result.code, ...JSON.parse(result.stdout || '{}') };
    };
    await writeKeystore(join(home, 'key'), 'correct horse');
    const { holder } = await cli(['keys', 'holder']);
    const keyOwner = new Owner();
    const worker = await startWorker(t, { args: ['--key-owner', keyOwner.address] });
    const { bytes } = await backUp(worker, [keyOwner], 1, [{ key: Buffer.from(holder, 'hex') }]);
    const file = join(home, 'backup');
    await writeFile(file, bytes);
    const policyFile = join(worker.dir, 'simulator/cluster-policy.json');
    const target = await waiting(t, worker, worker.cluster);

    // A relay that puts a key, an answer or a cluster of its own in place.
    const mine = publicKey(randomBytes(32)).toString('hex');
    const once = await (await fetch(`${target.url}/v1/restore?nonce=${'cd'.repeat(32)}`)).json();
    let change;
    const posted = [];
    const relay = createServer(async (request, response) => {
      if (request.method === 'POST') posted.push(request.url);
      const real = await (await fetch(target.url + request.url)).json();
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(change(real)));
    });
    await new Promise((resolve) => { relay.listen(0, '127.0.0.1', resolve); });
    atEnd(t, () => { relay.closeAllConnections(); relay.close(); });
    const url = `http://127.0.0.1:${relay.address().port}`;
    const strict = join(home, 'strict.json');
    const policy = JSON.parse(await readFile(policyFile, 'utf8'));
    policy.measurements.tdx[0].mr_td = '00'.repeat(48);
    await writeFile(strict, JSON.stringify(policy));
    for (const [what, alter, says, use = policyFile] of [
      ['its own key', (real) => ({ ...real, key: mine }), /report data/i],
      ['another signer', (real) => ({ ...real, signer: `0x${'11'.repeat(20)}` }), /report data/i],
      ['an old answer', () => once, /another nonce/],
      ['an old answer under the new nonce', (real) => ({ ...once, nonce: real.nonce }), /report data/i],
      ['another cluster', (real) => ({ ...real, cluster: `0x${'11'.repeat(20)}` }), /another cluster/],
      ['a member too many', (real) => ({ ...real, more: 1 }), /cannot be read/],
      ['code that is not trusted', (real) => real, /measurement|refused/, strict],
    ]) {
      change = alter;
      const got = await cli(['keys', 'restore', file, '--worker', url, '--policy', use]);
      assert.equal(got.code, 1, what);
      assert.match(got.error.message, says, what);
    }
    assert.deepEqual(posted, []);
    const damaged = Buffer.from(bytes);
    damaged[100] ^= 1;
    await writeFile(join(home, 'damaged'), damaged);
    assert.equal((await cli(['keys', 'restore', join(home, 'damaged'), '--worker', target.url, '--policy', policyFile])).error.code, 'bad-backup');
    assert.equal((await cli(['keys', 'restore', file, '--worker', target.url, '--policy', policyFile])).restored, true);
  });
});
