// Rotation of a cluster's keys: by its owners only, once, over crashes and roll-backs, and to no worker that the policy does not accept.
import assert from 'node:assert/strict';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fresh, post, rotate, signedAct, status } from './lib/keys.mjs';
import { writeKeystore } from './lib/keystore.mjs';
import { Owner } from './lib/owner.mjs';
import { atEnd, program, runTool, tempDir, until } from './lib/proc.mjs';
import { putSecrets } from './lib/secrets.mjs';
import { sameSimulator, startWorker } from './lib/worker.mjs';

const reader = 'export default { fetch(request, env) { return Response.json(env.API_KEY ?? null); } };';
const tls = ['--tls', '127.0.0.1:0'];
const ownedBy = (owners, needed) => [...owners.flatMap(({ address }) => ['--key-owner', address]), ...(needed ? ['--key-owners-needed', `${needed}`] : [])];
const info = async (worker) => (await fetch(`${worker.url}/v1/info`)).json();
const handovers = async (worker) => (await (await fetch(`${worker.url}/v1/cluster/handovers`)).json()).handovers;

/** Seals secrets to the key that `to`, an answer of /v1/info, names, and has `worker` store them. */
const putKey = (worker, to, owner, name, value) => putSecrets(worker, owner, name, { API_KEY: value }, { to: to.caller_x25519 });

async function policyOf(t, giver, change) {
  const policy = JSON.parse(await readFile(join(giver.dir, 'simulator/cluster-policy.json'), 'utf8'));
  change(policy);
  const file = join(await tempDir(t), 'policy.json');
  await writeFile(file, JSON.stringify(policy));
  return file;
}

