// State of phats through the whole worker: durable when answered, there after kill -9, private on disk,
// refused when storage goes back.
import assert from 'node:assert/strict';
import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Owner } from './lib/owner.mjs';
import { postgresBin, startPostgres } from './lib/postgres.mjs';
import { childOf, sleep, tempDir, until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const state = { state: { maxMiB: 16 } };
const counter = `export default { async fetch(request, env) {
  const url = new URL(request.url);
  env.DB.exec('CREATE TABLE IF NOT EXISTS hits(path TEXT PRIMARY KEY, n INTEGER)');
  if (url.pathname === '/fail') { env.DB.prepare('DELETE FROM hits').run(); throw new Error('on purpose'); }
  if (url.pathname === '/read') return Response.json(env.DB.prepare('SELECT * FROM hits ORDER BY path').all().results);
  env.DB.prepare('INSERT INTO hits VALUES(?, 1) ON CONFLICT(path) DO UPDATE SET n = n + 1').bind(url.pathname).run();
  return Response.json(env.DB.prepare('SELECT n FROM hits WHERE path = ?').bind(url.pathname).first('n'));
} };`;
// Processes of instances: children of the zygote, but for the first one of their process namespace.
async function instancesOf(worker) {
  const zygote = await childOf(worker.pid, 'phala-run');
  const pids = (await readFile(`/proc/${zygote}/task/${zygote}/children`, 'utf8')).trim().split(/\s+/).filter(Boolean);
  const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, 'utf8')));
  return pids.filter((_, i) => names[i] !== 'phala-pid1\n').map(Number);
}
const json = async (response) => (await response).json();
// What the receipt of an answer says of the state.
async function stateOf(worker, response) {
  await response.arrayBuffer();
  const id = response.headers.get('phala-receipt-id');
  const { leaf } = await until(async () => {
    const got = await fetch(`${worker.url}/v1/receipts/${id}`);
    return got.status === 200 && got.json();
  }, { what: `receipt ${id}` });
  return { index: leaf.commit_index, root: leaf.state_root };
}
const none = { index: 0, root: '00'.repeat(32) };

