// Calls with an Idempotency-Key through the whole worker: at most once, also over kill -9.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { describe, test } from 'node:test';
import { tempDir, until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const state = { state: { maxMiB: 16 } };
const counter = `const waiting = [];
export default { async fetch(request, env) {
  const { pathname } = new URL(request.url);
  env.DB.exec('CREATE TABLE IF NOT EXISTS runs(path TEXT)');
  const runs = () => env.DB.prepare('SELECT count(*) AS n FROM runs').first('n');
  if (pathname === '/runs') return Response.json(runs());
  if (pathname === '/waiting') return Response.json(waiting.length);
  if (pathname === '/go') { for (const go of waiting.splice(0)) go(); return new Response('gone'); }
  const body = await request.text();
  if (pathname === '/wait') await new Promise((go) => { waiting.push(go); setTimeout(go, 60000); });
  env.DB.prepare('INSERT INTO runs VALUES(?)').bind(pathname).run();
  return new Response(\`run \${runs()} with \${body.length}\`, { status: 201, headers: { 'x-made': 'here' } });
} };`;
const keyed = (key, body = 'pay') => ({ method: 'POST', body, headers: { 'idempotency-key': key, 'content-type': 'text/plain' } });
const summary = async (response) => [response.status, await response.text(), response.headers.get('idempotency-replayed')];
const refusal = async (response) => [response.status, (await response.json()).error.code];
const runs = async (call) => (await call('/runs')).json();

describe('Idempotency-Key', () => {
  test('runs a call once, also when the worker is killed between the answer and the repeat', async (t) => {
    const data = await tempDir(t);
    const first = await startWorker(t, { data });
    const phat = await first.phat('payments', counter, state);
    assert.deepEqual(await summary(await phat('/pay', keyed('"one"'))), [201, 'run 1 with 3', null]);
    process.kill(first.pid, 'SIGKILL');
    await first.exited;

    const second = await startWorker(t, { data });
    const again = (path, init) => fetch(`${second.url}/p/${phat.id}${path}`, init);
    const repeat = await again('/pay', keyed('"one"'));
    assert.equal(repeat.headers.get('x-made'), 'here');
    assert.ok(repeat.headers.get('phala-receipt-id'));
    assert.deepEqual(await summary(repeat), [201, 'run 1 with 3', 'true']);
    assert.deepEqual(await refusal(await again('/pay', keyed('"one"', 'other'))), [422, 'idempotency-key-reused']);
    assert.deepEqual(await refusal(await again('/else', keyed('"one"'))), [422, 'idempotency-key-reused']);
    assert.deepEqual(await refusal(await again('/pay', keyed('two words'))), [400, 'bad-idempotency-key']);
    const most = 'x'.repeat(1024 * 1024);
    assert.deepEqual(await refusal(await again('/pay', keyed('big', `${most}x`))), [413, 'idempotency-body-too-large']);
    assert.equal(await runs(again), 1);
    assert.deepEqual(await summary(await again('/pay', keyed('big', most))), [201, 'run 2 with 1048576', null]);
    assert.deepEqual(await summary(await again('/pay', keyed('big', most))), [201, 'run 2 with 1048576', 'true']);
  });

  test('of many at once lets one run; a caller that left finds the answer', async (t) => {
    const worker = await startWorker(t);
    const phat = await worker.phat('payments', counter, state);
    const isWaiting = async () => (await (await phat('/waiting')).json()) === 1;
    const first = phat('/wait', keyed('k'));
    await until(isWaiting, { what: 'the first call in its handler' });
    for (const response of await Promise.all(Array.from({ length: 8 }, () => phat('/wait', keyed('k')))))
      assert.deepEqual(await refusal(response), [409, 'idempotency-key-in-use']);
    await phat('/go');
    assert.deepEqual(await summary(await first), [201, 'run 1 with 3', null]);
    const repeats = await Promise.all(Array.from({ length: 8 }, async () => summary(await phat('/wait', keyed('k')))));
    for (const repeat of repeats) assert.deepEqual(repeat, [201, 'run 1 with 3', 'true']);

    const leaver = httpRequest(`${worker.url}/p/${phat.id}/wait`, keyed('left'));
    leaver.on('error', () => {}); // it hangs up
    const closed = new Promise((resolve) => leaver.on('close', resolve));
    leaver.end('pay');
    await until(isWaiting, { what: 'the second call in its handler' });
    leaver.destroy();
    await closed;
    assert.deepEqual(await refusal(await phat('/wait', keyed('left'))), [409, 'idempotency-key-in-use']);
    await phat('/go');
    assert.deepEqual(await summary(await phat('/wait', keyed('left'))), [201, 'run 2 with 3', 'true']);
    assert.equal(await runs(phat), 2);
  });
});
