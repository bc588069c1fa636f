// Verification over HTTP: evidence of others, judged by a running worker. What is judged right or wrong
// is in src/attest and src/node/verify_*_test.c; here: the service.
import assert from 'node:assert/strict';
import { X509Certificate, createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { root, tempDir } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const vectors = process.env.PHALA_VECTORS || join(root, '../shared/vectors');
const haveVectors = existsSync(join(vectors, 'dstack/quote-report.json'));
const TDX4_REPORT_DATA = 48 + 520;

const poster = (worker) => async (path, value, init = {}) => {
  const response = await fetch(worker.url + path, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: typeof value === 'string' ? value : JSON.stringify(value), ...init,
  });
  return { status: response.status, ...JSON.parse(await response.text()) };
};

/** SHA-256 of the root key of evidence, as a policy names a simulator. */
function rootOf(evidence) {
  const pems = evidence.collateral.tcb_info_chain.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g);
  return createHash('sha256').update(new X509Certificate(pems.at(-1)).publicKey.export({ type: 'spki', format: 'der' })).digest('hex');
}

test('a list of OS images that breaks its form stops the start', async (t) => {
  const file = join(await tempDir(t), 'images.json');
  const { writeFile } = await import('node:fs/promises');
  await writeFile(file, '{"images":[{"os_image_hash":"00"}]}');
  await assert.rejects(startWorker(t, { args: ['--os-images', file] }));
  await writeFile(file, '{"images":[]}');
  const worker = await startWorker(t, { args: ['--os-images', file] });
  assert.equal((await fetch(`${worker.url}/readyz`)).ok, true);
});