describe('state', () => {
  test('is there for the next call, after a crash of the process and of the worker', async (t) => {
    const data = await tempDir(t);
    const owner = new Owner();
    const first = await startWorker(t, { data });
    const phat = await first.phat('counter', counter, state, owner);
    for (let n = 1; n <= 5; n++) assert.equal(await json(phat('/a')), n);
    assert.equal((await phat('/fail')).status, 500); // its turn is rolled back
    assert.deepEqual(await json(phat('/read')), [{ path: '/a', n: 5 }]);

    for (const pid of await instancesOf(first)) process.kill(pid, 'SIGKILL');
    await until(async () => (await phat('/a')).ok, { what: 'the phat after its process died' });
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    const second = await startWorker(t, { data });
    const again = (path) => fetch(`${second.url}/p/${phat.id}${path}`);
    const [{ n }] = await json(again('/read'));
    assert.ok(n >= 6, `${n} acknowledged writes`);
    assert.equal(await json(again('/a')), n + 1);
  });

  test('of one phat is not seen by another, nor by a phat without it, nor in the clear on disk', async (t) => {
    const data = await tempDir(t);
    const worker = await startWorker(t, { data });
    const owner = new Owner();
    const marker = 'correct-horse-battery-staple';
    const writer = `export default { fetch(request, env) {
      env.KV.put('secret', '${marker}');
      return new Response(env.KV.get('secret')); } };`;
    const reader = `export default { fetch(request, env) {
      return new Response(String(env.KV ? env.KV.get('secret') : env.KV) + typeof env.DB); } };`;
    assert.equal(await (await (await worker.phat('writer', writer, state, owner))()).text(), marker);
    assert.equal(await (await (await worker.phat('reader', reader, state, owner))()).text(), 'nullobject');
    assert.equal(await (await (await worker.phat('plain', reader, {}, owner))()).text(), 'undefinedundefined');
    await worker.stop();
    let seen = 0;
    for (const entry of await readdir(data, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const bytes = await readFile(join(entry.parentPath ?? entry.path, entry.name));
      if (/state-(log|pages)/.test(entry.parentPath ?? entry.path)) {
        seen++;
        assert.ok(!bytes.includes(marker), `${entry.name} holds plain text`);
      }
    }
    assert.ok(seen >= 3, `${seen} files of states`);
  });

  test('survives an update of the phat, whose calls wait for it', async (t) => {
    const worker = await startWorker(t);
    const owner = new Owner();
    const phat = await worker.phat('counter', counter, state, owner);
    assert.equal(await json(phat('/a')), 1);
    for (let n = 2; n <= 6; n++) {
      const next = await worker.phat('counter', `${counter}\n// version ${n}`, state, owner);
      assert.equal(await json(next('/a')), n);
    }
  });

  test('under many callers at once every acknowledged write counts', async (t) => {
    const worker = await startWorker(t);
    const phat = await worker.phat('counter', counter, state);
    const answers = await Promise.all(Array.from({ length: 200 }, () => json(phat('/x'))));
    assert.deepEqual(answers.sort((a, b) => a - b), Array.from({ length: 200 }, (_, i) => i + 1));
  });

  test('that storage rolled back is refused with a reason, and serves again when it is right', async (t) => {
    const data = await tempDir(t);
    const copy = await tempDir(t);
    const owner = new Owner();
    const worker = await startWorker(t, { data });
    const phat = await worker.phat('counter', counter, state, owner);
    assert.equal(await json(phat('/a')), 1);
    await cp(join(data, 'state-log'), join(copy, 'old'), { recursive: true });
    assert.equal(await json(phat('/a')), 2);
    await cp(join(data, 'state-log'), join(copy, 'new'), { recursive: true });
    for (const pid of await instancesOf(worker)) process.kill(pid, 'SIGKILL');
    await sleep(500); // the state is closed by then: what is copied now is what the next start reads
    for (const name of await readdir(join(copy, 'old'))) await cp(join(copy, 'old', name), join(data, 'state-log', name));
    for (const name of await readdir(join(data, 'state-pages'))) await rm(join(data, 'state-pages', name));
    await until(async () => /rolled back/.test(worker.output()) || (await phat('/a'), false), { what: 'the refusal' });
    assert.equal((await phat('/read')).status >= 500, true);
    for (const name of await readdir(join(copy, 'new'))) await cp(join(copy, 'new', name), join(data, 'state-log', name));
    for (const name of await readdir(join(data, 'state-pages'))) await rm(join(data, 'state-pages', name));
    await until(async () => (await phat('/read')).ok, { what: 'the right state' });
    assert.deepEqual(await json(phat('/read')), [{ path: '/a', n: 2 }]);
  });
});

describe('receipts of a phat with state', () => {
  const streamer = counter.replace('async fetch(request, env) {', `async fetch(request, env) {
    if (new URL(request.url).pathname === '/stream') {
      const encoder = new TextEncoder();
      return new Response(new ReadableStream({ async start(c) {
        c.enqueue(encoder.encode('a'));
        await new Promise((r) => setTimeout(r, 20));
        env.DB.exec("INSERT INTO hits VALUES('/stream', 1) ON CONFLICT(path) DO UPDATE SET n = n + 1");
        c.enqueue(encoder.encode('b'));
        c.close();
      } }));
    }`);

  test('name the commit of a write, and the same one for reads after it', async (t) => {
    const worker = await startWorker(t);
    const phat = await worker.phat('counter', streamer, state);
    const first = await stateOf(worker, await phat('/a'));
    assert.ok(first.index > 0);
    assert.notEqual(first.root, none.root);
    assert.deepEqual(await stateOf(worker, await phat('/read')), first);
    assert.deepEqual(await stateOf(worker, await phat('/read')), first);
    const second = await stateOf(worker, await phat('/a'));
    assert.equal(second.index, first.index + 1);
    assert.notEqual(second.root, first.root);
    const streamed = await stateOf(worker, await phat('/stream')); // what it wrote while it streamed is in it
    assert.equal(streamed.index, second.index + 1);
    assert.deepEqual(await stateOf(worker, await phat('/read')), streamed);
    assert.deepEqual(await stateOf(worker, await phat('/fail')), none); // the worker answered
    const plain = await worker.phat('plain', 'export default { fetch: () => new Response("x") };', {});
    assert.deepEqual(await stateOf(worker, await plain()), none);
  });

  test('grow from caller to caller, over crashes of the process and the worker', async (t) => {
    const data = await tempDir(t);
    let worker = await startWorker(t, { data });
    let phat = await worker.phat('counter', counter, state);
    let last = none;
    for (let round = 0; round < 4; round++) {
      for (let n = 0; n < 3; n++) {
        const all = await Promise.all(Array.from({ length: 8 }, async (_, i) => stateOf(worker, await phat(i % 2 ? '/read' : '/a'))));
        for (const one of all) assert.ok(one.index >= last.index, `${one.index} after ${last.index}`);
        last = all.sort((a, b) => a.index - b.index).at(-1);
      }
      if (round % 2) {
        for (const pid of await instancesOf(worker)) process.kill(pid, 'SIGKILL');
        await until(async () => (await phat('/read')).ok, { what: 'the phat after its process died' });
      } else {
        process.kill(worker.pid, 'SIGKILL');
        await worker.exited;
        worker = await startWorker(t, { data });
        const { id } = phat;
        phat = (path) => fetch(`${worker.url}/p/${id}${path}`);
        phat.id = id;
      }
      assert.deepEqual(await stateOf(worker, await phat('/read')), last);
    }
  });
});

describe('state in PostgreSQL', { skip: postgresBin() ? false : 'PostgreSQL is not installed' }, () => {
  let server;
  before(async () => { server = await startPostgres(); });
  after(async () => { await server?.stop(); });

  test('is there for another worker with the same keys', async (t) => {
    const data = await tempDir(t);
    const owner = new Owner();
    const first = await startWorker(t, { data, args: ['--state', server.url] });
    const phat = await first.phat('counter', counter, state, owner);
    for (let n = 1; n <= 3; n++) assert.equal(await json(phat('/pg')), n);
    await first.stop();
    await rm(join(data, 'state-pages'), { recursive: true });
    const second = await startWorker(t, { data, args: ['--state', server.url] });
    assert.equal(await json(fetch(`${second.url}/p/${phat.id}/pg`)), 4);
    assert.equal(server.query('SELECT max(index) > 3 FROM phala_commits'), 't');
  });

  // 100 keys of 200 KB: pages beside the log are written, and the log is cut, while the workers are killed.
  test('survives kill -9 of workers, each of which begins with an empty folder, and its log stays short', { timeout: 180_000 }, async (t) => {
    const data = await tempDir(t);
    const owner = new Owner();
    const start = () => startWorker(t, { data, args: ['--state', server.url] });
    const writer = `const fill = 'x'.repeat(200_000);
    export default { async fetch(request, env) {
      const [, key, n] = new URL(request.url).pathname.split('/');
      if (n) { env.KV.put(key, n + ':' + fill.slice(n.length)); return new Response('ok'); }
      return Response.json(parseInt(env.KV.get(key) ?? '0')); } };`;
    let worker = await start();
    const { id } = await worker.phat('writer', writer, { state: { maxMiB: 64 }, limits: { cpuMs: 2000 } }, owner);
    const acknowledged = Array(100).fill(0);
    const sent = Array(100).fill(0);
    for (let round = 0; round < 3; round++) {
      let left = 110;
      const writers = Array.from({ length: 5 }, async (_, w) => {
        for (let i = w; left > 0; i = (i + 5) % 100) { // each has keys of its own
          const answer = await fetch(`${worker.url}/p/${id}/k${i}/${++sent[i]}`).catch(() => null);
          if (!answer?.ok) return;
          acknowledged[i] = sent[i];
          left--;
        }
      });
      await until(() => left <= 10, { what: 'writes', timeoutMs: 60_000 });
      process.kill(worker.pid, 'SIGKILL');
      await worker.exited;
      await Promise.all(writers);
      await rm(join(data, 'state-pages'), { recursive: true });
      worker = await start();
      const there = await Promise.all(acknowledged.map((_, i) => json(fetch(`${worker.url}/p/${id}/k${i}`))));
      for (let i = 0; i < 100; i++) {
        assert.ok(there[i] >= acknowledged[i] && there[i] <= sent[i], `key ${i}: ${there[i]}, acknowledged ${acknowledged[i]}, sent ${sent[i]}`);
        acknowledged[i] = sent[i] = there[i];
      }
    }
    const [tip, first, last] = server.query(`SELECT t.index, min(c.index), max(c.index) FROM phala_tips t JOIN phala_commits c USING (phat)
      WHERE phat = decode('${id.replace(/^0x/, '')}', 'hex') GROUP BY t.index`).split('|').map(Number);
    assert.ok(first > 1 && first <= tip + 1 && last >= tip, `commits ${first} to ${last}, pages at ${tip}`);
  });

  test('that cannot be reached stops the start with a reason', async (t) => {
    await assert.rejects(startWorker(t, { args: ['--state', 'postgresql://phala@127.0.0.1:1/none'] }), /PostgreSQL|exit|ended/);
  });
});
