// TLS: the key is the one that evidence binds, and it never leaves phala-keyd.
import assert from 'node:assert/strict';
import { connect as plain } from 'node:net';
import test from 'node:test';
import https from 'node:https';
import tls from 'node:tls';
import { phat } from './lib/script.mjs';
import { childOf } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const handshake = (port, options) => new Promise((resolve, reject) => {
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
    resolve({ protocol: socket.getProtocol(), certificate: socket.getPeerX509Certificate() });
    socket.destroy();
  });
  socket.on('error', reject);
});
const get = (url, options = {}) => new Promise((resolve, reject) => {
  https.get(url, { rejectUnauthorized: false, ...options }, (response) => {
    let text = '';
    response.on('data', (d) => { text += d; }).on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
  }).on('error', reject);
});

test('TLS', async (t) => {
  const worker = await startWorker(t, { args: ['--tls', '127.0.0.1:0'] });
  const port = Number(new URL(worker.tlsUrl).port);
  const call = await worker.phat('secure', phat(`async fetch(request) {
    const size = Number(new URL(request.url).searchParams.get('size') ?? 0);
    return new Response(size ? 'x'.repeat(size) : new URL(request.url).protocol + await request.text()); }`));

  await t.test('the certificate holds the attested key and signs itself', async () => {
    const { certificate } = await handshake(port, {});
    const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
    assert.equal(spki.subarray(-64).toString('hex'), worker.info.tls_pub);
    assert.ok(certificate.verify(certificate.publicKey));
    assert.equal(certificate.subject, certificate.issuer);
    assert.ok(Date.parse(certificate.validFrom) <= Date.now() && Date.parse(certificate.validTo) > Date.now());
    assert.match(certificate.subjectAltName, /DNS:localhost/);
    assert.match(certificate.subjectAltName, /IP Address:127\.0\.0\.1/);
    const nonce = 'cd'.repeat(32);
    const { identity } = JSON.parse((await get(`${worker.tlsUrl}/v1/attestation?nonce=${nonce}`)).text);
    assert.equal(identity.tls_pub, worker.info.tls_pub);
  });

  await t.test('TLS 1.2 and 1.3 both work, older ones and foreign cipher suites do not', async () => {
    assert.equal((await handshake(port, { maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2');
    assert.equal((await handshake(port, { minVersion: 'TLSv1.3' })).protocol, 'TLSv1.3');
    await assert.rejects(handshake(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }));
    await assert.rejects(handshake(port, { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA:@SECLEVEL=0' }));
  });

  await t.test('a client that trusts the certificate needs no exception', async () => {
    const { certificate } = await handshake(port, {});
    // toString of the object that came: a new one of its bytes would find the PEM inside the quote.
    const answer = await get(`https://localhost:${port}/healthz`, { family: 4, rejectUnauthorized: true, ca: certificate.toString() });
    assert.equal(answer.status, 200);
    await assert.rejects(get(`https://localhost:${port}/healthz`, { family: 4, rejectUnauthorized: true }), /self-signed|self signed/i);
  });

  await t.test('phats answer over TLS, also at length and many at once', async () => {
    assert.equal((await get(`${worker.tlsUrl}/p/${call.id}/`)).text, 'https:');
    const big = await get(`${worker.tlsUrl}/p/${call.id}/?size=3000000`);
    assert.equal(big.text.length, 3_000_000);
    const agent = new https.Agent({ keepAlive: true, maxSockets: 8, rejectUnauthorized: false });
    const answers = await Promise.all(Array.from({ length: 100 }, () => get(`${worker.tlsUrl}/p/${call.id}/`, { agent })));
    assert.ok(answers.every(({ text }) => text === 'https:'));
    agent.destroy();
  });

  await t.test('plain HTTP on the TLS port is refused, TLS on the plain port too, and both go on', async () => {
    const answer = await new Promise((resolve) => {
      let text = '';
      const socket = plain(port, '127.0.0.1', () => socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'));
      socket.on('data', (d) => { text += d.toString('latin1'); }).on('close', () => resolve(text)).on('error', () => resolve(text));
    });
    assert.doesNotMatch(answer, /200 OK/);
    await assert.rejects(handshake(new URL(worker.url).port, {}));
    assert.equal((await get(`${worker.tlsUrl}/healthz`)).status, 200);
    assert.equal((await fetch(`${worker.url}/healthz`)).status, 200);
  });

  await t.test('handshakes that are cut off or never begin leave the listener alone', async () => {
    const sockets = Array.from({ length: 50 }, (_, i) => {
      const socket = plain(port, '127.0.0.1', () => { if (i % 2) socket.write(Buffer.from('16030100c8010000', 'hex')); });
      return socket.on('error', () => {});
    });
    assert.equal((await get(`${worker.tlsUrl}/healthz`)).status, 200);
    for (const socket of sockets) socket.destroy();
    assert.equal((await get(`${worker.tlsUrl}/healthz`)).status, 200);
  });

  await t.test('while phala-keyd does not answer, handshakes wait and everything else goes on', async () => {
    const keyd = await childOf(worker.pid, 'phala-keyd');
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
    const options = { agent };
    assert.equal((await get(`${worker.tlsUrl}/p/${call.id}/`, options)).text, 'https:');
    process.kill(keyd, 'SIGSTOP');
    let shaken = 0;
    let handshakes;
    try {
      handshakes = Promise.all(Array.from({ length: 20 }, () => handshake(port, {}).then(() => { shaken++; })));
      handshakes.catch(() => {}); // judged below
      for (let i = 0; i < 10; i++) {
        assert.equal((await get(`${worker.tlsUrl}/p/${call.id}/`, options)).text, 'https:');
        assert.equal((await fetch(`${worker.url}/p/${call.id}/`)).status, 200);
      }
      assert.equal(shaken, 0, 'the key was not at hand');
    } finally {
      process.kill(keyd, 'SIGCONT');
    }
    await handshakes;
    assert.equal(shaken, 20);
    agent.destroy();
  });
});
