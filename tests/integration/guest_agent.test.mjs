// The guest agent of phalad, with dstack's own SDK as it is published.
import assert from 'node:assert/strict';
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ed25519 } from '@noble/curves/ed25519';
import { secp256k1 } from '@noble/curves/secp256k1';
import { keccak_256 } from '@noble/hashes/sha3';
import { DstackClient, TappdClient } from '@phala/dstack-sdk';
import { toViemAccountSecure } from '@phala/dstack-sdk/viem';
import { recoverMessageAddress } from 'viem';
import { publicKeyToAddress } from 'viem/utils';
import { script } from './lib/bundle.mjs';
import { Owner } from './lib/owner.mjs';
import { program, runTool, tempDir } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const HELLO = 'export default { fetch: () => new Response("hello") };';
const hex = (bytes) => Buffer.from(bytes).toString('hex');

async function withAgent(t, { quotes = true, ...options } = {}) {
  const sockets = join(await tempDir(t), 'agent');
  const args = ['--guest-agent', sockets, ...(quotes ? ['--guest-agent-quotes'] : []), ...(options.args ?? [])];
  const worker = await startWorker(t, { ...options, args });
  return Object.assign(worker, { sockets, socketOf: (id) => join(sockets, `${id}.sock`) });
}

async function remove(worker, owner, name) {
  const authorization = await owner.authorization({ action: 'delete', name, cluster: worker.cluster, sequence: owner.nextSequence() });
  const response = await fetch(`${worker.url}/v1/phats/${owner.phatId(name)}`, { method: 'DELETE', headers: { authorization } });
  assert.ok(response.ok, `delete: ${response.status} ${await response.text()}`);
}

/** One request over a Unix socket. */
const ask = (socketPath, path, { method = 'POST', body = '{}' } = {}) => new Promise((resolve, reject) => {
  const req = request({ socketPath, path, method, headers: { 'content-type': 'application/json' } }, (res) => {
    let text = '';
    res.on('data', (piece) => { text += piece; });
    res.on('end', () => resolve({ status: res.statusCode, body: JSON.parse(text) }));
  });
  req.on('error', reject);
  req.end(method === 'POST' ? body : undefined);
});

/** Compressed public key that made r || s || recovery id over a message. */
function signerOf(message, sig) {
  assert.equal(sig.length, 65);
  return secp256k1.Signature.fromCompact(sig.slice(0, 64)).addRecoveryBit(sig[64]).recoverPublicKey(keccak_256(message)).toHex(true);
}

/** What a verifier does: from the purpose and the key up to the cluster, whose address is returned. */
function clusterOf(appId, purpose, publicKey, [byApp, byCluster]) {
  const app = signerOf(Buffer.from(`${purpose}:${hex(publicKey)}`), byApp);
  const issued = Buffer.concat([Buffer.from('dstack-kms-issued:'), Buffer.from(appId, 'hex'), Buffer.from(app, 'hex')]);
  const root = secp256k1.ProjectivePoint.fromHex(signerOf(issued, byCluster)).toHex(false);
  return publicKeyToAddress(`0x${root}`).toLowerCase();
}

