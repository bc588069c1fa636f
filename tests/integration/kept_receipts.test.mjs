// Receipts as a worker keeps them: over restarts, as long as its options say, and none that could be another's.
import assert from 'node:assert/strict';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { phat } from './lib/script.mjs';
import { program, runTool, tempDir, until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const handlers = phat(`fetch(request) {
  if (request.url.endsWith('/stream')) return new Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('a')); setTimeout(() => { c.enqueue(new TextEncoder().encode('b')); c.close(); }, 30); } }));
  return new Response('ok');
}`);
const read = (worker, id) => until(async () => {
  const response = await fetch(`${worker.url}/v1/receipts/${id}`);
  if (response.status === 202) {
    assert.equal(response.headers.get('retry-after'), '1');
    return null;
  }
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}, { everyMs: 5, what: `receipt ${id}` });

test('receipts outlive SIGTERM and kill -9, and ids are never used twice', async (t) => {
  const data = await tempDir(t);
  const known = new Map();
  let id;
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGKILL', 'SIGTERM']) {
    const worker = await startWorker(t, { data });
    for (const [receiptId, receipt] of known) assert.deepEqual(await read(worker, receiptId), receipt);
    if (!id) id = (await worker.phat('kept', handlers)).id;
    for (const path of ['/', '/stream', '/']) {
      const response = await fetch(`${worker.url}/p/${id}${path}`);
      await response.text();
      const receiptId = response.headers.get('phala-receipt-id');
      assert.ok(!known.has(receiptId), `${receiptId} was given out before`);
      known.set(receiptId, await read(worker, receiptId));
    }
    await worker.stop({ signal });
  }
});

test('an id handed out right before kill -9 never becomes another call\'s', async (t) => {
  const data = await tempDir(t);
  const given = new Set();
  let id;
  for (let round = 0; round < 4; round++) {
    const worker = await startWorker(t, { data });
    if (!id) id = (await worker.phat('kept', handlers)).id;
    const ids = (await Promise.all(Array.from({ length: 20 }, () => fetch(`${worker.url}/p/${id}/`)))).map((r) => r.headers.get('phala-receipt-id'));
    worker.child.kill('SIGKILL');
    await worker.exited;
    for (const one of ids) {
      assert.ok(!given.has(one), `round ${round}: ${one} was given out before`);
      given.add(one);
    }
  }
});

test('SIGTERM signs and keeps what was answered last', async (t) => {
  const data = await tempDir(t);
  let worker = await startWorker(t, { data });
  const call = await worker.phat('kept', handlers);
  const ids = (await Promise.all(Array.from({ length: 50 }, () => call('/')))).map((r) => r.headers.get('phala-receipt-id'));
  await worker.stop();
  worker = await startWorker(t, { data });
  for (const one of ids) assert.equal((await fetch(`${worker.url}/v1/receipts/${one}`)).status, 200, one);
});

test('what is not kept, and what is no id', async (t) => {
  const worker = await startWorker(t);
  for (const [id, status, code] of [['ffffffffffffff00-000', 404, 'no-such-receipt'], ['0000000000000000-000', 404, 'no-such-receipt'], ['s0000000000000001', 404, 'no-such-receipt'],
    ['x', 400, 'bad-request'], ['0000000000000001-zzz', 400, 'bad-request'], ['0000000000000001_000', 400, 'bad-request'], ['sgggggggggggggggg', 400, 'bad-request']]) {
    const response = await fetch(`${worker.url}/v1/receipts/${id}`);
    assert.deepEqual([response.status, (await response.json()).error.code], [status, code], id);
  }
});

test('the bytes kept are bounded by --receipt-bytes: the oldest go first', async (t) => {
  const worker = await startWorker(t, { args: ['--receipt-bytes', String(1 << 20)] });
  const call = await worker.phat('kept', handlers, { limits: { concurrency: 64 } });
  const first = (await call('/')).headers.get('phala-receipt-id');
  await read(worker, first);
  const size = async () => (await Promise.all((await readdir(join(worker.dir, 'receipts'))).map(async (file) => (await stat(join(worker.dir, 'receipts', file)).catch(() => ({ size: 0 }))).size))).reduce((a, b) => a + b, 0);
  let last;
  for (let i = 0; i < 200 && (await fetch(`${worker.url}/v1/receipts/${first}`)).status !== 404; i++)
    for (const response of await Promise.all(Array.from({ length: 60 }, () => call('/')))) last = response.headers.get('phala-receipt-id');
  assert.equal((await fetch(`${worker.url}/v1/receipts/${first}`)).status, 404);
  assert.ok(await size() <= (1 << 20) + (1 << 18), String(await size()));
  await read(worker, last);
});

test('phala verify accepts what the worker serves and refuses it altered', async (t) => {
  const dir = await tempDir(t);
  const worker = await startWorker(t);
  const call = await worker.phat('kept', handlers);
  const nonce = 'ee'.repeat(32);
  const response = await call('/', { headers: { 'phala-nonce': nonce } });
  const receipt = await read(worker, response.headers.get('phala-receipt-id'));
  const verify = async (value, ...args) => {
    await writeFile(join(dir, 'r.json'), JSON.stringify(value));
    return runTool(program('phala'), ['verify', join(dir, 'r.json'), '--signer', worker.signer, ...args]);
  };
  const good = await verify(receipt, '--phat', call.id, '--nonce', nonce, '--bundle-hash', call.body.bundle_hash.replace('0x', ''));
  assert.equal(good.code, 0, good.stdout + good.stderr);
  const flip = (text) => text.replace(/.$/, (c) => (c === '0' ? '1' : '0'));
  for (const field of ['phat', 'bundle_hash', 'request_hash', 'response_hash', 'nonce']) {
    const changed = structuredClone(receipt);
    changed.leaf[field] = flip(changed.leaf[field]);
    assert.equal((await verify(changed)).code, 1, field);
  }
  for (const change of [(r) => { r.leaf.status = 404; }, (r) => { r.leaf.time_ms++; }, (r) => { r.leaf.outcome = 'failed'; }, (r) => { r.batch.time_ms++; }]) {
    const changed = structuredClone(receipt);
    change(changed);
    assert.equal((await verify(changed)).code, 1, change.toString());
  }
  assert.equal((await verify(receipt, '--nonce', flip(nonce))).code, 1);
  assert.equal((await verify(receipt, '--phat', flip(call.id))).code, 1);
});
