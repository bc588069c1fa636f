// The keys of a cluster go from worker to worker, and to nobody else: every refusal with its reason.
import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { Owner } from './lib/owner.mjs';
import { atEnd, program, runTool, tempDir } from './lib/proc.mjs';
import { envelopeOf, sha256 } from './lib/secrets.mjs';
import { sameSimulator, startWorker } from './lib/worker.mjs';

const reader = 'export default { fetch(request, env) { return Response.json(env.API_KEY ?? null); } };';
const tls = ['--tls', '127.0.0.1:0'];

/** A worker that could join `giver`: its data directory. */
async function sibling(t, giver) {
  const data = await tempDir(t);
  await sameSimulator(giver.dir, data);
  return data;
}

/** Start a worker that must not come up; yields what it logged. */
async function refusedToJoin(data, url, ...args) {
  const result = await runTool(program('phalad'), ['--data', data, '--listen', '127.0.0.1:0', '--tee', 'simulator', '--open',
    '--keyd', program('phala-keyd'), '--run', program('phala-run'), '--join', url, ...args]);
  assert.notEqual(result.code, 0, 'it came up');
  await assert.rejects(stat(join(data, 'keyd.state')), { code: 'ENOENT' });
  return result.stdout + result.stderr;
}

const handovers = async (worker) => (await (await fetch(`${worker.url}/v1/cluster/handovers`)).json()).handovers;

async function policyOf(t, giver, change) {
  const policy = JSON.parse(await readFile(join(giver.dir, 'simulator/cluster-policy.json'), 'utf8'));
  change(policy);
  const file = join(await tempDir(t), 'policy.json');
  await writeFile(file, JSON.stringify(policy));
  return file;
}

