// What phats fetch: only what their manifest lists, only where they may, over TLS that is checked.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { phat } from './lib/script.mjs';
import { tempDir, until } from './lib/proc.mjs';
import { makeAuthority, startSource } from './lib/sources.mjs';
import { startWorker } from './lib/worker.mjs';

/* The caller sends {url, init, read}; the phat fetches and tells what it saw. */
const fetcher = phat(`async fetch(request) {
  const { pathname } = new URL(request.url);
  const order = pathname === '/upload' || pathname === '/relay' ? JSON.parse(request.headers.get('x-order')) : await request.json();
  try {
    if (pathname === '/relay') return await fetch(order.url);
    if (pathname === '/upload') { const r = await fetch(order.url, { method: 'POST', body: request.body, duplex: 'half' }); return new Response(await r.text()); }
    const init = { ...order.init };
    if (order.abortMs !== undefined) init.signal = AbortSignal.timeout(order.abortMs);
    const r = await fetch(order.url, init);
    const body = order.read === false ? '' : await r.text();
    return Response.json({ status: r.status, url: r.url, redirected: r.redirected, type: r.type, headers: [...r.headers], body });
  } catch (e) {
    return Response.json({ error: e.name, message: e.message, code: e.cause?.code ?? e.code });
  }
}`);