describe('guest agent', () => {
  test("dstack's SDK gets keys whose chains lead to the cluster", async (t) => {
    const worker = await withAgent(t);
    const phat = await worker.phat('keys', HELLO);
    const client = new DstackClient(worker.socketOf(phat.id));

    const eth = await client.getKey('wallet/eth', 'signing');
    assert.equal(clusterOf(phat.id, 'signing', secp256k1.getPublicKey(eth.key, true), eth.signature_chain), worker.cluster);
    const account = toViemAccountSecure(eth);
    const signature = await account.signMessage({ message: 'hello' });
    assert.equal(await recoverMessageAddress({ message: 'hello', signature }), account.address);

    const ed = await client.getKey('wallet/eth', 'p2p', 'ed25519');
    assert.equal(clusterOf(phat.id, 'p2p', ed25519.getPublicKey(ed.key), ed.signature_chain), worker.cluster);
    assert.equal(hex(ed.key), hex(eth.key), "dstack's rule: the curve is not part of the derivation");
    assert.notEqual(hex((await client.getKey('wallet/other')).key), hex(eth.key));
    assert.equal(hex((await client.getKey('wallet/eth', 'another')).key), hex(eth.key));
    assert.equal((await client.version()).version.length > 0, true);
  });

  test('signatures verify here and elsewhere, and altered ones do not', async (t) => {
    const worker = await withAgent(t);
    const phat = await worker.phat('sign', HELLO);
    const client = new DstackClient(worker.socketOf(phat.id));
    const digest = createHash('sha256').update('data').digest();
    const judges = {
      ed25519: (s) => ed25519.verify(s.signature, Buffer.from('data'), s.public_key),
      secp256k1: (s) => secp256k1.verify(s.signature, digest, s.public_key),
      secp256k1_prehashed: (s) => secp256k1.verify(s.signature, digest, s.public_key),
    };

    for (const [algorithm, judge] of Object.entries(judges)) {
      const data = algorithm === 'secp256k1_prehashed' ? digest : 'data';
      const got = await client.sign(algorithm, data);
      assert.ok(judge(got), algorithm);
      assert.equal(got.signature_chain.length, 3);
      assert.equal(hex(got.signature_chain[0]), hex(got.signature));
      assert.equal(clusterOf(phat.id, 'signing', got.public_key, got.signature_chain.slice(1)), worker.cluster);
      assert.equal((await client.verify(algorithm, data, got.signature, got.public_key)).valid, true);
      const altered = Buffer.from(got.signature);
      altered[40] ^= 1;
      assert.equal((await client.verify(algorithm, data, altered, got.public_key)).valid, false);
    }
    const key = (await client.getKey('vms', 'signing')).key;
    assert.equal(hex((await client.sign('secp256k1', 'data')).public_key), hex(secp256k1.getPublicKey(key, true)));
  });

  test('info says which phat this is, by POST and GET, old name and new', async (t) => {
    const worker = await withAgent(t);
    const phat = await worker.phat('info', HELLO);
    const socket = worker.socketOf(phat.id);

    const info = await new DstackClient(socket).info();
    assert.equal(info.app_id, phat.id);
    assert.equal(info.app_name, 'info');
    assert.equal(info.compose_hash, Owner.bundle('info', { 'worker.js': script({ text: HELLO }) }).hash);
    assert.equal(info.tcb_info.compose_hash, info.compose_hash);
    const { evidence } = await (await fetch(`${worker.url}/v1/attestation`)).json();
    const body = Buffer.from(evidence.quote, 'base64').subarray(48);
    const field = (at) => body.subarray(at, at + 48);
    assert.equal(info.tcb_info.mrtd, hex(field(136)));
    for (let i = 0; i < 4; i++) assert.equal(info.tcb_info[`rtmr${i}`], hex(field(328 + 48 * i)));
    const config = body.subarray(184, 328);
    const aggregated = createHash('sha256').update(field(136)).update(body.subarray(328, 520)).update(config.some((byte) => byte) ? config : '').digest('hex');
    assert.deepEqual([info.mr_aggregated, info.tcb_info.mr_aggregated], [aggregated, aggregated]);
    assert.equal(`0x${JSON.parse(info.key_provider_info).id}`, worker.cluster);
    const [authority, root] = (await new DstackClient(socket).getTlsKey()).certificate_chain.slice(1);
    const certs = info.app_cert.split(/(?<=-----END CERTIFICATE-----\n)/).map((pem) => new X509Certificate(pem)); // signed anew each time
    for (const [i, pem] of [authority, root].entries()) {
      assert.deepEqual(certs[i].publicKey.export({ type: 'spki', format: 'pem' }), new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' }));
      assert.ok(certs[i].verify(certs[1].publicKey));
    }
    const firmware = async (name) => (await readFile(`/sys/class/dmi/id/${name}`, 'latin1').catch(() => '')).slice(0, 64).replace(/[^ -~]/g, '');
    assert.deepEqual([info.cloud_vendor, info.cloud_product], [await firmware('sys_vendor'), await firmware('product_name')]);
    assert.deepEqual((await ask(socket, '/GpuInfo')).body, { attestation: '' });
    const byGet = (await ask(socket, '/Info', { method: 'GET' })).body;
    assert.deepEqual(byGet, { ...info, app_cert: byGet.app_cert, tcb_info: JSON.stringify(info.tcb_info) });
    assert.equal((await ask(socket, '/prpc/Tappd.Info')).body.app_id, phat.id);
    const posted = await ask(socket, '/GetKey', { body: '{"path":"a b"}' });
    assert.deepEqual(await ask(socket, '/GetKey?path=a%20b&algorithm=k256', { method: 'GET' }), posted);
    const legacy = await ask(socket, '/prpc/Tappd.DeriveK256Key', { body: '{"path":"a b"}' });
    assert.deepEqual(legacy.body, { k256_key: posted.body.key, k256_signature_chain: posted.body.signature_chain });
  });

  test("TLS keys come with a chain to the cluster's authority that TLS libraries accept", async (t) => {
    const owner = new Owner();
    const worker = await withAgent(t);
    const one = await worker.phat('one', HELLO, {}, owner), two = await worker.phat('two', HELLO, {}, owner);
    const client = new DstackClient(worker.socketOf(one.id));
    const notBefore = 1_700_000_000, notAfter = 4_000_000_000;
    const got = await client.getTlsKey({ subject: 'a service', altNames: ['localhost', '127.0.0.1', '::1'], usageClientAuth: true, notBefore, notAfter });
    const [leaf, app, root] = got.certificate_chain.map((pem) => new X509Certificate(pem));

    assert.equal(got.certificate_chain.length, 3);
    assert.ok(leaf.checkPrivateKey(createPrivateKey(got.key)));
    assert.ok(leaf.checkIssued(app) && leaf.verify(app.publicKey) && !leaf.ca);
    assert.ok(app.checkIssued(root) && app.verify(root.publicKey) && app.ca);
    assert.ok(root.checkIssued(root) && root.verify(root.publicKey) && root.ca);
    assert.equal(leaf.subject, 'CN=a service');
    assert.match(app.subject, new RegExp(one.id));
    assert.match(root.subject, new RegExp(worker.cluster));
    assert.equal(leaf.subjectAltName, 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    assert.deepEqual([leaf.validFrom, leaf.validTo].map((date) => Date.parse(date) / 1000), [notBefore, notAfter]);
    assert.equal(got.asUint8Array(32).length, 32);

    // A server with it, and a client that trusts the root alone.
    const server = https.createServer({ key: got.key, cert: got.certificate_chain.slice(0, 2).join('') }, (_, response) => response.end('served'));
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    t.after(() => server.close());
    const fetchWith = (ca) => new Promise((resolve, reject) => {
      https.get({ host: 'localhost', family: 4, port: server.address().port, ca, agent: false }, (response) => { response.resume(); resolve(response.statusCode); }).on('error', reject);
    });
    const other = await new DstackClient(worker.socketOf(two.id)).getTlsKey({ subject: 'other' });
    assert.equal(await fetchWith(got.certificate_chain[2]), 200);
    assert.equal(await fetchWith(other.certificate_chain[2]), 200, 'the authority of the cluster is one');
    await assert.rejects(fetchWith(other.certificate_chain[1]), /unable to get|self-signed|issuer/);

    // Random each time; without options, a server's for ten years.
    const again = new X509Certificate((await client.getTlsKey()).certificate_chain[0]);
    assert.deepEqual(again.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    assert.ok(Date.parse(again.validTo) - Date.now() > 9 * 365 * 86400e3);
    assert.notDeepEqual(again.publicKey.export({ type: 'spki', format: 'der' }), leaf.publicKey.export({ type: 'spki', format: 'der' }));
    const byGet = await ask(worker.socketOf(one.id), '/GetTlsKey?subject=q&usage_client_auth=true', { method: 'GET' });
    assert.deepEqual(new X509Certificate(byGet.body.certificate_chain[0]).keyUsage, ['1.3.6.1.5.5.7.3.2']);
  });

  test("legacy deriveKey gives a path's key, of one phat, whatever the certificate says", async (t) => {
    const owner = new Owner();
    const worker = await withAgent(t);
    const one = await worker.phat('one', HELLO, {}, owner), two = await worker.phat('two', HELLO, {}, owner);
    const tappd = new TappdClient(worker.socketOf(one.id));

    const first = await tappd.deriveKey('/', 'first', ['a.example']);
    assert.equal((await tappd.deriveKey('/', 'second')).key, first.key);
    assert.notEqual((await tappd.deriveKey('/other', 'first')).key, first.key);
    assert.notEqual((await new TappdClient(worker.socketOf(two.id)).deriveKey('/', 'first')).key, first.key);
    const leaf = new X509Certificate(first.certificate_chain[0]);
    assert.equal(leaf.subject, 'CN=first');
    assert.equal(leaf.subjectAltName, 'DNS:a.example');
    assert.ok(leaf.checkPrivateKey(createPrivateKey(first.key)));
    const random = await ask(worker.socketOf(one.id), '/prpc/Tappd.DeriveKey', { body: '{"path":"/","random_seed":true}' });
    assert.notEqual(random.body.key, first.key);
  });

  test("RA-TLS certificates of programs hold a quote for their key, and are no worker's", async (t) => {
    const worker = await withAgent(t, { args: ['--tls', '127.0.0.1:0'] });
    const phat = await worker.phat('attested', HELLO);
    const got = await new DstackClient(worker.socketOf(phat.id)).getTlsKey({ subject: 'attested', usageRaTls: true, usageClientAuth: true });
    const dir = await tempDir(t), file = join(dir, 'leaf.pem'), collateral = join(dir, 'collateral.json');
    await writeFile(file, got.certificate_chain[0]);
    await writeFile(collateral, JSON.stringify((await (await fetch(`${worker.url}/v1/attestation`)).json()).evidence));

    const shown = JSON.parse((await runTool(program('phala'), ['evidence', 'show', file, '--json'])).stdout);
    assert.deepEqual([shown.form, shown.signature, shown.app_id], ['dstack', 'by-another-issuer', phat.id]);
    const spki = new X509Certificate(got.certificate_chain[0]).publicKey.export({ type: 'spki', format: 'der' });
    assert.equal(shown.report_data, createHash('sha512').update('ratls-cert:').update(spki).digest('hex'));
    const judged = await runTool(program('phala'), ['evidence', 'verify', file, '--at', 'now', '--policy', join(worker.dir, 'simulator/cluster-policy.json'), '--collateral', collateral, '--json']);
    assert.equal(JSON.parse(judged.stdout).verdict, 'accepted', judged.stdout);

    // It cannot take part in a hand-over of the cluster's keys.
    const post = (path, body) => new Promise((resolve, reject) => {
      const req = https.request(worker.tlsUrl + path, { method: 'POST', rejectUnauthorized: false, agent: false, ALPNProtocols: ['phala-ratls/1'], key: got.key, cert: got.certificate_chain[0] }, async (response) => {
        const parts = [];
        for await (const part of response) parts.push(part);
        resolve({ status: response.statusCode, body: Buffer.concat(parts) });
      });
      req.on('error', reject);
      req.end(body);
    });
    const nonce = await post('/v1/cluster/nonce');
    const refused = await post('/v1/cluster/join', Buffer.concat([Buffer.alloc(32, 9), nonce.body, Buffer.alloc(20), Buffer.from('{}')]));
    assert.equal(refused.status, 403);
    assert.match(refused.body.toString(), /dstack's form, which is that of programs/);
  });

  test('quotes hold what was asked, and never what the worker says of itself', async (t) => {
    const worker = await withAgent(t);
    const phat = await worker.phat('quotes', HELLO);
    const socket = worker.socketOf(phat.id), client = new DstackClient(socket), tappd = new TappdClient(socket);
    const inQuote = (quote) => quote.slice(2 * 568, 2 * 632); // TDX quote v4: header 48, report data at 520 of the body

    const data = Buffer.alloc(40, 0xab);
    const got = await client.getQuote(data);
    assert.equal(got.report_data, hex(data).padEnd(128, '0'));
    assert.equal(inQuote(got.quote), got.report_data);
    assert.deepEqual(JSON.parse(got.event_log), []);
    assert.equal(got.attestation, '');
    const hashed = await tappd.tdxQuote('data');
    assert.equal(inQuote(hashed.quote), createHash('sha512').update('app-data:').update('data').digest('hex'));
    const raw = await tappd.tdxQuote('data', 'raw');
    assert.equal(inQuote(raw.quote), hex('data').padStart(128, '0'));

    for (const own of ['', '00', 'ff'.repeat(32), `${'ff'.repeat(32)}${'00'.repeat(32)}`]) {
      const refused = await ask(socket, '/GetQuote', { body: JSON.stringify({ report_data: own }) });
      assert.equal(refused.status, 400);
      assert.match(refused.body.error, /kept for the worker/);
    }
  });

  test('no quotes unless the operator says so', async (t) => {
    const worker = await withAgent(t, { quotes: false });
    const phat = await worker.phat('closed', HELLO);
    const { status, body } = await ask(worker.socketOf(phat.id), '/GetQuote', { body: JSON.stringify({ report_data: 'ab'.repeat(64) }) });
    assert.equal(status, 400);
    assert.match(body.error, /--guest-agent-quotes/);
    const tls = await ask(worker.socketOf(phat.id), '/GetTlsKey', { body: '{"usage_ra_tls":true}' });
    assert.deepEqual([tls.status, /--guest-agent-quotes/.test(tls.body.error)], [400, true]);
    assert.equal((await ask(worker.socketOf(phat.id), '/GetTlsKey')).status, 200, 'without a quote inside');
  });

  test('each phat has a socket and keys of its own; a deleted one has neither', async (t) => {
    const owner = new Owner();
    const worker = await withAgent(t);
    const one = await worker.phat('one', HELLO, {}, owner), two = await worker.phat('two', HELLO, {}, owner);
    const keyOf = async (phat) => hex((await new DstackClient(worker.socketOf(phat.id)).getKey('same')).key);

    const first = await keyOf(one);
    assert.notEqual(first, await keyOf(two));
    assert.equal((await stat(worker.sockets)).mode & 0o777, 0o700);
    assert.equal((await stat(worker.socketOf(one.id))).mode & 0o777, 0o600);
    await remove(worker, owner, 'one');
    assert.deepEqual(await readdir(worker.sockets), [`${two.id}.sock`]);
    await worker.phat('one', HELLO, {}, owner);
    assert.equal(await keyOf(one), first, 'the same phat, deployed again');
  });

  test('sockets go at stop and come back with the same keys, after kill -9 too', async (t) => {
    const data = await tempDir(t), sockets = join(await tempDir(t), 'agent'), args = ['--guest-agent', sockets];
    let worker = await startWorker(t, { data, args });
    const phat = await worker.phat('stays', HELLO);
    const client = new DstackClient(join(sockets, `${phat.id}.sock`));
    const key = hex((await client.getKey('k')).key);

    await worker.stop();
    assert.deepEqual(await readdir(sockets), []);
    worker = await startWorker(t, { data, args });
    assert.equal(hex((await client.getKey('k')).key), key);
    await worker.stop({ signal: 'SIGKILL' });
    worker = await startWorker(t, { data, args });
    assert.equal(hex((await client.getKey('k')).key), key);
  });

  test("a certificate says of the app what dstack's does, when it is asked to", async (t) => {
    const worker = await withAgent(t);
    const phat = await worker.phat('told', HELLO);
    const socket = worker.socketOf(phat.id);
    const info = await new DstackClient(socket).info();
    const leafOf = async (params) => new X509Certificate((await ask(socket, '/GetTlsKey', { body: JSON.stringify(params) })).body.certificate_chain[0]);
    const oid = Buffer.from('060a2b0601040183e73d0109', 'hex'); // 1.3.6.1.4.1.62397.1.9
    assert.ok(!(await leafOf({})).raw.includes(oid));
    const leaf = await leafOf({ with_app_info: true });
    assert.ok(leaf.verify(new X509Certificate(info.app_cert).publicKey));
    // An octet string in the extension's octet string, of MessagePack: a map by names.
    const octets = (at) => {
      assert.equal(leaf.raw[at], 4);
      const long = leaf.raw[at + 1] & 0x80 ? leaf.raw[at + 1] & 0x7f : 0;
      const length = long ? leaf.raw.readUIntBE(at + 2, long) : leaf.raw[at + 1];
      return { at: at + 2 + long, end: at + 2 + long + length };
    };
    const inner = octets(octets(leaf.raw.indexOf(oid) + oid.length).at);
    assert.equal(leaf.raw[inner.at] >> 4, 8, 'a map');
    const got = {};
    let at = inner.at + 1;
    for (let i = leaf.raw[inner.at] & 15; i > 0; i--) {
      assert.equal(leaf.raw[at] >> 5, 5, 'a short text');
      const name = leaf.raw.subarray(at + 1, at + 1 + (leaf.raw[at] & 31)).toString();
      at += 1 + name.length;
      assert.equal(leaf.raw[at], 0xc4, 'bytes');
      got[name] = leaf.raw.subarray(at + 2, at + 2 + leaf.raw[at + 1]);
      at += 2 + got[name].length;
    }
    assert.equal(at, inner.end);
    const { mrtd, rtmr0, rtmr1, rtmr2 } = info.tcb_info;
    const provider = createHash('sha256').update(info.key_provider_info).digest();
    const system = createHash('sha256').update(Buffer.from(mrtd + rtmr0 + rtmr1 + rtmr2, 'hex')).update(provider).digest('hex');
    assert.deepEqual(Object.fromEntries(Object.entries(got).map(([name, bytes]) => [name, hex(bytes)])), {
      app_id: phat.id, compose_hash: info.compose_hash, instance_id: info.instance_id, device_id: '', mr_system: system, mr_aggregated: info.mr_aggregated,
      os_image_hash: '', key_provider_info: hex(Buffer.from(info.key_provider_info)),
    });
  });

  test('what is malformed is refused with 400 and a sentence', async (t) => {
    const worker = await withAgent(t);
    const phat = await worker.phat('strict', HELLO);
    const socket = worker.socketOf(phat.id);
    const bad = [
      ['/GetKey', '{"path":'], ['/GetKey', '[]'], ['/GetKey', '{"path":1}'], ['/GetKey', '{"path":"a","path":"b"}'],
      ['/GetKey', JSON.stringify({ path: 'p'.repeat(1025) })], ['/GetKey', JSON.stringify({ purpose: 'p'.repeat(257) })],
      ['/GetKey', '{"algorithm":"rsa"}'], ['/GetKey', '{"algorithm":"secp256k1_prehashed"}'],
      ['/GetQuote', JSON.stringify({ report_data: 'ab'.repeat(65) })], ['/GetQuote', '{"report_data":"abc"}'], ['/GetQuote', '{"report_data":"zz"}'],
      ['/Sign', '{"data":"00"}'], ['/Sign', '{"algorithm":"rsa","data":"00"}'], ['/Sign', '{"algorithm":"secp256k1_prehashed","data":"00"}'],
      ['/Sign', JSON.stringify({ algorithm: 'ed25519', data: '00'.repeat(32769) })], ['/Sign', JSON.stringify({ data: '0'.repeat(200000) })],
      ['/Verify', '{"algorithm":"ed25519","data":"00","signature":"00","public_key":"00"}'],
      ['/Verify', JSON.stringify({ algorithm: 'secp256k1', data: '00', signature: '11'.repeat(64), public_key: '02'.repeat(33) + '00' })],
      ['/prpc/Tappd.TdxQuote', '{"report_data":"00","hash_algorithm":"md5"}'],
      ['/GetTlsKey', '{"subject":1}'], ['/GetTlsKey', JSON.stringify({ subject: 's'.repeat(257) })], ['/GetTlsKey', '{"alt_names":"x"}'],
      ['/GetTlsKey', '{"alt_names":["a b"]}'], ['/GetTlsKey', '{"alt_names":[""]}'], ['/GetTlsKey', JSON.stringify({ alt_names: Array(33).fill('a') })],
      ['/GetTlsKey', '{"usage_ra_tls":1}'], ['/GetTlsKey', '{"not_before":-1}'], ['/GetTlsKey', '{"not_before":2,"not_after":2}'],
      ['/GetTlsKey', '{"not_after":1e3}'], ['/GetTlsKey', '{"with_app_info":1}'], ['/prpc/Tappd.DeriveKey', JSON.stringify({ path: 'p'.repeat(1025) })], ['/EmitEvent', '{"event":"e","payload":"00"}'], ['/Attest', '{"report_data":"00"}'],
    ];

    for (const [path, body] of bad) {
      const got = await ask(socket, path, { body });
      assert.equal(got.status, 400, `${path} ${body.slice(0, 60)}: ${JSON.stringify(got.body)}`);
      assert.equal(typeof got.body.error, 'string');
    }
    for (const path of ['/GetKey?path=%zz', '/GetKey?path=%00', '/GetKey?path=a&path=b', '/GetKey?path=%ff', '/GetKey?path=%4']) {
      assert.equal((await ask(socket, path, { method: 'GET' })).status, 400, path);
    }
    assert.equal((await ask(socket, '/GetKey', { method: 'DELETE' })).status, 400);
    assert.equal((await ask(socket, '/Nothing')).status, 404);
    assert.equal((await ask(socket, '/v1/info', { method: 'GET' })).status, 404, "the worker's own API is not here");
    assert.equal((await fetch(`${worker.url}/GetKey`, { method: 'POST', body: '{}' })).status, 404, 'nor is this one there');
  });

  test('a directory that others may enter is refused', async (t) => {
    const sockets = join(await tempDir(t), 'open');
    await mkdir(sockets);
    await chmod(sockets, 0o755);
    await assert.rejects(startWorker(t, { args: ['--guest-agent', sockets] }), /chmod 700/);
  });
});