/** A key and a certificate that prove nothing. */
async function stranger(t) {
  const dir = await tempDir(t);
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  await runTool('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '1', '-subj', '/CN=stranger']);
  return { key: await readFile(key), cert: await readFile(cert) };
}
const MUTUAL = 'phala-ratls/1';

/** One request over TLS with nothing judged. */
const post = (url, path, body = Buffer.alloc(0), options = {}) => new Promise((resolve, reject) => {
  const request = https.request(url + path, { method: 'POST', rejectUnauthorized: false, agent: false, ...options }, async (response) => {
    const parts = [];
    for await (const part of response) parts.push(part);
    resolve({ status: response.statusCode, body: Buffer.concat(parts) });
  });
  request.on('error', reject);
  request.end(body);
});

describe('cluster', () => {
  test('a second worker joins, shares what belongs to the cluster and nothing else, and keeps it', async (t) => {
    const first = await startWorker(t, { args: tls });
    const data = await sibling(t, first);
    let second = await startWorker(t, { data, args: ['--join', first.tlsUrl] });
    assert.equal(second.cluster, first.cluster);
    assert.equal(second.info.caller_x25519, first.info.caller_x25519);
    assert.equal(second.info.epoch, 1);
    assert.equal(second.info.cluster_policy, first.info.cluster_policy);
    for (const own of ['signer', 'tls_pub']) assert.notEqual(second.info[own], first.info[own], own);

    // Sealed by the one, released by the other; one signature is good for both.
    const owner = new Owner();
    const id = owner.phatId('shared');
    const envelope = envelopeOf(first.info.caller_x25519, id, { API_KEY: 'of both' });
    const content = sha256(envelope);
    await first.phat('shared', reader, {}, owner);
    const authorization = await owner.authorization({ action: 'secrets', name: 'shared', cluster: first.cluster, sequence: owner.nextSequence(), content });
    const put = (worker) => fetch(`${worker.url}/v1/phats/${id}/secrets`, { method: 'PUT', headers: { authorization }, body: envelope });
    assert.equal((await put(first)).status, 200);
    const files = (await readdir(first.dir, { recursive: true })).filter((name) => name.includes(id));
    assert.ok(files.length >= 2, files.join());
    await second.stop();
    for (const name of files) {
      await mkdir(join(data, name, '..'), { recursive: true });
      await copyFile(join(first.dir, name), join(data, name));
    }

    // Its own state from now on: the giver is not needed any more.
    await first.stop();
    const before = second;
    second = await startWorker(t, { data, args: ['--join', first.tlsUrl] });
    assert.equal(second.cluster, first.cluster);
    assert.equal(second.signer, before.signer);
    assert.equal(await (await fetch(`${second.url}/p/${id}/`)).json(), 'of both');

    const [took] = await handovers(second);
    assert.deepEqual([took.what, took.peer, took.epoch], ['took', first.signer, 1]);
    assert.match(took.measurement, /^TDX [0-9a-f]{96} INSECURE-SIMULATOR$/);
    const again = await startWorker(t, { data: first.dir });
    const [gave, ...more] = await handovers(again);
    assert.deepEqual([gave.what, gave.peer, gave.measurement, more.length], ['gave', before.signer, took.measurement, 0]);
  });

  test('the giver refuses evidence that its policy does not accept, and says why', async (t) => {
    const first = await startWorker(t, { args: tls });
    const refusals = {
      'another measurement': [(p) => { p.measurements.tdx[0].mr_td = '00'.repeat(48); }, /evidence refused: policy-measurement/],
      'any code at all': [(p) => { p.measurements = 'any'; }, /accepts any code; name measurements/],
      'a TCB that is too old': [(p) => { p.min_tcb_date = '2099-01-01T00:00:00Z'; }, /evidence refused: .*date/],
      'a TCB status that is not listed': [(p) => { p.statuses = ['OutOfDate']; }, /evidence refused: .*status/],
      'a simulator, at a policy for hardware': [(p) => { delete p.simulator_root_insecure; }, /evidence refused: root-untrusted/],
      'another simulator': [(p) => { p.simulator_root_insecure = '11'.repeat(32); }, /evidence refused: root-untrusted/],
    };
    for (const [what, [change, says]] of Object.entries(refusals)) {
      const data = await tempDir(t);
      await sameSimulator(first.dir, data);
      const giver = await startWorker(t, { data, args: [...tls, '--cluster-policy', await policyOf(t, first, change)] });
      const log = await refusedToJoin(await sibling(t, first), giver.tlsUrl);
      assert.match(log, says, what);
      assert.match(log, /join-refused/, what);
      assert.deepEqual(await handovers(giver), [], what);
      // The same policy makes a joiner refuse the giver.
      if (what !== 'any code at all') {
        const file = await policyOf(t, first, change);
        assert.match(await refusedToJoin(await sibling(t, first), first.tlsUrl, '--cluster-policy', file), says, `joiner: ${what}`);
      }
    }
  });

  test('who stands between the two is refused by the joiner, and what he has is good for nothing', async (t) => {
    const first = await startWorker(t, { args: tls });
    const own = await stranger(t);
    const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: 1, ALPNProtocols: [MUTUAL], ...own });
    const seen = [];
    const relayOf = async (options) => {
      const relay = https.createServer({ ...own, ...options }, (request, response) => {
        const parts = [];
        request.on('data', (part) => parts.push(part));
        request.on('end', () => {
          const body = Buffer.concat(parts);
          seen.push({ path: request.url, body });
          const on = https.request(first.tlsUrl + request.url, { method: 'POST', agent, headers: { 'content-length': body.length } }, (answer) => {
            response.writeHead(answer.statusCode, { 'content-type': answer.headers['content-type'], 'content-length': answer.headers['content-length'] });
            answer.pipe(response);
          });
          on.on('error', () => response.destroy());
          on.end(body);
        });
      });
      await new Promise((resolve) => { relay.listen(0, '127.0.0.1', resolve); });
      atEnd(t, () => { agent.destroy(); relay.closeAllConnections(); relay.close(); });
      return `https://127.0.0.1:${relay.address().port}`;
    };

    // An ordinary TLS proxy does not offer what workers speak to each other.
    assert.match(await refusedToJoin(await sibling(t, first), await relayOf({})), /no hand-over is offered there/);
    assert.deepEqual(seen, []);
    // One that does has no evidence for its key.
    const url = await relayOf({ ALPNProtocols: [MUTUAL], requestCert: true, rejectUnauthorized: false });
    assert.match(await refusedToJoin(await sibling(t, first), url), /the peer's certificate: no evidence is in it/);
    assert.deepEqual(seen.map(({ path }) => path), ['/v1/cluster/nonce']);
    assert.deepEqual(await handovers(first), []);
    // Nor does the giver take his word, with a nonce of his own.
    const options = { ALPNProtocols: [MUTUAL], ...own };
    const { body: nonce } = await post(first.tlsUrl, '/v1/cluster/nonce', undefined, options);
    const message = Buffer.concat([Buffer.alloc(32, 9), nonce, Buffer.alloc(20), Buffer.from('{}')]);
    const refused = await post(first.tlsUrl, '/v1/cluster/join', message, options);
    assert.equal(refused.status, 403);
    assert.match(refused.body.toString(), /the peer's certificate: no evidence is in it/);
    const replayed = await post(first.tlsUrl, '/v1/cluster/join', message, options);
    assert.match(replayed.body.toString(), /used before/);
    // A worker's certificate without its key opens nothing: the handshake fails.
    const leaf = await new Promise((resolve, reject) => {
      const socket = connectTls({ port: Number(new URL(first.tlsUrl).port), host: '127.0.0.1', rejectUnauthorized: false }, () => { resolve(socket.getPeerX509Certificate().toString()); socket.destroy(); });
      socket.on('error', reject);
    });
    await assert.rejects(post(first.tlsUrl, '/v1/cluster/nonce', undefined, { ALPNProtocols: [MUTUAL], key: own.key, cert: leaf }));
  });

  test('messages that are none, and connections that cannot be bound, are refused', async (t) => {
    const first = await startWorker(t, { args: tls });
    const plain = await fetch(`${first.url}/v1/cluster/nonce`, { method: 'POST' });
    assert.deepEqual([plain.status, (await plain.json()).error.code], [403, 'tls-needed']);
    const oneSided = await post(first.tlsUrl, '/v1/cluster/nonce');
    assert.deepEqual([oneSided.status, JSON.parse(oneSided.body).error.code], [403, 'tls-needed']);
    const options = { ALPNProtocols: [MUTUAL], ...await stranger(t) };
    const short = await post(first.tlsUrl, '/v1/cluster/join', Buffer.alloc(84), options);
    assert.match(short.body.toString(), /expected key, nonce, signer and evidence/);
    const foreign = await post(first.tlsUrl, '/v1/cluster/join', Buffer.alloc(200, 7), options);
    assert.match(foreign.body.toString(), /not one of this worker's/);
    assert.equal((await post(first.tlsUrl, '/v1/cluster/join', Buffer.alloc(100 * 1024), options)).status, 413);
    // Who offers the protocol of workers and shows nothing is not spoken to.
    await assert.rejects(post(first.tlsUrl, '/v1/cluster/nonce', undefined, { ALPNProtocols: [MUTUAL] }));
    assert.equal((await fetch(`${first.url}/healthz`)).status, 200);
    assert.match(await refusedToJoin(await sibling(t, first), 'https://127.0.0.1:1'), /not handed over/);
  });
});
