// Evidence of a running worker: fresh, bound to its keys, and accepted only by who names its root.
import assert from 'node:assert/strict';
import { X509Certificate, createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { phat } from './lib/script.mjs';
import { program, runTool, tempDir, until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const hex = (text) => Buffer.from(text.replace(/^0x/, ''), 'hex');

/** src/keys/report_data.h, computed by nothing of the project. */
function reportData({ chain_id: chain, registry, signer, cluster, caller_x25519: caller, operator, tls_pub: tls, ohttp_keys: keys }, nonce) {
  const spki = Buffer.concat([hex('3059301306072a8648ce3d020106082a8648ce3d03010703420004'), hex(tls)]);
  const bind = sha256('phala.bind.v3', hex(nonce), sha256(spki), hex(cluster), sha256(hex(keys)));
  const chainId = Buffer.alloc(32);
  chainId.writeBigUInt64BE(BigInt(chain), 24);
  return Buffer.concat([sha256('phala.worker.v1', chainId, hex(registry), hex(signer), hex(caller), hex(operator), bind), Buffer.alloc(32)]);
}
const TDX4_REPORT_DATA = 48 + 520; // header, then report data in the TD 1.0 report body

test('attestation', async (t) => {
  const dir = await tempDir(t);
  const operator = '0x00112233445566778899aabbccddeeff00112233';
  const worker = await startWorker(t, { args: ['--operator', operator] });
  const ask = async (nonce) => (await fetch(`${worker.url}/v1/attestation${nonce ? `?nonce=${nonce}` : ''}`)).json();
  const phala = (...args) => runTool(program('phala'), args);
  const write = async (name, value) => {
    await writeFile(join(dir, name), typeof value === 'string' ? value : JSON.stringify(value));
    return join(dir, name);
  };
  const nonce = 'a1'.repeat(32);
  const document = await ask(nonce);
  const quote = Buffer.from(document.evidence.quote, 'base64');

  await t.test('the quote binds the caller\'s nonce and the keys that the worker shows', async () => {
    const { identity } = document;
    assert.equal(identity.signer, worker.signer);
    assert.equal(identity.cluster, worker.cluster);
    assert.notEqual(identity.cluster, identity.signer);
    assert.equal(identity.caller_x25519, worker.info.caller_x25519);
    assert.equal(identity.tls_pub, worker.info.tls_pub);
    assert.equal(identity.operator, operator);
    assert.equal(document.insecure_simulator, true);
    const bound = (bytes) => bytes.subarray(TDX4_REPORT_DATA, TDX4_REPORT_DATA + 64).toString('hex');
    assert.equal(bound(quote), reportData(identity, nonce).toString('hex'));
    const other = await ask('b2'.repeat(32));
    assert.equal(bound(Buffer.from(other.evidence.quote, 'base64')), reportData(identity, 'b2'.repeat(32)).toString('hex'));
    assert.notEqual(bound(quote), reportData(identity, '00'.repeat(32)).toString('hex'));
    const without = await ask();
    assert.equal(bound(Buffer.from(without.evidence.quote, 'base64')), reportData(identity, without.nonce ?? '00'.repeat(32)).toString('hex'));
  });

  await t.test('a nonce that is none is refused', async () => {
    for (const bad of ['12', 'zz'.repeat(32), 'a1'.repeat(33)]) {
      const response = await fetch(`${worker.url}/v1/attestation?nonce=${bad}`);
      assert.deepEqual([response.status, (await response.json()).error.code], [400, 'bad-request'], bad);
    }
  });

  const pems = document.evidence.collateral.tcb_info_chain.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g);
  const root = new X509Certificate(pems.at(-1));
  const rootHash = sha256(root.publicKey.export({ type: 'spki', format: 'der' })).toString('hex');
  const policy = { statuses: ['UpToDate'], measurements: 'any', simulator_root_insecure: rootHash };

  await t.test('phala evidence accepts it only with a policy that names the simulator\'s root', async () => {
    const file = await write('evidence.json', document.evidence);
    const judge = async (named, ...args) => {
      const result = await phala('evidence', 'verify', file, '--at', 'now', '--json', ...(named ? ['--policy', await write('policy.json', named)] : []), ...args);
      return { code: result.code, ...JSON.parse(result.stdout) };
    };
    const accepted = await judge(policy, '--report-data', reportData(document.identity, nonce).toString('hex'));
    assert.equal(accepted.code, 0, JSON.stringify(accepted));
    assert.equal(accepted.insecure_simulator, true);
    const rejected = (result, reason) => {
      assert.equal(result.code, 1);
      assert.equal(result.verdict, 'rejected');
      if (reason) assert.equal(result.reason, reason);
    };
    rejected(await judge(), 'root-untrusted');
    rejected(await judge({ ...policy, simulator_root_insecure: '11'.repeat(32) }), 'root-untrusted');
    rejected(await judge({ statuses: ['UpToDate'], measurements: 'any' }), 'root-untrusted');
    rejected(await judge({}));
    rejected(await judge({ ...policy, statuses: ['OutOfDate'] }));
    rejected(await judge({ ...policy, measurements: { tdx: [{ mr_td: '00'.repeat(48) }] } }));
    rejected(await judge(policy, '--report-data', reportData(document.identity, 'b2'.repeat(32)).toString('hex')));
  });

  await t.test('phala verify needs the same policy, and refuses evidence of another worker', async () => {
    const call = await worker.phat('proved', phat('fetch() { return new Response("proved"); }'));
    const id = (await call('/')).headers.get('phala-receipt-id');
    const receipt = await until(async () => {
      const response = await fetch(`${worker.url}/v1/receipts/${id}`);
      return response.status === 200 && response.json();
    }, { what: 'the receipt' });
    const receiptFile = await write('receipt.json', receipt);
    const verify = async (evidence, ...args) => phala('verify', receiptFile, '--evidence', await write('attestation.json', evidence), '--json', ...args);
    const named = ['--policy', await write('named.json', policy)];
    const good = await verify(document, ...named);
    assert.equal(good.code, 0, good.stdout + good.stderr);
    assert.equal(JSON.parse(good.stdout).insecure_simulator, true);
    assert.equal((await verify(document)).code, 1);
    assert.equal((await verify(document, '--policy', await write('else.json', { ...policy, simulator_root_insecure: '22'.repeat(32) }))).code, 1);
    for (const change of [
      (d) => { d.identity.signer = `0x${'33'.repeat(20)}`; }, (d) => { d.identity.operator = `0x${'33'.repeat(20)}`; },
      (d) => { d.identity.cluster = `0x${'33'.repeat(20)}`; }, (d) => { d.identity.caller_x25519 = '33'.repeat(32); }, (d) => { d.identity.ohttp_keys = '33'.repeat(51); },
      (d) => { delete d.identity.ohttp_keys; }, (d) => { d.nonce = '33'.repeat(32); },
      (d) => { const q = Buffer.from(d.evidence.quote, 'base64'); q[200] ^= 1; d.evidence.quote = q.toString('base64'); },
    ]) {
      const changed = structuredClone(document);
      change(changed);
      assert.notEqual((await verify(changed, ...named)).code, 0, change.toString());
    }
    const stranger = await startWorker(t);
    const theirs = await (await fetch(`${stranger.url}/v1/attestation`)).json();
    assert.equal((await verify(theirs, '--accept-simulator-insecure')).code, 1);
  });

  await t.test('many who ask at once are all answered, or told to come back', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => fetch(`${worker.url}/v1/attestation?nonce=${i.toString(16).padStart(64, '0')}`)));
    for (const answer of answers) assert.ok([200, 503].includes(answer.status), String(answer.status));
    assert.ok(answers.filter(({ status }) => status === 200).length > 0);
    assert.equal((await fetch(`${worker.url}/healthz`)).status, 200);
  });
});
