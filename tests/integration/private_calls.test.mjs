// Private calls: Oblivious HTTP to a real worker, with independent implementations of HPKE (hpke-js) and binary HTTP (bhttp-js) on the
// other side, and everything that must not open.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Envelope, gateway } from './lib/ohttp.mjs';
import { phat } from './lib/script.mjs';
import { until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const ECHO = phat(`async fetch(request) {
  const url = new URL(request.url);
  if (url.pathname.startsWith('/stream/')) {
    const n = Number(url.pathname.slice(8));
    return new Response(new ReadableStream({ pull(c) { this.i = (this.i ?? 0) + 1; if (this.i > n) c.close(); else c.enqueue(new Uint8Array(65536).fill(97)); } }));
  }
  if (url.pathname === '/break') return new Response(new ReadableStream({ pull(c) { this.i = (this.i ?? 0) + 1; if (this.i > 3) throw new Error('no more'); c.enqueue(new Uint8Array(65536)); } }));
  return Response.json({ method: request.method, url: request.url, x: request.headers.get('x-test'), text: await request.text() }, { headers: { 'x-answer': 'yes' } });
}`);

test('private calls', async (t) => {
  const worker = await startWorker(t);
  const call = await worker.phat('private', ECHO);
  const at = `/p/${call.id}`;
  const keys = new Uint8Array(await (await fetch(`${worker.url}/v1/ohttp-keys`)).arrayBuffer());
  const ask = (init, options) => gateway(worker, keys, init, options);
  // A worker takes nothing dated before its start, nor as long after as a clock may run ahead.
  await until(async () => (await ask({ path: `${at}/` })).status === 200);

  await t.test('the key configuration is the one that the evidence binds', async () => {
    const response = await fetch(`${worker.url}/v1/ohttp-keys`);
    assert.equal(response.headers.get('content-type'), 'application/ohttp-keys');
    const { identity } = await (await fetch(`${worker.url}/v1/attestation`)).json();
    assert.equal(identity.ohttp_keys, Buffer.from(keys).toString('hex'));
  });

  await t.test('a request reaches the phat and its answer comes back sealed, with every suite', async () => {
    for (const aead of [1, 2, 3]) {
      const inner = await ask({ method: 'POST', path: `${at}/a`, headers: { 'x-test': 'one' }, body: 'hello' }, { aead });
      assert.equal(inner.status, 200);
      assert.equal(inner.headers.get('x-answer'), 'yes');
      assert.match(inner.headers.get('phala-receipt-id'), /^[0-9a-zA-Z_-]+$/);
      assert.ok(Date.parse(inner.headers.get('date')) > 0);
      const body = await inner.json();
      assert.equal(body.method, 'POST');
      assert.match(body.url, /^https:\/\/worker\.example\/a$/);
      assert.equal(body.x, 'one');
      assert.equal(body.text, 'hello');
    }
  });

  await t.test('large bodies go and come, streamed answers arrive whole, and none beyond the limit', async () => {
    const big = 'x'.repeat(900_000);
    assert.equal((await (await ask({ method: 'POST', path: `${at}/`, body: big })).json()).text, big);
    assert.equal((await (await ask({ path: `${at}/stream/40` })).text()).length, 40 * 65536);
    const long = await ask({ path: `${at}/stream/80` });
    assert.equal(long.status, 502);
    assert.equal((await long.json()).error.code, 'response-too-large');
    const cut = await ask({ path: `${at}/break` });
    assert.equal(cut.status, 502);
    assert.equal((await cut.json()).error.code, 'response-cut');
  });

  await t.test('the receipt comes inside when asked for, and by its id', async () => {
    const inner = await ask({ path: `${at}/`, headers: { 'phala-receipt': 'inline', 'phala-nonce': 'ab'.repeat(32) } });
    const receipt = JSON.parse(Buffer.from(inner.headers.get('phala-receipt'), 'base64url'));
    assert.equal(receipt.leaf.nonce.replace('0x', ''), 'ab'.repeat(32));
    const id = inner.headers.get('phala-receipt-id');
    assert.equal((await ask({ path: `/v1/receipts/${id}` })).status, 200);
  });

  await t.test('errors inside stay inside', async () => {
    const none = await ask({ path: `/p/${'00'.repeat(20)}/` });
    assert.equal(none.status, 404);
    assert.equal((await none.json()).error.code, 'no-such-phat');
    assert.equal((await ask({ path: '/nowhere' })).status, 404);
    assert.equal((await ask({ path: '/v1/phats' })).status, 403, 'the rest of the API takes no private calls');
    assert.equal((await ask({ method: 'POST', path: '/.well-known/ohttp-gateway', headers: { 'content-type': 'message/ohttp-req' } })).status, 403);
  });

  await t.test('a HEAD request has no body', async () => {
    const inner = await ask({ method: 'HEAD', path: `${at}/` });
    assert.equal(inner.status, 200);
    assert.equal((await inner.text()).length, 0);
  });

  await t.test('an envelope is taken once', async () => {
    const envelope = await Envelope.make(keys, { path: `${at}/` });
    assert.equal((await envelope.send(worker)).status, 200);
    const again = await envelope.post(worker);
    assert.equal(again.status, 409);
    assert.equal((await again.json()).error.code, 'replayed');
    const many = await Promise.all(Array.from({ length: 20 }, () => envelope.post(worker)));
    assert.ok(many.every(({ status }) => status === 409));
  });

  await t.test('a date that is missing, old, ahead or no date is answered inside, with the date to go by', async () => {
    const now = Date.now();
    for (const date of [null, 'yesterday', new Date(now - 120_000).toUTCString(), new Date(now + 60_000).toUTCString(), new Date(now).toISOString()]) {
      const inner = await ask({ path: `${at}/` }, { date });
      assert.equal(inner.status, 400, String(date));
      assert.equal((await inner.json()).type, 'https://iana.org/assignments/http-problem-types#date');
      assert.ok(Math.abs(Date.parse(inner.headers.get('date')) - Date.now()) < 60_000);
    }
  });

  await t.test('no bit of an envelope can be changed', async () => {
    const { bytes } = await Envelope.make(keys, { path: `${at}/` });
    for (let i = 0; i < bytes.length; i += i < 45 ? 1 : 7) {
      const changed = bytes.slice();
      changed[i] ^= 1 << i % 8;
      const response = await Envelope.post(worker, changed);
      assert.equal(response.status, 400, `byte ${i}`);
      const body = await response.json();
      if (i < 7) assert.equal(body.type, 'https://iana.org/assignments/http-problem-types#ohttp-key');
      else assert.equal(body.error.code, 'bad-envelope');
    }
    for (let n = 0; n < bytes.length; n += 5) assert.equal((await Envelope.post(worker, bytes.slice(0, n))).status, 400, `${n} bytes`);
    assert.equal((await Envelope.post(worker, new Uint8Array([...bytes, 0]))).status, 400);
  });

  await t.test('an envelope for another worker does not open', async () => {
    const other = await startWorker(t);
    const theirs = new Uint8Array(await (await fetch(`${other.url}/v1/ohttp-keys`)).arrayBuffer());
    theirs[2] = keys[2]; // the same key id
    const response = await (await Envelope.make(theirs, { path: `${at}/` })).post(worker);
    assert.equal(response.status, 400);
    assert.equal((await response.json()).error.code, 'bad-envelope');
  });

  await t.test('what is no envelope is refused outside', async () => {
    const { bytes } = await Envelope.make(keys, { path: `${at}/` });
    const typed = (type, body = bytes) => fetch(`${worker.url}/.well-known/ohttp-gateway`, { method: 'POST', headers: { 'content-type': type }, body });
    assert.equal((await typed('application/json')).status, 415);
    assert.equal((await typed('message/ohttp-chunked-req')).status, 415);
    assert.equal((await typed('message/ohttp-req', new Uint8Array(1024 * 1024 + 1))).status, 413);
    assert.equal((await fetch(`${worker.url}/.well-known/ohttp-gateway`)).status, 405);
    const chunked = new ReadableStream({ start(c) { for (let i = 0; i < 20; i++) c.enqueue(new Uint8Array(65536)); c.close(); } });
    const response = await fetch(`${worker.url}/.well-known/ohttp-gateway`, { method: 'POST', headers: { 'content-type': 'message/ohttp-req' }, body: chunked, duplex: 'half' });
    assert.equal(response.status, 413);
  });

  await t.test('a message inside that could be read in two ways is refused', async () => {
    const raw = (plain) => Envelope.seal(keys, plain).then((e) => e.send(worker));
    const part = (s) => [s.length, ...Buffer.from(s, 'latin1')];
    const date = new Date().toUTCString();
    const build = (method, scheme, authority, path, fields, body = '') => {
      const lines = [['date', date], ...fields].flatMap(([n, v]) => [...part(n), ...part(v)]);
      return Uint8Array.from([0, ...part(method), ...part(scheme), ...part(authority), ...part(path), 0x40 | lines.length >> 8, lines.length & 255, ...lines, ...part(body)]);
    };
    const plain = await raw(build('GET', 'http', 'h', `${at}/q?a=b`, []));
    assert.equal((await plain.json()).url, 'http://h/q?a=b');
    const bad = {
      'a line break in a value': build('GET', 'https', 'h', `${at}/`, [['x', 'a\r\nhost: evil']]),
      'a line break in a name': build('GET', 'https', 'h', `${at}/`, [['x: a\r\ny', 'b']]),
      'a line break in the path': build('GET', 'https', 'h', `${at}/ HTTP/1.1\r\nx: y`, []),
      'a line break in the method': build('GET / HTTP/1.1\r\n\r\nPOST', 'https', 'h', `${at}/`, []),
      'a NUL': build('GET', 'https', 'h', `${at}/`, [['x', 'a\0b']]),
      'a blank in the method': build('GET /', 'https', 'h', `${at}/`, []),
      'a blank in the path': build('GET', 'https', 'h', `${at}/ a`, []),
      'a slash in the authority': build('GET', 'https', 'h/p', `${at}/`, []),
      'userinfo in the authority': build('GET', 'https', 'u@h', `${at}/`, []),
      'a path without a slash': build('GET', 'https', 'h', 'evil/', []),
      'a scheme of another kind': build('GET', 'file', 'h', `${at}/`, []),
      'no authority and no host': build('GET', 'https', '', `${at}/`, []),
      'two hosts': build('GET', 'https', '', `${at}/`, [['host', 'a'], ['host', 'b']]),
      'a host that is not the authority': build('GET', 'https', 'h', `${at}/`, [['host', 'b']]),
      'a pseudo-header': build('GET', 'https', 'h', `${at}/`, [[':path', '/']]),
      'a capital in a name': build('GET', 'https', 'h', `${at}/`, [['X', 'a']]),
      'a transfer coding': build('POST', 'https', 'h', `${at}/`, [['transfer-encoding', 'chunked']], '0'),
      'a length that is wrong': build('POST', 'https', 'h', `${at}/`, [['content-length', '3']], 'ab'),
      'two lengths': build('POST', 'https', 'h', `${at}/`, [['content-length', '2'], ['content-length', '1']], 'ab'),
      'a response': Uint8Array.of(1, 0x40, 200),
      'nothing': new Uint8Array(0),
      'a length beyond everything': Uint8Array.of(0, 3, 0x47, 0x45, 0x54, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    };
    for (const [what, plain] of Object.entries(bad)) {
      const inner = await raw(plain);
      assert.equal(inner.status, 400, what);
    }
    assert.equal((await raw(build('GET', 'https', '', `${at}/`, [['host', 'h']]))).status, 200);
  });

  await t.test('calls in flight end with their worker or their caller', async () => {
    const slow = await worker.phat('slow', phat('async fetch() { await new Promise((r) => setTimeout(r, 60000)); return new Response("late"); }'), { limits: { wallMs: 90000 } });
    const controller = new AbortController();
    const sent = Envelope.make(keys, { path: `/p/${slow.id}/` }).then((e) => e.post(worker, { signal: controller.signal }));
    const inFlight = async () => Number(/^phala_calls_in_flight (\d+)$/m.exec(await (await fetch(`${worker.url}/metrics`)).text())[1]);
    await until(async () => await inFlight() === 1);
    controller.abort();
    await assert.rejects(sent);
    // Who has closed one side may still read: he is waited for as long as for a head, 10 s.
    await until(async () => await inFlight() === 0, { timeoutMs: 60_000, what: 'the end of the call' });
  });

  await t.test('a page of another origin may ask, and only here', async () => {
    const preflight = (path, method = 'POST') => fetch(worker.url + path, { method: 'OPTIONS', headers: { origin: 'http://page.example', 'access-control-request-method': method, 'access-control-request-headers': 'content-type' } });
    const allowed = await preflight('/.well-known/ohttp-gateway');
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get('access-control-allow-origin'), '*');
    assert.match(allowed.headers.get('access-control-allow-headers'), /content-type/i);
    assert.equal((await preflight('/v1/phats')).status, 405);
    for (const path of ['/v1/attestation', '/v1/ohttp-keys']) assert.equal((await fetch(worker.url + path)).headers.get('access-control-allow-origin'), '*');
    assert.equal((await fetch(`${worker.url}/v1/phats`)).headers.get('access-control-allow-origin'), null);
  });
});

test('a worker that starts again takes no envelope of before', async (t) => {
  const first = await startWorker(t, {});
  const keys = new Uint8Array(await (await fetch(`${first.url}/v1/ohttp-keys`)).arrayBuffer());
  const envelope = await Envelope.make(keys, { path: '/v1/info' });
  await until(async () => (await gateway(first, keys, { path: '/v1/info' })).status === 200);
  const taken = await Envelope.make(keys, { path: '/v1/info' });
  assert.equal((await taken.send(first)).status, 200);
  await first.stop();
  const second = await startWorker(t, { data: first.dir });
  for (const old of [envelope, taken]) {
    const inner = await old.send(second);
    assert.equal(inner.status, 400);
    assert.equal((await inner.json()).type, 'https://iana.org/assignments/http-problem-types#date');
  }
  await until(async () => (await gateway(second, keys, { path: '/v1/info' })).status === 200);
});