test('verification', async (t) => {
  const collateral = await tempDir(t);
  const worker = await startWorker(t, { args: ['--collateral', collateral] });
  const post = poster(worker);
  const { evidence } = await (await fetch(`${worker.url}/v1/attestation`)).json();
  const quote = Buffer.from(evidence.quote, 'base64');
  const policy = { statuses: ['UpToDate'], measurements: 'any', simulator_root_insecure: rootOf(evidence) };
  const reportData = quote.subarray(TDX4_REPORT_DATA, TDX4_REPORT_DATA + 64).toString('hex');

  await t.test('a simulator is accepted only by who names its root, and is called one', async () => {
    const accepted = await post('/v1/evidence/verify', { evidence, policy, report_data: reportData });
    assert.deepEqual([accepted.status, accepted.verdict, accepted.reason], ['UpToDate', 'accepted', 'accepted'], JSON.stringify(accepted));
    assert.equal(accepted.insecure_simulator, true);
    assert.equal(accepted.claims.report_data, reportData);
    assert.equal(accepted.judged_at_from, 'clock');
    assert.ok(Math.abs(Date.parse(accepted.judged_at) - Date.now()) < 60_000, accepted.judged_at);
    const rejected = await post('/v1/evidence/verify', { evidence });
    assert.deepEqual([rejected.verdict, rejected.reason, rejected.claims], ['rejected', 'root-untrusted', null]);
    const replayed = await post('/v1/evidence/verify', { evidence, policy, report_data: '00'.repeat(64) });
    assert.deepEqual([replayed.verdict, replayed.reason], ['rejected', 'report-data-mismatch']);
    // The simulator's certificates begin with 2020, its collateral with the worker.
    for (const [at, reason] of [['2019-12-31T23:59:59Z', 'pck-not-yet-valid'], ['2020-01-01T00:00:00Z', 'tcb-info-not-yet-valid']]) {
      const early = await post('/v1/evidence/verify', { evidence, policy, at });
      assert.deepEqual([early.verdict, early.reason, early.judged_at_from], ['rejected', reason, 'request']);
    }
  });

  await t.test('an event log is demanded when given', async () => {
    const entry = (event, payload, digest = '') => ({ imr: 3, event_type: 0x08000001, digest, event, event_payload: payload });
    const other = await post('/v1/evidence/verify', { evidence, policy, event_log: [entry('app-id', '11'.repeat(20))] });
    assert.equal(other.reason, 'rtmr3-mismatch');
    const edited = await post('/v1/evidence/verify', { evidence, policy, event_log: JSON.stringify([entry('app-id', '11'.repeat(20), '22'.repeat(48))]) });
    assert.equal(edited.reason, 'event-digest-mismatch');
    const ccel = await post('/v1/evidence/verify', { evidence, policy, event_log: Buffer.from('no log').toString('base64') });
    assert.equal(ccel.reason, 'event-log-malformed');
  });

  await t.test('a bare quote needs the worker\'s collateral, which the answer names', async () => {
    const missing = await post('/v1/evidence/verify', { evidence: evidence.quote, policy });
    assert.equal(missing.verdict, 'rejected');
    assert.equal(missing.collateral_from, null);
    const name = /tdx-[0-9a-f]{12}-platform/.exec(missing.collateral_missing)?.[0];
    assert.ok(name, missing.collateral_missing);
    await mkdir(join(collateral, name));
    const write = async (file, bytes) => (await import('node:fs/promises')).writeFile(join(collateral, name, file), bytes);
    const c = evidence.collateral;
    await write('tcb_info.signed.json', c.tcb_info);
    await write('tcb_info_chain.pem', c.tcb_info_chain);
    await write('qe_identity.signed.json', c.qe_identity);
    await write('qe_identity_chain.pem', c.qe_identity_chain);
    await write('pck_crl.der', Buffer.from(c.pck_crl, 'base64'));
    assert.match((await post('/v1/evidence/verify', { evidence: evidence.quote, policy })).collateral_missing, /root_ca_crl/);
    await write('root_ca_crl.der', Buffer.from(c.root_ca_crl, 'base64'));
    const found = await post('/v1/evidence/verify', { evidence: evidence.quote, policy });
    assert.deepEqual([found.verdict, found.collateral_from], ['accepted', 'worker'], JSON.stringify(found));
    const given = await post('/v1/evidence/verify', { evidence: evidence.quote, collateral: c, policy });
    assert.deepEqual([given.verdict, given.collateral_from], ['accepted', 'request']);
  });

  await t.test('/verify trusts production roots alone', async () => {
    const answer = await post('/verify', { quote: quote.toString('hex'), event_log: '[]', vm_config: '{}', attestation: null });
    assert.equal(answer.status, 200);
    assert.equal(answer.is_valid, false);
    assert.equal(answer.details.quote_verified, false);
    assert.match(answer.reason, /root-untrusted/);
    assert.equal(answer.details.app_info, null);
    // The same quote in dstack's binary document: version 0, platform TDX, no log, no events, report data, no configuration.
    const length = Buffer.alloc(2);
    length.writeUInt16LE((quote.length << 2) | 1);
    const attestation = Buffer.concat([Buffer.from([0, 0]), length, quote, Buffer.from([0, 0]), Buffer.alloc(64), Buffer.from([0])]);
    for (const encoding of ['hex', 'base64']) {
      const inside = await post('/verify', { attestation: attestation.toString(encoding), quote: null });
      assert.deepEqual([inside.status, inside.is_valid, inside.reason], [200, false, answer.reason]);
    }
    assert.equal((await post('/verify', { attestation: attestation.subarray(1).toString('hex') })).status, 400);
  });

  await t.test('a real request of a dstack client', { skip: haveVectors ? false : 'no vectors: set PHALA_VECTORS' }, async () => {
    const request = readFileSync(join(vectors, 'dstack/quote-report.json'), 'utf8');
    const missing = await post('/verify', request);
    assert.equal(missing.is_valid, false);
    assert.match(missing.reason, /tdx-90c06f000000-platform/);
    await cp(join(vectors, 'intel/dcapqvl-tdx5-outdated'), join(collateral, 'tdx-90c06f000000-platform'), { recursive: true });
    const old = await post('/verify', request);
    assert.match(old.reason, /expired/);
    assert.equal(old.details.quote_verified, false);
    const { quote: hex, event_log: log, report_data: expected } = JSON.parse(request);
    const then = { evidence: Buffer.from(hex, 'hex').toString('base64'), event_log: log, at: '2026-03-01T00:00:00Z', report_data: expected };
    const judged = await post('/v1/evidence/verify', { ...then, policy: { statuses: ['UpToDate'], measurements: 'any' } });
    assert.equal(judged.verdict, 'accepted', JSON.stringify(judged));
    assert.equal(judged.claims.event_log.app_id, '3763bc34552cf3a27ff71ad5f7a90471562a1a2d');
    const edited = log.replace('3763bc34552cf3a27ff71ad5f7a90471562a1a2df552', '4763bc34552cf3a27ff71ad5f7a90471562a1a2df552');
    assert.notEqual(edited, log);
    const refused = await post('/v1/evidence/verify', { ...then, event_log: edited, policy: { statuses: ['UpToDate'], measurements: 'any' } });
    assert.equal(refused.reason, 'event-digest-mismatch');
  });

  /** Sends so many bytes without saying how many, and yields what comes back. */
  const chunked = (size) => new Promise((resolve, reject) => {
    const { hostname, port } = new URL(worker.url);
    let text = '';
    const socket = connect(Number(port), hostname, () => {
      socket.write('POST /verify HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
      for (let sent = 0; sent < size; sent += 65536) socket.write(`10000\r\n${' '.repeat(65536)}\r\n`);
      socket.write('0\r\n\r\n');
    });
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer: ${text}`)));
    socket.on('data', (data) => { text += data; if (text.includes('}}')) socket.destroy(); });
    socket.on('close', () => resolve(text)).on('error', (error) => (text ? resolve(text) : reject(error)));
  });

  await t.test('requests are bounded, and many at once are all answered', async () => {
    const code = async (response) => [response.status, (await response.json()).error.code];
    const raw = (body, headers = {}) => fetch(`${worker.url}/verify`, { method: 'POST', body, headers });
    assert.deepEqual(await code(await raw(Buffer.alloc((1 << 20) + 1, 32))), [413, 'request-too-large']);
    assert.match(await chunked(1.5 * 2 ** 20), /^HTTP\/1.1 413 [^]*request-too-large/);
    assert.deepEqual(await code(await raw('{}', { 'content-encoding': 'gzip' })), [415, 'unsupported-encoding']);
    assert.deepEqual(await code(await raw('')), [400, 'bad-request']);
    const answers = await Promise.all(Array.from({ length: 24 }, () => post('/v1/evidence/verify', { evidence, policy })));
    assert.ok(answers.every(({ verdict }) => verdict === 'accepted'));
  });

  await t.test('an asker that leaves does no harm', async () => {
    const { hostname, port } = new URL(worker.url);
    const body = JSON.stringify({ evidence, policy });
    await Promise.all(Array.from({ length: 8 }, (_, i) => new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => {
        const cut = i % 2 ? body : body.slice(0, 100);
        socket.write(`POST /v1/evidence/verify HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${cut}`, () => socket.destroy());
      });
      socket.on('close', resolve).on('error', reject);
    })));
    assert.equal((await post('/v1/evidence/verify', { evidence, policy })).verdict, 'accepted');
  });
});