function handler(request, response) {
  const url = new URL(request.url, 'http://x');
  const send = (status, headers, body = '') => { response.writeHead(status, headers); response.end(body); };
  switch (url.pathname) {
    case '/echo': { const hash = createHash('sha256'); let n = 0; request.on('data', (d) => { n += d.length; hash.update(d); }).on('end', () => send(200, {}, `${n} ${hash.digest('hex')}`)); return; }
    case '/headers': return send(200, { 'content-type': 'application/json', 'x-multi': ['a', 'b'], 'set-cookie': ['c=1', 'd=2'] }, JSON.stringify(request.headers));
    case '/redirect': return send(Number(url.searchParams.get('status') ?? 302), { location: url.searchParams.get('to') ?? '/headers' });
    case '/loop': return send(302, { location: '/loop' });
    case '/gzip': return send(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain' }, gzipSync('unpacked '.repeat(1000)));
    case '/bomb': return send(200, { 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(300 << 20), { level: 1 }));
    case '/big': { const piece = Buffer.alloc(65536, 98); let left = Number(url.searchParams.get('size')); const more = () => { while (left > 0) { const n = Math.min(left, piece.length); left -= n; if (!response.write(piece.subarray(0, n))) return response.once('drain', more); } response.end(); }; response.writeHead(200); return more(); }
    case '/drip': { response.writeHead(200, { 'content-type': 'text/event-stream' }); let i = 0; const timer = setInterval(() => { response.write(`data: ${i++}\n\n`); if (i === 3) { clearInterval(timer); response.end(); } }, 1000); response.on('close', () => clearInterval(timer)); return; }
    case '/hang': return;
    case '/cut': response.writeHead(200, { 'content-length': '100' }); response.write('short'); setTimeout(() => response.destroy(), 20); return;
    case '/nonsense': response.socket.end('this is no HTTP\r\n\r\n'); return;
    case '/empty': return send(204, {});
    default: return send(404, {}, 'not here');
  }
}

test('egress', async (t) => {
  const dir = await tempDir(t);
  const good = makeAuthority(dir, 'good');
  const other = makeAuthority(dir, 'other');
  const named = makeAuthority(dir, 'named', ['DNS:elsewhere.test']);
  const plain = await startSource(t, handler);
  const secret = await startSource(t, handler);
  const secure = await startSource(t, handler, good);
  const stranger = await startSource(t, handler, other);
  const wrongName = await startSource(t, handler, named);
  const sources = [plain, secure, stranger, wrongName];
  const worker = await startWorker(t, {
    args: ['--extra-ca', good.caFile, ...[...sources, secret].flatMap(({ port }) => ['--private-host-insecure', `localhost:${port}`])],
  });
  assert.deepEqual(worker.info.private_hosts_insecure.sort(), [...sources, secret].map(({ port }) => `localhost:${port}`).sort());
  const call = await worker.phat('fetcher', fetcher, { egress: sources.map((s) => s.url()), limits: { wallMs: 4000, subrequests: 100 } });
  const ask = async (url, more = {}) => (await call('/', { method: 'POST', body: JSON.stringify({ url, ...more }) })).json();

  await t.test('a listed origin is reached, with method, headers and body', async () => {
    const got = await ask(`${plain.url()}/headers`, { init: { headers: { 'x-a': '1', authorization: 'Bearer z' } } });
    assert.equal(got.status, 200);
    assert.equal(got.url, `${plain.url()}/headers`);
    const seen = JSON.parse(got.body);
    assert.equal(seen['x-a'], '1');
    assert.equal(seen.authorization, 'Bearer z');
    assert.equal(seen.host, `localhost:${plain.port}`);
    assert.deepEqual(got.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value), ['c=1', 'd=2']);
    const body = 'x'.repeat(100_000);
    const echoed = await ask(`${plain.url()}/echo`, { init: { method: 'POST', body } });
    assert.equal(echoed.body, `100000 ${createHash('sha256').update(body).digest('hex')}`);
    assert.equal((await ask(`${plain.url()}/empty`)).status, 204);
  });

  await t.test('what is not listed is refused before anything is sent', async () => {
    for (const url of [secret.url(), `${plain.url('127.0.0.1')}/`, `https://localhost:${plain.port}/`, 'https://example.org/', 'http://localhost/', `http://user:pw@localhost:${secret.port}/`, 'ftp://localhost/', 'file:///etc/passwd', 'data:text/plain,x']) {
      const got = await ask(url);
      if (url.startsWith('data:') && got.body === 'x') continue;
      assert.equal(got.error, 'TypeError', `${url}: ${JSON.stringify(got)}`);
    }
    assert.deepEqual(secret.hits, []);
    assert.ok(Number(/phala_egress_denied_total (\d+)/.exec(await (await fetch(`${worker.url}/metrics`)).text())[1]) > 0);
  });

  await t.test('redirects: followed, handed over, refused; never to what is not listed', async () => {
    const followed = await ask(`${plain.url()}/redirect`);
    assert.deepEqual([followed.status, followed.url, followed.redirected], [200, `${plain.url()}/headers`, true]);
    const across = await ask(`${plain.url()}/redirect?to=${encodeURIComponent(`${secure.url()}/headers`)}`, { init: { headers: { authorization: 'Bearer z' } } });
    assert.equal(across.status, 200);
    assert.equal(JSON.parse(across.body).authorization, undefined, 'credentials stay with their origin');
    const manual = await ask(`${plain.url()}/redirect?status=307`, { init: { redirect: 'manual' } });
    assert.ok(manual.status === 307 || manual.type === 'opaqueredirect', JSON.stringify(manual));
    assert.equal((await ask(`${plain.url()}/redirect`, { init: { redirect: 'error' } })).error, 'TypeError');
    assert.equal((await ask(`${plain.url()}/loop`)).error, 'TypeError');
    for (const to of [secret.url(), 'http://127.0.0.1:1/', 'http://169.254.169.254/latest/meta-data/', 'file:///etc/passwd', `http://[::1]:${secret.port}/`])
      assert.equal((await ask(`${plain.url()}/redirect?to=${encodeURIComponent(to)}`)).error, 'TypeError', to);
    assert.deepEqual(secret.hits, []);
    const posted = await ask(`${plain.url()}/redirect?status=303&to=/headers`, { init: { method: 'POST', body: 'x' } });
    assert.equal(posted.status, 200);
    assert.ok(plain.hits.includes('GET /headers'));
  });

  await t.test('TLS: the own authority is trusted, others and other names are not', async () => {
    assert.equal((await ask(`${secure.url()}/headers`)).status, 200);
    assert.equal((await ask(`${stranger.url()}/headers`)).error, 'TypeError');
    assert.equal((await ask(`${wrongName.url()}/headers`)).error, 'TypeError');
    assert.deepEqual([stranger.hits, wrongName.hits], [[], []]);
  });

  await t.test('streams go both ways, in pieces and whole', async () => {
    const body = Buffer.alloc(5_000_003);
    for (let i = 0; i < body.length; i += 991) body[i] = i;
    const up = await call('/upload', { method: 'POST', headers: { 'x-order': JSON.stringify({ url: `${plain.url()}/echo` }) }, body });
    assert.equal(await up.text(), `${body.length} ${createHash('sha256').update(body).digest('hex')}`);
    const relay = (url) => call('/relay', { headers: { 'x-order': JSON.stringify({ url }) } });
    const big = await relay(`${secure.url()}/big?size=20000000`);
    let total = 0;
    for await (const piece of big.body) total += piece.length;
    assert.equal(total, 20_000_000);
    const events = await relay(`${plain.url()}/drip`);
    const reader = events.body.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), 'data: 0\n\n');
    await reader.cancel();
  });

  await t.test('gzip is unpacked, and a bomb of it ends the call, not the worker', async () => {
    assert.equal((await ask(`${plain.url()}/gzip`)).body, 'unpacked '.repeat(1000));
    const bomb = await call('/', { method: 'POST', body: JSON.stringify({ url: `${plain.url()}/bomb` }) });
    const told = await bomb.json();
    assert.ok(told.error, JSON.stringify(told).slice(0, 100));
    assert.equal((await ask(`${plain.url()}/headers`)).status, 200);
  });

  await t.test('servers that hang, break off or talk nonsense', async () => {
    const aborted = await ask(`${plain.url()}/hang`, { abortMs: 100 });
    assert.match(aborted.error, /^(TimeoutError|AbortError)$/);
    assert.equal((await ask(`${plain.url()}/cut`)).error, 'TypeError');
    assert.equal((await ask(`${plain.url()}/nonsense`)).error, 'TypeError');
    assert.equal((await ask('http://localhost:1/')).error, 'TypeError');
    const brief = await worker.phat('brief', fetcher, { egress: [plain.url()], limits: { wallMs: 500 } });
    const late = await brief('/', { method: 'POST', body: JSON.stringify({ url: `${plain.url()}/hang` }) });
    const told = await late.json();
    assert.ok(late.status === 504 || told.error === 'TypeError', `${late.status} ${JSON.stringify(told)}`);
  });

  await t.test('the number of fetches of a call is limited', async () => {
    const many = await worker.phat('many', phat(`async fetch(request) {
      let done = 0, refused = 0;
      for (let i = 0; i < 8; i++) try { await (await fetch('${plain.url()}/headers')).text(); done++; } catch { refused++; }
      return Response.json({ done, refused });
    }`), { egress: [plain.url()], limits: { subrequests: 5 } });
    assert.deepEqual(await (await many('/')).json(), { done: 5, refused: 3 });
    assert.deepEqual(await (await many('/')).json(), { done: 5, refused: 3 });
  });

  await t.test('a caller who leaves ends the fetches of the call', async () => {
    const before = Number(/phala_calls_in_flight (\d+)/.exec(await (await fetch(`${worker.url}/metrics`)).text())[1]);
    const controller = new AbortController();
    const left = assert.rejects(call('/', { method: 'POST', body: JSON.stringify({ url: `${plain.url()}/hang` }), signal: controller.signal }));
    setTimeout(() => controller.abort(), 200);
    await left;
    await until(async () => Number(/phala_calls_in_flight (\d+)/.exec(await (await fetch(`${worker.url}/metrics`)).text())[1]) <= before, { timeoutMs: 60_000, what: 'the end of the call' });
  });
});

test('answers wait for a phat that is busy, however many there are', async (t) => {
  const plain = await startSource(t, handler);
  const worker = await startWorker(t, { args: ['--private-host-insecure', `localhost:${plain.port}`] });
  // 400 answers of a whole window: more than the 64 MiB that a channel takes.
  const call = await worker.phat('collector', phat(`async fetch(request) {
    if (new URL(request.url).pathname !== '/') return new Response('here');
    const sizes = Array.from({ length: 400 }, async () => {
      let n = 0;
      for await (const piece of (await fetch('${plain.url()}/big?size=262144')).body) n += piece.length;
      return n;
    });
    await new Promise((r) => setTimeout(r, 20));
    for (const end = Date.now() + 3000; Date.now() < end;);
    return new Response(String((await Promise.all(sizes)).reduce((a, b) => a + b)));
  }`), { egress: [plain.url()], limits: { subrequests: 400, cpuMs: 20000, wallMs: 40000, memoryMiB: 512 } });
  const response = await call('/');
  assert.equal(await response.text(), String(400 * 262144));
  assert.equal(await (await call('/again')).text(), 'here');
});
