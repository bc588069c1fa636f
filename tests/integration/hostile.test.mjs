// Phats that attack: files, sockets, addresses, threads, disk, headers, natives. Each gets nothing, and its neighbour notices nothing.
import assert from 'node:assert/strict';
import { readFile, readdir, readlink, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { phat } from './lib/script.mjs';
import { startSource } from './lib/sources.mjs';
import { atEnd, until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

let worker;
let neighbour;
before(async () => {
  worker = await startWorker(null);
  neighbour = await worker.phat('neighbour', phat('fetch() { return Response.json({ proto: Object.prototype.polluted, names: Object.keys(globalThis) }); }'));
});
after(() => worker?.stop());
const fine = async () => {
  const response = await neighbour('/');
  assert.equal(response.status, 200);
  assert.equal((await response.json()).proto, undefined);
};
/** Runs `body` as a handler; yields what it returned as JSON. */
let count = 0;
async function run(body, manifest = {}, init = {}) {
  const call = await worker.phat(`hostile-${++count}`, phat(`async fetch(request, env, ctx) { ${body} }`), manifest);
  const response = await call('/', init);
  const text = await response.text();
  let json;
  try { json = JSON.parse(text); } catch { /* some answers are text */ }
  return { call, response, text, json };
}

describe('hostile phats', () => {
  test('no way to files, processes or sockets is in reach', async () => {
    const { json } = await run(`
      const names = ['require', 'process', 'Deno', 'Bun', 'module', 'exports', 'importScripts', 'XMLHttpRequest', 'WebSocket', 'EventSource', 'Worker', 'SharedWorker', 'navigator', 'open', 'load', 'read', 'readFile', 'print', 'quit', 'imports', 'gi', 'window', 'document', 'localStorage', 'indexedDB'];
      const there = names.filter((name) => typeof globalThis[name] !== 'undefined' && globalThis[name] !== null);
      const tries = {};
      for (const [name, attempt] of Object.entries({
        import: (name = '/etc/passwd') => import(name),
        importFs: (name = 'node:fs') => import(name),
        file: () => fetch('file:///etc/passwd'),
        unix: () => fetch('unix:/run/x.sock'),
        relative: () => fetch('/etc/passwd'),
        about: () => fetch('about:blank'),
      })) try { await attempt(); tries[name] = 'worked'; } catch (e) { tries[name] = 'refused'; }
      return Response.json({ there, tries });`, { egress: ['https://example.org'] });
    assert.deepEqual(json.there.filter((name) => name !== 'navigator'), []);
    assert.deepEqual([...new Set(Object.values(json.tries))], ['refused']);
    await fine();
  });

  test('private, loopback and metadata addresses are out of reach in every spelling', async (t) => {
    const victim = createServer((socket) => { victim.reached = true; socket.destroy(); });
    await new Promise((resolve) => victim.listen(0, '127.0.0.1', resolve));
    atEnd(t, () => victim.close());
    const { port } = victim.address();
    const hosts = ['127.0.0.1', 'localhost', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0', '0.0.0.0', '127.0.0.1.', 'LOCALHOST', 'localhost.', '[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]',
      '10.0.0.1', '192.168.0.1', '172.16.0.1', '100.64.0.1', '169.254.169.254', '[fe80::1]', '[fd00::1]', '[fd00:ec2::254]', '224.0.0.1', '255.255.255.255'];
    const listable = [];
    for (const host of hosts) {
      const probe = await worker.phat(`probe-${++count}`, phat('fetch() { return new Response("") }'), { egress: [`http://${host}:${port}`] }).catch(() => null);
      if (probe) listable.push(`http://${host}:${port}`);
    }
    const { json } = await run(`
      const out = {};
      for (const host of ${JSON.stringify(hosts)}) for (const url of ['http://' + host + ':${port}/', 'http://' + host + ':${port}']) {
        try { const r = await fetch(url); out[url] = r.status; } catch (e) { out[url] = e.name; }
      }
      return Response.json(out);`, { egress: listable, limits: { subrequests: 200, wallMs: 20_000 } });
    for (const [url, result] of Object.entries(json)) assert.equal(result, 'TypeError', url);
    assert.equal(victim.reached, undefined);
    await fine();
  });

  test('a redirect to a private address is not followed, although the first host is allowed', async (t) => {
    const secret = await startSource(t, (request, response) => response.end('secret'));
    const source = await startSource(t, (request, response) => { response.writeHead(302, { location: decodeURIComponent(request.url.slice(1)) }); response.end(); });
    const own = await startWorker(t, { args: ['--private-host-insecure', `localhost:${source.port}`] });
    const targets = [`http://127.0.0.1:${secret.port}/`, `http://localhost:${secret.port}/`, `http://[::ffff:127.0.0.1]:${secret.port}/`, `http://2130706433:${secret.port}/`];
    const call = await own.phat('redirected', phat(`async fetch() {
      const out = [];
      for (const to of ${JSON.stringify(targets)}) try { out.push(await (await fetch('${source.url()}/' + encodeURIComponent(to))).text()); } catch (e) { out.push(e.name); }
      return Response.json(out);
    }`), { egress: [source.url(), `http://127.0.0.1:${secret.port}`, `http://localhost:${secret.port}`] });
    assert.deepEqual(await (await call('/')).json(), targets.map(() => 'TypeError'));
    assert.deepEqual(secret.hits, []);
    assert.equal(source.hits.length, 4);
  });

  test('headers that are the network\'s or the worker\'s cannot be forged, going out or coming back', async (t) => {
    const source = await startSource(t, (request, response) => response.end(JSON.stringify(request.rawHeaders)));
    const own = await startWorker(t, { args: ['--private-host-insecure', `localhost:${source.port}`] });
    const call = await own.phat('forger', phat(`async fetch() {
      const out = { threw: [] };
      for (const [name, value] of [['host', 'evil.test'], ['content-length', '5'], ['transfer-encoding', 'chunked'], ['connection', 'upgrade'], ['x-a', 'b\\r\\nx-injected: 1'], ['x\\r\\ny', '1'], ['x-ok', '1']])
        try { out[name] = await (await fetch('${source.url()}/', { headers: { [name]: value } })).json(); } catch (e) { out.threw.push(name); }
      return Response.json(out);
    }`), { egress: [source.url()] });
    const out = await (await call('/')).json();
    for (const [name, raw] of Object.entries(out)) {
      if (name === 'threw') continue;
      const lower = raw.map((text) => text.toLowerCase());
      assert.ok(!lower.includes('x-injected'), name);
      assert.equal(raw[lower.indexOf('host') + 1], `localhost:${source.port}`, name);
      assert.equal(lower.filter((text) => text === 'host').length, 1);
      assert.ok(!lower.includes('upgrade'), name);
    }
    assert.ok(out.threw.includes('x-a') && out.threw.includes('x\r\ny'));
    const back = await own.phat('splitter', phat(`fetch(request) {
      const h = new Headers({ 'phala-receipt-id': 'forged', 'phala-receipt': 'forged', 'Phala-Anything': '1', 'transfer-encoding': 'chunked', 'content-length': '3', 'connection': 'close', date: 'never', 'x-own': '1' });
      return new Response('longer than three', { headers: h });
    }`));
    const response = await back('/');
    assert.equal(await response.text(), 'longer than three');
    assert.match(response.headers.get('phala-receipt-id'), /^[0-9a-f]{16}-[0-9a-f]{3}$/);
    assert.equal(response.headers.get('phala-receipt'), null);
    assert.equal(response.headers.get('phala-anything'), null);
    assert.equal(response.headers.get('x-own'), '1');
  });

  test('the natives under the prelude are not in reach', async () => {
    const { json } = await run(`
      const seen = new Set(), found = [];
      const walk = (value, path) => {
        if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value) || path.length > 6) return;
        seen.add(value);
        for (const key of Reflect.ownKeys(value)) {
          const name = String(key);
          if (/^(__ph|respondFail|respondChunk|fetchSend|callCredit|timerCancel|onCallBody|onFrame)/.test(name)) found.push(path.concat(name).join('.'));
          let next; try { next = value[key]; } catch { continue; }
          walk(next, path.concat(name));
        }
        try { walk(Object.getPrototypeOf(value), path.concat('[[Prototype]]')); } catch {}
      };
      walk(globalThis, []); walk(request, ['request']); walk(env, ['env']); walk(ctx, ['ctx']);
      const viaFunction = new Function('return typeof __ph + typeof natives + typeof host')();
      const viaEval = (0, eval)('typeof __ph');
      const viaConstructor = (async () => {}).constructor('return typeof __ph')();
      let caller = 'none'; try { caller = typeof (function f() { return f.caller; })(); } catch (e) { caller = 'threw'; }
      let frames = ''; Error.prepareStackTrace = (e, sites) => { frames = String(sites); return ''; }; try { null.x; } catch (e) { void e.stack; }
      return Response.json({ found, viaFunction, viaEval, viaConstructor: await viaConstructor, frames });`);
    assert.deepEqual(json.found, []);
    assert.equal(json.viaFunction, 'undefinedundefinedundefined');
    assert.deepEqual([json.viaEval, json.viaConstructor], ['undefined', 'undefined']);
    await fine();
  });

  test('polluting what the prelude stands on harms only the phat itself', async () => {
    for (const poison of [
      'Object.prototype.polluted = "yes"; Object.prototype.status = 999; Object.prototype.then = function () {};',
      'Array.prototype.push = () => { throw 1 }; Array.prototype[Symbol.iterator] = function* () { yield "evil" };',
      'Map.prototype.get = () => { throw 2 }; Map.prototype.set = () => {}; Map.prototype.has = () => true;',
      'Promise.prototype.then = function (f) { return this; };',
      'Promise.resolve = () => ({}); globalThis.Promise = class {};',
      'Response.prototype = {}; Object.defineProperty(Response.prototype, "status", { get() { return -1 } });',
      'Object.defineProperty(globalThis, "Response", { get() { throw 3 } });',
      'Uint8Array.prototype.set = () => {}; Uint8Array.prototype.subarray = () => null; TextEncoder.prototype.encode = () => null;',
      'Function.prototype.call = Function.prototype.apply = () => { throw 4 }; Reflect.apply = () => 0;',
      'Object.defineProperty(Object.prototype, "0", { set() { throw 5 } }); RegExp.prototype.exec = () => null; String.prototype.toLowerCase = () => "x";',
      'Headers.prototype.entries = () => 5; Headers.prototype[Symbol.iterator] = () => 6; JSON.stringify = () => "";',
      'ReadableStream.prototype.getReader = () => { throw 7 }; Symbol.iterator; Array.from = () => [];',
    ]) {
      const { response } = await run(`${poison} const R = globalThis.Response; return new R("x".repeat(100000));`, { limits: { wallMs: 1500, cpuMs: 500 } }).catch((error) => ({ response: { status: String(error) } }));
      assert.ok(typeof response.status === 'number' && response.status >= 200 && response.status < 600, `${poison}: ${response.status}`);
      await fine();
    }
  });

  test('answering twice, and answers that are none', async () => {
    for (const body of [
      'ctx.waitUntil(Promise.resolve(new Response("second"))); return new Response("first");',
      'const r = new Response("first"); await r.text(); return r;',
      'return { status: 200, body: "no Response" };',
      'return new Proxy(new Response("x"), { get() { throw 1 } });',
      'return Object.create(Response.prototype);',
      'throw { toString() { throw 1 }, get message() { throw 2 }, get stack() { throw 3 } };',
      'return Promise.reject(undefined);',
      'return new Response(new ReadableStream({ pull() { throw new Error("late") } }));',
      'return new Response(new ReadableStream({ pull(c) { c.enqueue("no bytes") } }));',
      'return new Response("x", { status: 99 });',
      'const e = new Error("x".repeat(1e7)); throw e;',
    ]) {
      const { response } = await run(body, { limits: { wallMs: 2000 } }).catch((error) => {
        assert.match(String(error), /terminated|fetch failed/);
        return { response: { status: 'cut' } };
      });
      assert.ok(response.status === 'cut' || (response.status >= 200 && response.status < 600), body);
    }
    await fine();
  });

  test('a hundred thousand fetches are cut at the limit', async () => {
    const { json, response } = await run(`
      let refused = 0; const all = [];
      for (let i = 0; i < 1e5; i++) all.push(fetch('http://127.0.0.1:1/').catch(() => { refused++; }));
      await Promise.all(all);
      return Response.json({ refused });`, { egress: ['http://127.0.0.1:1'], limits: { wallMs: 20_000, cpuMs: 10_000, memoryMiB: 256 } });
    assert.ok(json?.refused === 1e5 || response.status >= 500, JSON.stringify(json));
    await fine();
  });

  test('streams without end: going out, held back, and of logs', async () => {
    const endless = await worker.phat('endless', phat(`fetch() { const piece = new Uint8Array(65536); return new Response(new ReadableStream({ pull(c) { c.enqueue(piece); } })); }`), { limits: { responseBytes: 5_000_000, wallMs: 5000 } });
    await assert.rejects((async () => { await (await endless('/')).arrayBuffer(); })());
    const greedy = await worker.phat('greedy-stream', phat(`fetch() { const piece = new Uint8Array(1 << 20); return new Response(new ReadableStream({ start(c) { for (;;) c.enqueue(piece.slice()); } })); }`), { limits: { memoryMiB: 64, wallMs: 5000, cpuMs: 2000 } });
    const got = await greedy('/').then(async (r) => { await r.arrayBuffer(); return r.status; }).catch(() => 'cut');
    assert.ok(got === 'cut' || got >= 500, String(got));
    assert.equal((await endless('/', { method: 'HEAD' }).catch(() => ({ status: 'cut' }))).status === 404, false);
    await fine();
  });

  test('disk: nothing a phat does grows the worker\'s folder beyond its receipts', async () => {
    const size = async (dir) => {
      let total = 0;
      for (const entry of await readdir(dir, { withFileTypes: true })) {
        const path = join(dir, entry.name);
        total += entry.isDirectory() ? await size(path) : (await stat(path)).size;
      }
      return total;
    };
    const { call } = await run('for (let i = 0; i < 200; i++) console.log("x".repeat(30000)); return new Response("x".repeat(1e6));');
    const before = await size(worker.dir);
    for (let i = 0; i < 20; i++) await (await call('/')).text();
    assert.ok(await size(worker.dir) - before < 100_000);
    await fine();
  });

  test('threads: shared memory, many wasm modules and many timers', async () => {
    const { json } = await run(`
      const out = {};
      const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
      try { await Promise.all(Array.from({ length: 2000 }, () => WebAssembly.compile(wasm))); out.wasm = 'compiled'; } catch (e) { out.wasm = e.name; }
      try { for (let i = 0; i < 1e6; i++) setTimeout(() => {}, 1e6); out.timers = 'armed'; } catch (e) { out.timers = e.name; }
      try { const s = new SharedArrayBuffer(4); Atomics.wait(new Int32Array(s), 0, 0, 1e6); out.wait = 'waited'; } catch (e) { out.wait = e.name; }
      return Response.json(out);`, { limits: { wallMs: 3000, cpuMs: 2000, memoryMiB: 128 } });
    assert.ok(json.error || json.timers === 'RangeError', JSON.stringify(json));
    await fine();
  });

  test('a process of a phat has no privilege, no descriptor but its channels, and no network', async () => {
    await run('return new Response("x");');
    const pids = [];
    for (const pid of await readdir('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      try {
        const status = await readFile(`/proc/${pid}/status`, 'utf8');
        if (!/^Name:\s+phala-phat$/m.test(status)) continue;
        for (let at = pid; Number(at) > 1; at = /^PPid:\s+(\d+)$/m.exec(await readFile(`/proc/${at}/status`, 'utf8'))[1]) if (Number(at) === worker.pid) { pids.push([pid, status]); break; }
      } catch { /* gone */ }
    }
    assert.ok(pids.length > 0);
    for (const [pid, status] of pids) {
      for (const ns of ['net', 'pid', 'mnt', 'ipc'])
        if (/^ok/.test(worker.info.sandbox[{ net: 'netns', pid: 'pidns', mnt: 'mountns', ipc: 'ipcns' }[ns]] ?? ''))
          assert.notEqual(await readlink(`/proc/${pid}/ns/${ns}`), await readlink(`/proc/${worker.pid}/ns/${ns}`), ns);
      const files = await Promise.all((await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`)));
      for (const file of files) assert.match(file, /^(socket:|pipe:|anon_inode:|\/proc\/\d+\/statm$|\/dev\/(null|urandom)$)/);
      assert.match(status, /^NoNewPrivs:\s+1$/m);
      assert.match(status, /^CapEff:\s+0+$/m);
      assert.match(status, /^CapPrm:\s+0+$/m);
      assert.match(status, /^Seccomp:\s+2$/m);
    }
  });

  test('neighbours cannot find each other in one place', async () => {
    const { json } = await run('globalThis.mark = "mine"; Object.prototype.polluted = "yes"; return Response.json({});');
    assert.ok(json);
    await fine();
    await until(async () => (await fetch(`${worker.url}/readyz`)).status === 200, { what: 'readiness' });
  });
});
