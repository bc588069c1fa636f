// Phats that eat what they can: each ends its own call, its neighbours keep answering, and it is back on the next call.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import test from 'node:test';
import { phat } from './lib/script.mjs';
import { atEnd, sleep, until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const greedy = phat(`async fetch(request) {
  switch (new URL(request.url).pathname) {
    case '/loop': for (;;) ;
    case '/catch': for (;;) { try { for (;;) ; } catch {} finally { } }
    case '/recursion': { const f = () => f() + 1; return new Response(String(f())); }
    case '/promises': { const all = []; for (let i = 0; i < 1e6; i++) all.push(new Promise(() => {})); await Promise.race([Promise.all(all), new Promise((r) => setTimeout(r, 50))]); return new Response('survived'); }
    case '/microtasks': for (;;) await 1;
    case '/regex': return new Response(String(/^(a+)+$/.test('a'.repeat(40) + 'b')));
    case '/memory': { const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1)); }
    case '/string': { let s = 'x'; for (;;) s += s + Math.random(); }
    case '/wasm': {
      const code = new Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,8,1,4,115,112,105,110,0,0,10,9,1,7,0,3,64,12,0,11,11]);
      const { instance } = await WebAssembly.instantiate(code);
      instance.exports.spin();
    }
    case '/timers': for (let i = 0; i < 1e6; i++) setTimeout(() => {}, 1e6); return new Response('armed');
    case '/log': for (let i = 0; i < 1e5; i++) console.log('x'.repeat(1000)); return new Response('logged');
    case '/nothing': await new Promise(() => {});
    case '/sleep': await new Promise((r) => setTimeout(r, 60_000));
    case '/endless': return new Response(new ReadableStream({ async start(c) { c.enqueue(new Uint8Array(10)); await new Promise((r) => setTimeout(r, 60_000)); } }));
    case '/stream-then-loop': return new Response(new ReadableStream({ async start(c) { c.enqueue(new Uint8Array(10)); await new Promise((r) => setTimeout(r, 50)); for (;;) ; } }));
    default: return new Response('ok');
  }
}`);

const limits = { cpuMs: 100, wallMs: 2000, memoryMiB: 64 };
// For what computes: on a machine with much else to do 100 ms of CPU may take longer than two seconds.
const patience = { ...limits, wallMs: 20_000 };

async function instancePids(worker) {
  const pids = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      if (!/^Name:\s+phala-phat$/m.test(status)) continue;
      const zygote = /^PPid:\s+(\d+)$/m.exec(status)[1];
      const parent = /^PPid:\s+(\d+)$/m.exec(await readFile(`/proc/${zygote}/status`, 'utf8'))[1];
      if (Number(parent) === worker.pid) pids.push(Number(pid));
    } catch { /* gone meanwhile */ }
  }
  return pids;
}

/** Kills every instance. A call that comes later must not be given to one whose end the worker has yet to learn of. */
async function killInstances(worker) {
  const pids = await instancePids(worker);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await until(async () => (await instancePids(worker)).every((pid) => !pids.includes(pid)), { what: 'the end of every instance' });
  return pids;
}

test('limits', async (t) => {
  const worker = await startWorker(t);
  const victim = await worker.phat('greedy', greedy, { limits });
  const patient = await worker.phat('patient', greedy, { limits: patience });
  const neighbour = await worker.phat('neighbour', phat('fetch() { return new Response("still here"); }'));

  const cases = [
    [patient, '/loop', /^(cpu-limit)$/],
    [patient, '/catch', /^(cpu-limit)$/],
    [patient, '/microtasks', /^(cpu-limit)$/],
    [patient, '/wasm', /^(cpu-limit)$/],
    [patient, '/memory', /^(memory-limit|exception|cpu-limit)$/],
    [patient, '/string', /^(memory-limit|exception|cpu-limit)$/],
    [patient, '/recursion', /^(exception)$/],
    [victim, '/nothing', /^(no-response)$/],
    [victim, '/sleep', /^(wall-limit)$/],
  ];
  for (const [greedyOne, path, code] of cases) {
    await t.test(`${path} ends with a reason, the neighbour answers, the phat is back`, async () => {
      const bad = greedyOne(path);
      let answered = 0;
      for (let i = 0; i < 5; i++) {
        assert.equal(await (await neighbour('/')).text(), 'still here');
        answered++;
      }
      const response = await bad;
      assert.ok(response.status >= 500, `${path}: ${response.status}`);
      assert.match((await response.json()).error.code, code);
      assert.ok(response.headers.get('phala-receipt-id'));
      assert.equal(answered, 5);
      assert.equal(await (await greedyOne('/')).text(), 'ok');
    });
  }

  await t.test('a million promises, a bad regular expression, timers and log floods harm no one', async () => {
    for (const path of ['/promises', '/regex', '/timers', '/log']) {
      const response = await victim(path);
      await response.arrayBuffer();
      assert.equal(await (await neighbour('/')).text(), 'still here', path);
      assert.equal(await (await victim('/')).text(), 'ok', path);
    }
  });

  await t.test('killing an instance fails its call with the reason, and the next call works', async () => {
    const running = victim('/sleep');
    await sleep(200);
    const pids = await killInstances(worker);
    assert.ok(pids.length >= 3, `instances: ${pids}`);
    const response = await running;
    assert.equal(response.status >= 500, true);
    assert.match((await response.json()).error.code, /^(instance-died|memory-limit)$/);
    assert.equal(await (await victim('/')).text(), 'ok');
    assert.equal(await (await neighbour('/')).text(), 'still here');
  });

  await t.test('an answer under way is cut when its instance dies, loops or runs out of time, and its receipt says so', async () => {
    for (const path of ['/endless', '/stream-then-loop', '/endless']) {
      const response = await victim(path);
      assert.equal(response.status, 200);
      if (path === '/endless') await killInstances(worker);
      const started = Date.now();
      await assert.rejects(response.arrayBuffer(), path);
      assert.ok(Date.now() - started < 10_000);
      const id = response.headers.get('phala-receipt-id');
      const receipt = await until(async () => {
        const answer = await fetch(`${worker.url}/v1/receipts/${id}`);
        return answer.status === 200 && answer.json();
      }, { what: 'the receipt' });
      assert.equal(receipt.leaf.outcome, 'cut');
      assert.equal(await (await victim('/')).text(), 'ok');
    }
    const late = await victim('/endless');
    await assert.rejects(late.arrayBuffer(), 'the wall limit holds for streams');
  });

  await t.test('a storm of looping calls leaves the worker healthy', async () => {
    const storm = await Promise.all(Array.from({ length: 20 }, () => victim('/loop').then((r) => r.json())));
    for (const { error } of storm) assert.match(error.code, /^(cpu-limit|wall-limit|instance-died)$/);
    assert.equal((await fetch(`${worker.url}/readyz`)).status, 200);
    assert.equal(await (await neighbour('/')).text(), 'still here');
    // Loops whose calls have run out of time may still take their 100 ms of CPU each, and on a busy machine the next call's two seconds.
    await until(async () => assert.equal(await (await victim('/')).text(), 'ok') === undefined, { timeoutMs: 20_000, what: 'an answer after the storm' });
  });
});