describe('rotation', () => {
  test('a new epoch has new keys, old secrets stay readable, and a restart changes nothing', async (t) => {
    const keyOwner = new Owner();
    const worker = await startWorker(t, { args: ownedBy([keyOwner]) });
    const before = await info(worker);
    const owner = new Owner();
    const phat = await worker.phat('kept', reader, {}, owner);
    assert.equal((await putKey(worker, before, owner, 'kept', 'from before')).status, 200);
    assert.equal(await (await phat()).json(), 'from before');

    const rotated = await rotate(worker, [keyOwner]);
    assert.deepEqual([rotated.status, rotated.json], [200, { epoch: 2 }]);
    const after = await info(worker);
    assert.equal(after.epoch, 2);
    assert.notEqual(after.caller_x25519, before.caller_x25519);
    for (const same of ['cluster', 'signer', 'tls_pub']) assert.equal(after[same], before[same], same);
    // What the evidence binds is the new epoch's key.
    const { identity } = await (await fetch(`${worker.url}/v1/attestation`)).json();
    assert.equal(identity.caller_x25519, after.caller_x25519);
    assert.equal(identity.ohttp_keys, Buffer.from(await (await fetch(`${worker.url}/v1/ohttp-keys`)).arrayBuffer()).toString('hex'));
    assert.equal(await (await phat()).json(), 'from before');
    // An owner who asked for the key before the rotation may still send.
    assert.equal((await putKey(worker, before, owner, 'kept', 'sealed to the old key')).status, 200);
    assert.equal(await (await phat()).json(), 'sealed to the old key');

    await worker.stop();
    const again = await startWorker(t, { data: worker.dir });
    assert.equal(again.info.epoch, 2);
    assert.equal(again.info.caller_x25519, after.caller_x25519);
    assert.equal(await (await fetch(`${again.url}/p/${phat.id}/`)).json(), 'sealed to the old key');
    const [written] = await handovers(again);
    assert.deepEqual([written.what, written.peer, written.epoch], ['rotated', keyOwner.address.toLowerCase(), 2]);
  });

  test('nobody but enough of the owners may rotate', async (t) => {
    const owners = [new Owner(), new Owner(), new Owner()];
    const worker = await startWorker(t, { args: ownedBy(owners, 2) });
    const { owners: named, owners_needed: needed } = await status(worker);
    assert.deepEqual([named, needed], [owners.map(({ address }) => address.toLowerCase()), 2]);
    const refusals = [
      [[owners[0]], {}, 403, /2 of 3 owners must sign, 1 did/],
      [[owners[0], owners[0]], {}, 403, /one owner signed it twice/],
      [[owners[0], new Owner()], {}, 403, /somebody who is no owner/],
      [[], {}, 403, /2 of 3 owners must sign, 0 did/],
      [owners, { cluster: `0x${'11'.repeat(20)}` }, 403, /signed for another cluster/],
      [owners, { worker: `0x${'11'.repeat(20)}` }, 403, /signed for another worker/],
      [owners, { epoch: 2 }, 409, /another epoch than the newest/],
      [owners, { nonce: '00'.repeat(32) }, 403, /nonce is not of this worker since its last start/],
      [owners, { expires: Math.floor(Date.now() / 1000) - 1 }, 403, /expired/],
      [owners, { expires: Math.floor(Date.now() / 1000) + 7200 }, 403, /more than an hour/],
      [owners, { needed: 1, holders: ['22'.repeat(32)] }, 403, /signed for another purpose/],
    ];
    for (const [signers, change, code, says] of refusals) {
      const got = await rotate(worker, signers, change);
      assert.equal(got.status, code, `${says}: ${JSON.stringify(got.json)}`);
      assert.match(got.error.message, says);
    }
    for (const body of ['', '[]', '{}', 'x'.repeat(10_000)]) {
      const got = await fetch(`${worker.url}/v1/keys/rotate`, { method: 'POST', body });
      assert.ok([400, 413].includes(got.status), `${body.slice(0, 10)}: ${got.status}`);
    }
    assert.equal((await info(worker)).epoch, 1);
    const done = await rotate(worker, [owners[2], owners[0]]);
    assert.equal(done.status, 200, JSON.stringify(done.json));
    // The same act once more: the epoch is another, and at the epoch that it would need the nonce is spent.
    const replayed = await post(worker, '/v1/keys/rotate', done.act);
    assert.equal(replayed.status, 409);

    const unowned = await startWorker(t);
    const refused = await rotate(unowned, owners);
    assert.deepEqual([refused.status, refused.error.code], [403, 'no-key-owners']);
  });

  test('an act that was done, or that is older than a restart, is refused: rolled-back keys cannot be rotated again with it', async (t) => {
    const keyOwner = new Owner();
    const first = await startWorker(t, { args: ownedBy([keyOwner]) });
    const state = join(first.dir, 'keyd.state');
    await copyFile(state, join(first.dir, 'old'));
    const unused = await signedAct([keyOwner], await fresh(first));
    const done = await rotate(first, [keyOwner]);
    assert.equal(done.status, 200);
    const owner = new Owner();
    const phat = await first.phat('new', reader, {}, owner);
    assert.equal((await putKey(first, await info(first), owner, 'new', 'of epoch 2')).status, 200);
    await first.stop();

    await copyFile(join(first.dir, 'old'), state);
    const back = await startWorker(t, { data: first.dir });
    assert.equal(back.info.epoch, 1);
    for (const act of [done.act, unused]) {
      const again = await post(back, '/v1/keys/rotate', act);
      assert.equal(again.status, 403);
      assert.match(again.error.message, /not of this worker since its last start/);
    }
    // It cannot read what it does not have the key for, and says so.
    const call = await fetch(`${back.url}/p/${phat.id}/`);
    assert.ok(call.status >= 500, `${call.status}`);
    assert.match(back.output(), /it has no such epoch/);
    const cli = await runTool(program('phala'), ['keys', 'status', '--worker', back.url, '--at-least', '2', '--json']);
    assert.deepEqual([cli.code, JSON.parse(cli.stdout).error.code], [1, 'older-epoch']);
  });

  test('whatever moment phalad is killed at, a rotation has happened wholly or not at all', async (t) => {
    const keyOwner = new Owner();
    const data = await tempDir(t);
    let worker = await startWorker(t, { data, args: ownedBy([keyOwner]) });
    const owner = new Owner();
    const phat = await worker.phat('kept', reader, {}, owner);
    let value = 'first';
    assert.equal((await putKey(worker, await info(worker), owner, 'kept', value)).status, 200);
    for (let round = 0; round < 6; round++) {
      const { epoch } = await info(worker);
      const act = await signedAct([keyOwner], await fresh(worker));
      const sent = post(worker, '/v1/keys/rotate', act).catch(() => ({}));
      // Some rounds before, some amid, some after.
      if (round % 3 === 1) await new Promise((resolve) => { setImmediate(resolve); });
      if (round % 3 === 2) await sent;
      await worker.stop({ signal: 'SIGKILL' });
      const { status: answered } = await sent;
      worker = await startWorker(t, { data });
      assert.ok([epoch, epoch + 1].includes(worker.info.epoch), `${epoch} became ${worker.info.epoch}`);
      if (answered === 200) assert.equal(worker.info.epoch, epoch + 1);
      assert.equal(await (await fetch(`${worker.url}/p/${phat.id}/`)).json(), value);
      value = `round ${round}`;
      assert.equal((await putKey(worker, worker.info, owner, 'kept', value)).status, 200);
      assert.equal(await (await fetch(`${worker.url}/p/${phat.id}/`)).json(), value);
    }
  });

  test('a worker that joined is handed the new epoch; one whose measurement is revoked is not', async (t) => {
    const keyOwner = new Owner();
    const data = await tempDir(t);
    let first = await startWorker(t, { data, args: [...tls, ...ownedBy([keyOwner])] });
    const port = new URL(first.tlsUrl).port;
    const join1 = await tempDir(t);
    await sameSimulator(first.dir, join1);
    const second = await startWorker(t, { data: join1, args: ['--join', first.tlsUrl] });
    assert.deepEqual((await status(second)).owners, [keyOwner.address.toLowerCase()]);
    assert.equal((await rotate(first, [keyOwner])).status, 200);
    await until(async () => (await info(second)).epoch === 2, { timeoutMs: 30_000, what: 'the new epoch at the second worker' });
    assert.equal((await info(second)).caller_x25519, (await info(first)).caller_x25519);
    assert.deepEqual((await handovers(second)).map(({ what, epoch }) => [what, epoch]), [['took', 1], ['took', 2]]);
    assert.deepEqual((await handovers(first)).map(({ what, epoch }) => [what, epoch]), [['gave', 1], ['rotated', 2], ['gave', 2]]);

    // The policy no longer accepts what the second runs: it keeps what it has, and gets nothing new.
    const policy = await policyOf(t, first, (p) => { p.measurements.tdx[0].mr_td = '00'.repeat(48); });
    await first.stop();
    first = await startWorker(t, { data, args: ['--tls', `127.0.0.1:${port}`, '--cluster-policy', policy] });
    assert.equal((await rotate(first, [keyOwner])).status, 200);
    assert.equal((await info(first)).epoch, 3);
    await until(() => /newer keys of the cluster were not handed over[^\n]*policy-measurement/.test(second.output()), { timeoutMs: 30_000, what: 'the refusal' });
    assert.equal((await info(second)).epoch, 2);
    assert.equal((await handovers(first)).filter(({ what, epoch }) => what === 'gave' && epoch === 3).length, 0);
    const secrets = new Owner();
    await second.phat('stays', reader, {}, secrets);
    assert.notEqual((await putKey(second, await info(first), secrets, 'stays', 'for epoch 3')).status, 200);
  });

  test('who stands between two workers hands no epoch on, and two rotations of one epoch are not mixed', async (t) => {
    const keyOwner = new Owner();
    const first = await startWorker(t, { args: [...tls, ...ownedBy([keyOwner])] });
    const key = join(first.dir, 'relay.key');
    const cert = join(first.dir, 'relay.pem');
    await runTool('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '1', '-subj', '/CN=relay']);
    const own = { key: await readFile(key), cert: await readFile(cert), ALPNProtocols: ['phala-ratls/1'] };
    const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: 1, ...own });
    const relay = https.createServer({ ...own, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      const on = https.request(first.tlsUrl + request.url, { method: request.method, agent, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode, { 'content-type': answer.headers['content-type'], 'content-length': answer.headers['content-length'] });
        answer.pipe(response);
      });
      request.pipe(on);
    });
    await new Promise((resolve) => { relay.listen(0, '127.0.0.1', resolve); });
    atEnd(t, () => { agent.destroy(); relay.closeAllConnections(); relay.close(); });

    const data = await tempDir(t);
    await sameSimulator(first.dir, data);
    let second = await startWorker(t, { data, args: ['--join', first.tlsUrl] });
    await second.stop();
    second = await startWorker(t, { data, args: ['--join', `https://127.0.0.1:${relay.address().port}`] });
    assert.equal((await rotate(first, [keyOwner])).status, 200);
    await until(() => /not handed over[^\n]*no evidence is in it/.test(second.output()), { timeoutMs: 30_000, what: 'the refusal of the relay' });
    assert.equal((await info(second)).epoch, 1);

    // The second rotates by itself: its epoch 2 is another key. Neither takes the other's.
    assert.equal((await rotate(second, [keyOwner])).status, 200);
    await second.stop();
    assert.equal((await rotate(first, [keyOwner])).status, 200);
    second = await startWorker(t, { data, args: ['--join', first.tlsUrl] });
    await until(() => /not handed over[^\n]*rotated again/.test(second.output()), { timeoutMs: 30_000, what: 'the refusal of another epoch 2' });
    assert.equal((await info(second)).epoch, 2);
  });

  test('the command line shows, signs and rotates', async (t) => {
    const home = await tempDir(t);
    await writeFile(join(home, 'password'), 'correct horse\n', { mode: 0o600 });
    const cli = async (args, keystore = 'one.json') => {
      const result = await runTool(program('phala'), [...args, '--json'], {
        env: { HOME: home, XDG_CONFIG_HOME: join(home, 'config'), PHALA_PASSWORD_FILE: join(home, 'password'), PHALA_KEYSTORE: join(home, keystore) },
      });
      return { code: result.code, stderr: result.stderr, ...JSON.parse(result.stdout || '{}') };
    };
    const addresses = [];
    for (const keystore of ['one.json', 'two.json']) addresses.push(await writeKeystore(join(home, keystore), 'correct horse'));
    const worker = await startWorker(t, { args: addresses.flatMap((address) => ['--key-owner', address]) });
    const at = ['--worker', worker.url];

    const shown = await cli(['keys', 'status', ...at]);
    assert.deepEqual([shown.code, shown.epoch, shown.epochs, shown.owners_needed], [0, 1, [1], 2]);
    const alone = await cli(['keys', 'rotate', ...at]);
    assert.deepEqual([alone.code, alone.error?.code], [1, 'key-act-refused']);
    const act = join(home, 'act.json');
    assert.equal((await cli(['keys', 'rotate', '--act', act, ...at])).signatures, 1);
    const second = await cli(['keys', 'sign', act], 'two.json');
    assert.equal(second.signatures, 2);
    assert.match(second.stderr, /rotate the keys of cluster 0x[0-9a-f]{40}, epoch 1, by worker 0x[0-9a-f]{40}/);
    const rotated = await cli(['keys', 'send', act, ...at]);
    assert.deepEqual([rotated.code, rotated.epoch], [0, 2]);
    assert.deepEqual((await cli(['keys', 'send', act, ...at])).error?.code, 'conflict');
    assert.equal((await cli(['keys', 'status', '--at-least', '2', ...at])).code, 0);
    for (const wrong of [['keys', 'turn'], ['keys', 'sign'], ['keys', 'status', act], ['keys', 'backup', ...at], ['keys', 'backup', '--holder', 'x', '--needed', '1', ...at]])
      assert.equal((await cli(wrong)).code, 2, wrong.join(' '));
  });
});
