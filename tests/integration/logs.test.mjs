// What a phat prints is its owner's alone; health, readiness and metrics are everyone's and say nothing of any phat.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Owner } from './lib/owner.mjs';
import { phat } from './lib/script.mjs';
import { until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const talker = phat(`fetch(request) {
  const url = new URL(request.url), count = Number(url.searchParams.get('n') ?? 1);
  for (let i = 0; i < count; i++) console[url.searchParams.get('level') ?? 'log'](url.searchParams.get('text') ?? 'line', i);
  return new Response('said');
}`);

test('logs', async (t) => {
  const worker = await startWorker(t);
  const call = await worker.phat('talker', talker);
  const read = async (query = '', owner = call.owner, id = call.id, name = 'talker') => {
    const authorization = await owner.authorization({ action: 'logs', name, cluster: worker.cluster });
    return fetch(`${worker.url}/v1/phats/${id}/logs${query}`, { headers: { authorization } });
  };
  const lines = async (query) => (await (await read(query)).text()).trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const logged = (pattern) => until(async () => (await lines()).find(({ text }) => pattern.test(text)), { what: `a line like ${pattern}` });

  await t.test('levels, order and what is in a line', async () => {
    for (const level of ['debug', 'log', 'warn', 'error']) await call(`/?level=${level}&text=as-${level}`);
    await logged(/as-error/);
    const all = (await lines()).filter(({ text }) => text.startsWith('as-'));
    assert.deepEqual(all.map(({ level }) => level), ['debug', 'info', 'warn', 'error']);
    for (let i = 1; i < all.length; i++) assert.ok(all[i].seq > all[i - 1].seq);
    assert.ok(Math.abs(Date.parse(all[0].time) - Date.now()) < 60_000);
  });

  await t.test('what is printed cannot break the lines', async () => {
    await call(`/?text=${encodeURIComponent('a"b\\c\n{"seq":1}\r\u2028\u0007 ü')}`);
    assert.match((await logged(/a"b/)).text, /a"b\\c\n\{"seq":1\}/);
  });

  await t.test('since leaves out what was read', async () => {
    const before = await lines();
    await call('/?text=later');
    await logged(/later/);
    const after = await lines(`?since=${before.at(-1).seq}`);
    assert.deepEqual(after.map(({ text }) => text), ['later 0']);
    assert.deepEqual(await lines('?since=999999999'), []);
  });

  await t.test('follow tells lines as they come', async () => {
    const response = await read('?follow=1&since=999999');
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    await call('/?text=live&n=3');
    let text = '';
    while (text.split('\n').length < 4) {
      const { value, done } = await reader.read();
      assert.ok(!done);
      text += value;
    }
    assert.deepEqual(text.trim().split('\n').map((line) => JSON.parse(line).text), ['live 0', 'live 1', 'live 2']);
    await reader.cancel();
    assert.equal((await call('/')).status, 200);
  });

  await t.test('strangers, other names and other actions are refused', async () => {
    assert.equal((await read('', new Owner())).status, 403);
    assert.equal((await read('', call.owner, call.id, 'other')).status, 403);
    assert.equal((await fetch(`${worker.url}/v1/phats/${call.id}/logs`)).status, 401);
    const authorization = await call.owner.authorization({ action: 'list', cluster: worker.cluster });
    assert.equal((await fetch(`${worker.url}/v1/phats/${call.id}/logs`, { headers: { authorization } })).status, 401);
    assert.equal((await read('', call.owner, '00'.repeat(20))).status, 404);
  });

  await t.test('a flood is bounded, and the owner sees that something is missing', async () => {
    for (let i = 0; i < 5; i++) assert.equal((await call(`/?n=20000&text=${'y'.repeat(500)}`)).status, 200);
    const text = await (await read()).text();
    assert.ok(text.length < 4 << 20, `${text.length} bytes`);
    const metrics = await (await fetch(`${worker.url}/metrics`)).text();
    assert.ok(Number(/phala_log_lines_total (\d+)/.exec(metrics)[1]) < 100_000);
    await call('/?text=after-the-flood');
    await until(async () => { await call('/?text=after-the-flood'); return (await lines()).some(({ text: line }) => line.startsWith('after-the-flood')); }, { everyMs: 200, what: 'lines after the flood' });
  });
});

test('health, readiness and metrics', async (t) => {
  const worker = await startWorker(t);
  const call = await worker.phat('counted-name', talker);
  await call('/');
  assert.deepEqual(await (await fetch(`${worker.url}/healthz`)).json(), { status: 'ok' });
  await until(async () => (await fetch(`${worker.url}/readyz`)).status === 200, { what: 'readiness' });
  const response = await fetch(`${worker.url}/metrics`);
  assert.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  for (const line of text.trim().split('\n')) assert.match(line, /^(# (HELP|TYPE) phala_\w+ .+|phala_\w+(\{[^}]*\})? [-+.\deE]+|phala_\w+_bucket\{le="\+Inf"\} \d+)$/);
  assert.match(text, /^phala_calls_answered_total 1$/m);
  assert.match(text, /^phala_phats 1$/m);
  assert.ok(!text.includes(call.id) && !text.includes('counted-name'), 'metrics are about the worker, not about a phat');
});