test('uploads to a busy phat fail alone when too much waits for it', async (t) => {
  const worker = await startWorker(t);
  const phat = await worker.phat('busy', `export default { async fetch(request) {
    return new Response(String((await request.arrayBuffer()).byteLength));
  } };`, { limits: { cpuMs: 9000, wallMs: 120_000 } });
  assert.equal(await (await phat('/')).text(), '0');
  // An instance that reads nothing until there is more than the 64 MiB after which a channel counts as one whose reader is gone.
  const stopped = await instancePids(worker);
  for (const pid of stopped) process.kill(pid, 'SIGSTOP');
  atEnd(t, () => { for (const pid of stopped) try { process.kill(pid, 'SIGCONT'); } catch { /* ended with its worker */ } });
  const body = Buffer.alloc(256 * 1024, 'x');
  const uploads = [];
  const sent = Promise.all(Array.from({ length: 300 }, async () => {
    const response = await phat('/', { method: 'POST', body });
    uploads.push({ status: response.status, text: await response.text() });
  }));
  await until(() => uploads.length > 0, { timeoutMs: 60_000, what: 'an upload that is refused' });
  for (const pid of stopped) process.kill(pid, 'SIGCONT');
  await sent;
  const refused = uploads.filter(({ status }) => status !== 200);
  for (const { status, text } of refused) {
    assert.equal(status, 503, text);
    assert.equal(JSON.parse(text).error.code, 'overloaded');
  }
  for (const { status, text } of uploads) if (status === 200) assert.equal(text, String(body.length));
  assert.ok(refused.length > 0 && refused.length < uploads.length, `${refused.length} refused`);
  assert.equal(await (await phat('/')).text(), '0');
});

test('limits without the JIT', async (t) => {
  const worker = await startWorker(t, { args: ['--no-jit'] });
  assert.equal(worker.info.jit, false);
  const victim = await worker.phat('greedy', greedy, { limits: patience });
  for (const path of ['/loop', '/catch', '/microtasks', '/recursion', '/regex']) {
    const response = await victim(path);
    await response.arrayBuffer();
    if (path !== '/regex') assert.ok(response.status >= 500, `${path}: ${response.status}`);
    assert.equal(await (await victim('/')).text(), 'ok', path);
  }
});

test('one address holds as many connections as the operator allows, and gets them back', async (t) => {
  const worker = await startWorker(t, { args: ['--connections-per-address', '4'] });
  const { hostname, port } = new URL(worker.url);
  const open = () => new Promise((resolve) => {
    const socket = connect({ host: hostname, port }, () => socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'));
    socket.once('data', () => resolve({ socket, served: true })).once('close', () => resolve({ socket, served: false })).on('error', () => {});
  });
  const held = [];
  await until(async () => { // the connections of the worker's start may still be closing
    const one = await open();
    if (one.served) held.push(one.socket);
    return held.length === 4;
  });
  for (let i = 0; i < 5; i++) assert.equal((await open()).served, false, 'a fifth one');
  held.pop().destroy();
  held.push(await until(async () => { const { socket, served } = await open(); return served && socket; }));
  assert.equal((await open()).served, false);
  for (const socket of held) socket.destroy();
});
