// A worker's TLS certificate carries evidence for its key: other verifiers can read it, ours judges it.
import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import tls from 'node:tls';
import { program, runTool, tempDir, until } from './lib/proc.mjs';
import { sameSimulator, startWorker } from './lib/worker.mjs';

const TLS = ['--tls', '127.0.0.1:0'];

/** The leaf that a client is shown. */
const leafOf = (worker, options = {}) => new Promise((resolve, reject) => {
  const socket = tls.connect({ port: Number(new URL(worker.tlsUrl).port), host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
    resolve(socket.getPeerX509Certificate());
    socket.destroy();
  });
  socket.on('error', reject);
});

/** The value of an extension by its DER-encoded object identifier, as any X.509 library would find it. */
function extension(certificate, oid) {
  const at = certificate.raw.indexOf(Buffer.from(oid, 'hex'));
  if (at < 0) return undefined;
  let p = at + oid.length / 2;
  assert.equal(certificate.raw[p++], 4, 'an octet string follows');
  const first = certificate.raw[p++];
  const bytes = first & 0x80 ? first & 0x7f : 0;
  const length = bytes ? certificate.raw.readUIntBE(p, bytes) : first;
  return certificate.raw.subarray(p + bytes, p + bytes + length);
}
const TCG = '0606678105050409';
const dstack = (n) => `060a2b0601040183e73d01${n.toString(16).padStart(2, '0')}`;
const reportData = (quote) => quote.subarray(568, 632).toString('hex'); // TDX quote v4
const spkiOf = (certificate) => certificate.publicKey.export({ type: 'spki', format: 'der' });

async function verifier(t, worker) {
  const dir = await tempDir(t);
  const policy = join(worker.dir, 'simulator/cluster-policy.json');
  const collateral = join(dir, 'collateral.json');
  const { evidence } = await (await fetch(`${worker.url}/v1/attestation`)).json();
  await writeFile(collateral, JSON.stringify(evidence));
  let n = 0;
  return async (certificate, ...args) => {
    const file = join(dir, `${n++}.pem`);
    await writeFile(file, certificate.toString());
    const { code, stdout } = await runTool(program('phala'), ['evidence', 'verify', file, '--at', 'now', '--policy', policy, '--collateral', collateral, '--json', ...args]);
    return { code, ...JSON.parse(stdout) };
  };
}

