// A receipt recomputed by strangers' tools, and by a library that shares no code with this project,
// says what `phala verify` says.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { program, root, runTool, tempDir } from './lib/proc.mjs';

const script = join(root, 'docs/examples/recompute.sh');
const example = join(root, 'docs/examples/call.json');
const verify = (file) => runTool(program('phala'), ['verify', file, '--at', 'receipt', '--accept-simulator-insecure', '--json']);
const lineOf = (text, name) => new RegExp(`${name}  ([0-9a-f]+)`).exec(text)?.[1];
const bytesOf = (checks, check, name) => checks.find((c) => c.check === check).bytes.find((b) => b.name === name).hex;
const viem = await import('viem').catch(() => null);

const types = {
  ReceiptBatch: [{ name: 'root', type: 'bytes32' }, { name: 'count', type: 'uint32' }, { name: 'time', type: 'uint64' }],
};
const domain = { name: 'Phala', version: '1' };

describe('receipts', () => {
  test('openssl, jq and xxd recompute the documented example to the bytes that phala verify shows', async () => {
    const byHand = await runTool('sh', [script, example]);
    assert.equal(byHand.code, 0, byHand.stdout + byHand.stderr);
    for (const step of ['request-hash', 'response-hash', 'path-length', 'report-data']) {
      assert.match(byHand.stdout, new RegExp(`^PASS  ${step}`, 'm'));
    }
    assert.match(byHand.stdout, /^(PASS {2}batch-signature|SKIP {2}batch-signature {2}needs cast)/m);

    const ours = await verify(example);
    assert.equal(ours.code, 0, ours.stdout + ours.stderr);
    const { checks, ok, insecure_simulator: simulated } = JSON.parse(ours.stdout);
    assert.ok(ok && simulated);
    assert.equal(bytesOf(checks, 'leaf', 'leaf'), lineOf(byHand.stdout, 'leaf'));
    assert.equal(bytesOf(checks, 'leaf-hash', 'leaf hash'), lineOf(byHand.stdout, 'leaf hash'));
    assert.equal(bytesOf(checks, 'merkle-path', 'root'), lineOf(byHand.stdout, 'root'));
    assert.equal(bytesOf(checks, 'request-hash', 'computed'), lineOf(byHand.stdout, 'request-hash'));
    assert.equal(bytesOf(checks, 'response-hash', 'computed'), lineOf(byHand.stdout, 'response-hash'));
    assert.equal(bytesOf(checks, 'report-data', 'computed').slice(0, 64), lineOf(byHand.stdout, 'report-data'));
  });

  test('an EIP-712 library finds the same signer', { skip: viem ? false : 'viem is not installed' }, async () => {
    const call = JSON.parse(await readFile(example, 'utf8'));
    const byHand = await runTool('sh', [script, example]);
    const { batch } = call.receipt;
    const signer = await viem.recoverTypedDataAddress({
      domain, types, primaryType: 'ReceiptBatch', signature: batch.signature,
      message: { root: `0x${lineOf(byHand.stdout, 'root')}`, count: batch.count, time: BigInt(batch.time_ms) },
    });
    assert.equal(signer.toLowerCase(), call.attestation.identity.signer);
    assert.equal(JSON.parse((await verify(example)).stdout).signer, signer.toLowerCase());
  });

  test('both refuse the example with any part of it changed', async (t) => {
    const text = await readFile(example, 'utf8');
    const file = join(await tempDir(t), 'changed.json');
    const changes = {
      'the answer': (call) => { call.response.body = Buffer.from('{"pair":"BTC-USD","price":"1.00"}\n').toString('base64'); },
      'the answer\'s type': (call) => { call.response.content_type = 'text/plain'; },
      'the target': (call) => { call.request.target = '/?pair=ETH-USD'; },
      'the attested key': (call) => { call.attestation.identity.caller_x25519 = '00'.repeat(32); },
    };
    const refused = async (what, change, code) => {
      const call = JSON.parse(text);
      change(call);
      await writeFile(file, JSON.stringify(call));
      assert.equal((await runTool('sh', [script, file])).code, 1, `by hand: ${what}`);
      assert.equal((await verify(file)).code, code, `phala verify: ${what}`);
    };
    for (const [what, change] of Object.entries(changes)) await refused(what, change, 1);
    // The bytes that are hashed stay the same: the answer's first line becomes a header's value.
    await refused('a line that is two', ({ response }) => {
      response.content_encoding = '\n';
      response.location = Buffer.from(response.body, 'base64').toString().trimEnd();
      response.body = '';
    }, 2);
  });
});
