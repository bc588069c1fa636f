// The end of a worker: what is in flight finishes, nothing new begins, and no process stays behind.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import test from 'node:test';
import { phat } from './lib/script.mjs';
import { sleep, tempDir, until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const handlers = phat(`async fetch(request) {
  const url = new URL(request.url);
  if (url.pathname === '/slow') { await new Promise((r) => setTimeout(r, 1000)); return new Response('finished'); }
  if (url.pathname === '/stream') {
    let left = 8;
    return new Response(new ReadableStream({ async pull(c) { await new Promise((r) => setTimeout(r, 100)); if (left-- === 0) return c.close(); c.enqueue(new TextEncoder().encode('x')); } }));
  }
  if (url.pathname === '/spin') for (;;) ;
  if (url.pathname === '/ever') await new Promise((r) => setTimeout(r, 25_000));
  return new Response('ok');
}`);

/** Every process below `pid`, found while it lives. */
async function family(pid) {
  const parents = new Map();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = await readFile(`/proc/${entry}/stat`, 'utf8');
      const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      parents.set(Number(entry), { parent: Number(rest[1]), start: rest[19], name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')) });
    } catch { /* gone */ }
  }
  const found = [];
  for (const [id, { start, name }] of parents) {
    for (let at = id; at > 1 && parents.has(at); at = parents.get(at).parent) if (at === pid) { found.push({ pid: id, start, name }); break; }
  }
  return found;
}
async function alive({ pid, start }) {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return rest[19] === start && rest[0] !== 'Z';
  } catch {
    return false;
  }
}
async function allGone(processes) {
  await until(async () => {
    const left = [];
    for (const p of processes) if (await alive(p)) left.push(p.name);
    if (left.length) throw new Error(`still there: ${left}`);
    return true;
  }, { timeoutMs: 5000, what: 'the end of every process' });
}
const refusesConnections = (url) => until(() => new Promise((resolve, reject) => {
  const socket = connect(new URL(url).port, '127.0.0.1', () => { socket.destroy(); reject(new Error('it still accepts')); });
  socket.on('error', () => resolve(true));
}), { timeoutMs: 3000, what: 'a refused connection' });
const inFlight = (worker, count) => until(async () => Number(/phala_calls_in_flight (\d+)/.exec(await (await fetch(`${worker.url}/metrics`)).text())[1]) === count, { what: `${count} calls in flight` });

test('SIGTERM finishes calls in flight, refuses new connections, and leaves no process', async (t) => {
  const data = await tempDir(t);
  const worker = await startWorker(t, { data });
  const call = await worker.phat('end', handlers);
  const answers = [call('/slow').then((r) => r.text()), call('/stream').then((r) => r.text())];
  await inFlight(worker, 2);
  const processes = await until(async () => {
    const found = await family(worker.pid);
    for (const name of ['phalad', 'phala-keyd', 'phala-run', 'phala-phat', 'phala-spare']) assert.ok(found.some((p) => p.name === name), `${name} among ${found.map((p) => p.name)}`);
    return found;
  }, { what: 'every process' });
  worker.child.kill('SIGTERM');
  await refusesConnections(worker.url);
  assert.deepEqual(await Promise.all(answers), ['finished', 'xxxxxxxx']);
  assert.equal((await worker.exited).code, 0);
  await allGone(processes);
});

test('someone who follows a log does not hold the end up', async (t) => {
  const worker = await startWorker(t);
  const call = await worker.phat('end', handlers);
  const authorization = await call.owner.authorization({ action: 'logs', name: 'end', cluster: worker.cluster });
  const following = await fetch(`${worker.url}/v1/phats/${call.id}/logs?follow=1`, { headers: { authorization } });
  assert.equal(following.status, 200);
  const ended = following.text().catch(() => 'reset');
  const { code } = await worker.stop({ timeoutMs: 5000 });
  assert.equal(code, 0);
  await ended;
});

test('a caller who left does not hold the end up', async (t) => {
  const worker = await startWorker(t, { args: ['--grace', '600'] });
  const call = await worker.phat('end', handlers);
  const leaving = new AbortController();
  const left = assert.rejects(call('/ever', { signal: leaving.signal }));
  await inFlight(worker, 1);
  leaving.abort();
  await left;
  const { code } = await worker.stop({ timeoutMs: 8000 });
  assert.equal(code, 0);
});

test('a second signal stops at once', async (t) => {
  const worker = await startWorker(t);
  const call = await worker.phat('end', handlers);
  const cut = assert.rejects(call('/ever'));
  await inFlight(worker, 1);
  const processes = await family(worker.pid);
  worker.child.kill('SIGTERM');
  await refusesConnections(worker.url);
  worker.child.kill('SIGTERM');
  await worker.stop({ timeoutMs: 3000 });
  await cut;
  await allGone(processes);
});

test('the grace period ends calls that do not', async (t) => {
  const worker = await startWorker(t, { args: ['--grace', '1'] });
  const call = await worker.phat('end', handlers);
  const cut = call('/ever').then((r) => r.text(), () => 'reset');
  await inFlight(worker, 1);
  await worker.stop({ timeoutMs: 5000 });
  await cut;
});

test('after kill -9 nothing stays either, not even a loop', async (t) => {
  const worker = await startWorker(t);
  const call = await worker.phat('end', handlers, { limits: { cpuMs: 20_000, wallMs: 30_000 } });
  const cut = assert.rejects(call('/spin'));
  await inFlight(worker, 1);
  await sleep(100);
  const processes = await family(worker.pid);
  assert.ok(processes.length >= 4);
  worker.child.kill('SIGKILL');
  await worker.exited;
  await allGone(processes);
  await cut;
});

test('a worker whose helper is gone stops instead of answering without it', async (t) => {
  for (const name of ['phala-keyd', 'phala-run']) {
    const worker = await startWorker(t);
    const processes = await family(worker.pid);
    process.kill(processes.find((p) => p.name === name).pid, 'SIGKILL');
    const { code } = await worker.exited;
    assert.equal(code, 1, `${name}: ${worker.output()}`);
    await allGone(processes);
  }
});