describe('RA-TLS', () => {
  test("the certificate's evidence is for its key, in the form of TCG and of dstack", async (t) => {
    const worker = await startWorker(t, { args: TLS });
    const leaf = await leafOf(worker);
    const spki = spkiOf(leaf);
    assert.equal(spki.subarray(-64).toString('hex'), worker.info.tls_pub);

    // 60000([quote, claims]), claims {"pubkey-hash": h'[1, SHA-256(spki)]'}: read by hand, byte by byte.
    const tagged = extension(leaf, TCG);
    assert.equal(tagged.subarray(0, 5).toString('hex'), 'd9ea608259');
    const quoteLen = tagged.readUInt16BE(5);
    const quote = tagged.subarray(7, 7 + quoteLen);
    const rest = tagged.subarray(7 + quoteLen);
    const entry = Buffer.concat([Buffer.from('82015820', 'hex'), createHash('sha256').update(spki).digest()]);
    const claims = Buffer.concat([Buffer.from('a16b', 'hex'), Buffer.from('pubkey-hash'), Buffer.from([0x58, entry.length]), entry]);
    assert.deepEqual(rest, Buffer.concat([Buffer.from([0x58, claims.length]), claims]));
    assert.equal(reportData(quote), createHash('sha256').update(claims).digest('hex').padEnd(128, '0'));

    const old = extension(leaf, dstack(1));
    assert.equal(old[0], 4); // dstack wraps once more
    assert.equal(reportData(old.subarray(4)), createHash('sha512').update('ratls-cert:').update(spki).digest('hex'));
    assert.equal(extension(leaf, dstack(2)).subarray(2).toString(), '[]');
    assert.equal(`0x${extension(leaf, dstack(3)).subarray(2).toString('hex')}`, worker.cluster);
    const days = (Date.parse(leaf.validTo) - Date.now()) / 86400e3;
    assert.ok(days > 6 && days < 8, leaf.validTo);
  });

  test('phala evidence judges it, and refuses what is not for its key', async (t) => {
    const worker = await startWorker(t, { args: TLS });
    const other = await startWorker(t, { args: TLS });
    const verify = await verifier(t, worker);
    const leaf = await leafOf(worker);
    const good = await verify(leaf);
    assert.deepEqual([good.code, good.verdict, good.insecure_simulator], [0, 'accepted', true], good.sentence);
    assert.ok(Date.parse(good.valid_until) <= Date.parse(leaf.validTo));
    const foreign = await verify(await leafOf(other));
    assert.deepEqual([foreign.code, foreign.reason], [1, 'root-untrusted']);
    const given = await verify(leaf, '--report-data', '00'.repeat(64));
    assert.deepEqual([given.code, given.reason], [2, 'report-data']);
    const late = await verify(leaf, '--at', '2040-01-01T00:00:00Z');
    assert.deepEqual([late.code, late.reason], [1, 'certificate-expired']);
    // One bit of the quote, of the claims, of the signature.
    const der = leaf.raw;
    const at = der.indexOf(Buffer.from(TCG, 'hex'));
    for (const [offset, reason] of [[at + 700, 'certificate-signature'], [der.length - 4, 'certificate-signature']]) {
      const bytes = Buffer.from(der);
      bytes[offset] ^= 1;
      const pem = `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
      const got = await verify(pem);
      assert.deepEqual([got.code, got.reason], [1, reason], got.sentence);
    }
    const { stdout } = await runTool(program('phala'), ['evidence', 'show', await pemFile(t, leaf), '--json']);
    const shown = JSON.parse(stdout);
    assert.deepEqual([shown.kind, shown.form, shown.names_key, shown.signature, shown.app_id], ['ra-tls-certificate', 'tcg-dice', true, 'by-itself', worker.cluster.slice(2)]);
  });

  test('SIGHUP makes a new one with new evidence for the same key, and connections go on', async (t) => {
    const worker = await startWorker(t, { args: TLS });
    const verify = await verifier(t, worker);
    const before = await leafOf(worker);
    process.kill(worker.pid, 'SIGHUP');
    const after = await until(async () => {
      const leaf = await leafOf(worker);
      return leaf.fingerprint256 !== before.fingerprint256 && leaf;
    }, { what: 'a new certificate' });
    assert.deepEqual(spkiOf(after), spkiOf(before));
    assert.equal((await verify(after)).verdict, 'accepted');
    assert.equal((await fetch(`${worker.url}/healthz`)).status, 200);
  });

  test("an operator's certificate is shown to everybody else, read again at SIGHUP, and one that does not fit changes nothing", async (t) => {
    const data = await tempDir(t);
    let worker = await startWorker(t, { data, args: TLS });
    const dir = await tempDir(t);
    const file = join(dir, 'chain.pem');
    // A certificate of the worker's own key without evidence: what an authority would have made of it.
    const issue = async (name) => {
      const key = join(dir, 'ca.key'), cert = join(dir, `${name}.pem`), spki = join(dir, 'spki.pem');
      await writeFile(spki, (await leafOf(worker)).publicKey.export({ type: 'spki', format: 'pem' }));
      await runTool('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', key]);
      const made = await runTool('openssl', ['x509', '-new', '-subj', `/CN=${name}`, '-force_pubkey', spki, '-signkey', key, '-days', '2', '-out', cert]);
      if (made.code !== 0) { // OpenSSL 3.0 wants a request
        await runTool('openssl', ['req', '-new', '-key', key, '-subj', `/CN=${name}`, '-out', join(dir, 'r.csr')]);
        const again = await runTool('openssl', ['x509', '-req', '-in', join(dir, 'r.csr'), '-force_pubkey', spki, '-signkey', key, '-days', '2', '-out', cert]);
        assert.equal(again.code, 0, again.stderr);
      }
      return cert;
    };
    await copyFile(await issue('first'), file);
    const second = await issue('second');
    await worker.stop();
    worker = await startWorker(t, { data, args: [...TLS, '--tls-cert', file] });
    assert.match((await leafOf(worker)).subject, /CN=first/);
    await copyFile(second, file);
    process.kill(worker.pid, 'SIGHUP');
    await until(async () => /CN=second/.test((await leafOf(worker)).subject), { what: 'the second' });
    await writeFile(file, 'nothing');
    process.kill(worker.pid, 'SIGHUP');
    await until(() => worker.output().includes('does not fit'), { what: 'a complaint' });
    assert.match((await leafOf(worker)).subject, /CN=second/);
    // A worker that joins is shown evidence all the same.
    assert.ok(new X509Certificate(await readFile(second)).publicKey);
    const joined = await sibling(t, worker);
    assert.equal(joined.cluster, worker.cluster);
  });
});

async function pemFile(t, certificate) {
  const file = join(await tempDir(t), 'leaf.pem');
  await writeFile(file, certificate.toString());
  return file;
}

async function sibling(t, giver) {
  const data = await tempDir(t);
  await sameSimulator(giver.dir, data);
  return startWorker(t, { data, args: ['--join', giver.tlsUrl] });
}
