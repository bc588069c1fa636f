// Calls over HTTP: routing, bodies both ways, streams, errors, and the receipt of each.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import http from 'node:http';
import test from 'node:test';
import { phat } from './lib/script.mjs';
import { until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const echo = phat(`async fetch(request, env, ctx) {
  const url = new URL(request.url);
  switch (url.pathname) {
    case '/echo': return new Response(await request.arrayBuffer(), { headers: { 'content-type': request.headers.get('content-type') ?? 'application/octet-stream' } });
    case '/stream': return new Response(request.body);
    case '/describe': return Response.json({ method: request.method, url: request.url, headers: [...request.headers] });
    case '/sse': {
      const { readable, writable } = new TransformStream();
      const writer = writable.getWriter(), text = new TextEncoder();
      ctx.waitUntil((async () => {
        for (let i = 0; i < 3; i++) { await writer.write(text.encode('data: ' + i + '\\n\\n')); await new Promise((r) => setTimeout(r, Number(url.searchParams.get('gap') ?? 20))); }
        await writer.close();
      })());
      return new Response(readable, { headers: { 'content-type': 'text/event-stream' } });
    }
    case '/big': {
      const size = Number(url.searchParams.get('size')), piece = new Uint8Array(65536).fill(97);
      let left = size;
      return new Response(new ReadableStream({ pull(c) { if (left <= 0) return c.close(); const n = Math.min(left, piece.length); left -= n; c.enqueue(piece.slice(0, n)); } }));
    }
    case '/fake': return new Response('x', { headers: { 'phala-receipt-id': 'forged', 'x-own': '1' } });
    case '/status': return new Response(null, { status: Number(url.searchParams.get('code')) });
    case '/throw': throw new Error('secret detail');
    case '/nothing': return undefined;
    case '/slow': await new Promise((r) => setTimeout(r, Number(url.searchParams.get('ms')))); return new Response('done');
    default: return new Response('Hello, world!\\n');
  }
}`);

const sha256 = (data) => createHash('sha256').update(data).digest('hex');
const requestHash = (method, target, type, body = '') =>
  sha256(Buffer.concat([Buffer.from(`phala-request-v1\n${method}\n${target}\n${type ?? ''}\n`), Buffer.from(body)]));
const responseHash = (status, type, body, encoding, location) =>
  sha256(Buffer.concat([Buffer.from(`phala-response-v1\n${status}\n${type ?? ''}\n${encoding ?? ''}\n${location ?? ''}\n`), Buffer.from(body)]));

async function receiptOf(worker, id) {
  return until(async () => {
    const response = await fetch(`${worker.url}/v1/receipts/${id}`);
    assert.ok([200, 202].includes(response.status), `receipt: ${response.status}`);
    return response.status === 200 && response.json();
  }, { what: `receipt ${id}` });
}

test('calls', async (t) => {
  const worker = await startWorker(t, { args: ['--domain', 'phats.test'] });
  const call = await worker.phat('echo', echo);

  await t.test('a phat answers by path and by host', async () => {
    const byPath = await call('/');
    assert.equal(byPath.status, 200);
    assert.equal(await byPath.text(), 'Hello, world!\n');
    const byHost = await new Promise((resolve, reject) => {
      http.get(`${worker.url}/describe?a=1`, { headers: { host: `${call.id}.phats.test` } }, (r) => {
        let text = '';
        r.on('data', (d) => { text += d; }).on('end', () => resolve(JSON.parse(text)));
      }).on('error', reject);
    });
    assert.equal(byHost.url, `http://${call.id}.phats.test/describe?a=1`);
  });

  await t.test('unknown phats and paths are 404 with a code', async () => {
    for (const path of [`/p/${'0'.repeat(40)}/`, '/p/xyz/', '/v1/nothing', '/']) {
      const response = await fetch(worker.url + path);
      assert.equal(response.status, 404);
      assert.match((await response.json()).error.code, /^(no-such-phat|not-found)$/);
    }
    assert.equal((await fetch(`${worker.url}/v1/info`, { method: 'POST' })).status, 405);
  });

  await t.test('method, url and headers reach the phat', async () => {
    const seen = await (await call('/describe?x=%20y', { method: 'DELETE', headers: { 'X-Thing': 'a, b', cookie: 'c=1' } })).json();
    assert.equal(seen.method, 'DELETE');
    assert.ok(seen.url.endsWith('/describe?x=%20y'));
    assert.deepEqual(seen.headers.filter(([n]) => n === 'x-thing' || n === 'cookie').sort(), [['cookie', 'c=1'], ['x-thing', 'a, b']]);
  });

  await t.test('the receipt covers request and answer', async () => {
    const nonce = 'ab'.repeat(32);
    const response = await call('/echo?q=1', { method: 'POST', body: 'some text', headers: { 'content-type': 'text/x-odd', 'phala-nonce': nonce } });
    const body = await response.text();
    assert.equal(body, 'some text');
    const { leaf } = await receiptOf(worker, response.headers.get('phala-receipt-id'));
    assert.equal(leaf.phat, call.id);
    assert.equal(leaf.bundle_hash, call.body.bundle_hash.slice(2));
    assert.equal(leaf.nonce, nonce);
    assert.equal(leaf.status, 200);
    assert.equal(leaf.outcome, 'answered');
    assert.equal(leaf.request_hash, requestHash('POST', '/echo?q=1', 'text/x-odd', 'some text'));
    assert.equal(leaf.response_hash, responseHash(200, 'text/x-odd', 'some text'));
    assert.ok(Math.abs(leaf.time_ms - Date.now()) < 60_000);
  });

  await t.test('an inline receipt comes with the answer', async () => {
    const response = await call('/', { headers: { 'phala-receipt': 'inline' } });
    const receipt = JSON.parse(Buffer.from(response.headers.get('phala-receipt'), 'base64url'));
    assert.equal(receipt.leaf.response_hash, responseHash(200, response.headers.get('content-type'), await response.text()));
    assert.deepEqual(receipt, await receiptOf(worker, response.headers.get('phala-receipt-id')));
  });

  await t.test('a streamed answer gets its receipt as a trailer', async () => {
    const { trailers, body, headers } = await new Promise((resolve, reject) => {
      http.get(`${worker.url}/p/${call.id}/sse`, { headers: { 'phala-receipt': 'inline' } }, (r) => {
        let text = '';
        r.on('data', (d) => { text += d; }).on('end', () => resolve({ trailers: r.trailers, body: text, headers: r.headers }));
      }).on('error', reject);
    });
    assert.equal(body, 'data: 0\n\ndata: 1\n\ndata: 2\n\n');
    const receipt = JSON.parse(Buffer.from(trailers['phala-receipt'], 'base64url'));
    assert.equal(receipt.leaf.response_hash, responseHash(200, 'text/event-stream', body));
    assert.deepEqual(receipt, await receiptOf(worker, headers['phala-receipt-id']));
  });

  await t.test('events arrive while the answer goes on', async () => {
    const response = await call('/sse?gap=3000');
    const reader = response.body.getReader();
    const first = new TextDecoder().decode((await reader.read()).value);
    assert.equal(first, 'data: 0\n\n');
    await reader.cancel();
  });

  await t.test('large bodies stream both ways unharmed', async () => {
    const size = 9_000_001;
    const sent = Buffer.alloc(size);
    for (let i = 0; i < size; i += 997) sent[i] = i;
    for (const path of ['/echo', '/stream']) {
      const response = await call(path, { method: 'POST', body: sent });
      const got = Buffer.from(await response.arrayBuffer());
      assert.equal(sha256(got), sha256(sent), path);
      const { leaf } = await receiptOf(worker, response.headers.get('phala-receipt-id'));
      assert.equal(leaf.request_hash, requestHash('POST', path, response.request_type, sent));
      assert.equal(leaf.response_hash, responseHash(200, response.headers.get('content-type'), got));
    }
    const big = await call('/big?size=50000000');
    let total = 0;
    for await (const piece of big.body) total += piece.length;
    assert.equal(total, 50_000_000);
  });

  await t.test('a caller that reads slowly holds the phat back, not the worker', async () => {
    const socket = connect(new URL(worker.url).port, '127.0.0.1');
    socket.write(`GET /p/${call.id}/big?size=80000000 HTTP/1.1\r\nhost: x\r\n\r\n`);
    socket.pause();
    await new Promise((r) => setTimeout(r, 500));
    assert.equal(await (await call('/')).text(), 'Hello, world!\n');
    const metrics = await (await fetch(`${worker.url}/metrics`)).text();
    const produced = Number(/phala_response_bytes_total (\d+)/.exec(metrics)[1]);
    assert.ok(produced < 120_000_000, `the phat was not held back: ${produced}`);
    socket.destroy();
  });

  await t.test('HEAD, 204 and 304 carry no body and a receipt over none', async () => {
    const head = await call('/', { method: 'HEAD' });
    assert.equal(head.status, 200);
    const { leaf } = await receiptOf(worker, head.headers.get('phala-receipt-id'));
    assert.equal(leaf.response_hash, responseHash(200, head.headers.get('content-type'), ''));
    for (const code of [204, 304]) assert.equal((await call(`/status?code=${code}`)).status, code);
  });

  await t.test('a phat cannot forge the worker\'s headers', async () => {
    const response = await call('/fake');
    assert.match(response.headers.get('phala-receipt-id'), /^[0-9a-f]{16}-[0-9a-f]{3}$/);
    assert.equal(response.headers.get('x-own'), '1');
  });

  await t.test('a failure tells the caller its kind and the owner everything', async () => {
    const response = await call('/throw');
    assert.equal(response.status, 500);
    const text = await response.text();
    assert.equal(JSON.parse(text).error.code, 'exception');
    assert.ok(!text.includes('secret detail'));
    const { leaf } = await receiptOf(worker, response.headers.get('phala-receipt-id'));
    assert.equal(leaf.outcome, 'failed');
    assert.equal(leaf.response_hash, responseHash(500, 'application/json', text));
    assert.equal((await (await call('/nothing')).json()).error.code, 'no-response');
    const authorization = await call.owner.authorization({ action: 'logs', name: 'echo', cluster: worker.cluster });
    const log = await (await fetch(`${worker.url}/v1/phats/${call.id}/logs`, { headers: { authorization } })).text();
    assert.match(log, /secret detail[^\n]*worker\.js:\d+/);
  });

  await t.test('malformed requests are refused with a code and harm nobody', async () => {
    assert.equal((await call('/', { headers: { 'phala-nonce': 'abc' } })).status, 400);
    for (const raw of ['GET / HTTP/9.9\r\n\r\n', 'BLAH\r\n\r\n', 'GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n',
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(40000)}\r\n\r\n`]) {
      const answer = await new Promise((resolve) => {
        const socket = connect(new URL(worker.url).port, '127.0.0.1', () => socket.write(raw));
        let text = '';
        socket.on('data', (d) => { text += d; }).on('close', () => resolve(text)).on('error', () => resolve(text));
      });
      assert.match(answer, /^HTTP\/1\.1 (4\d\d|5\d\d) /, raw.slice(0, 40));
      assert.match(answer, /"code":"[a-z-]+"/, raw.slice(0, 40));
    }
    assert.equal((await call('/')).status, 200);
  });

  await t.test('limits of request size and concurrency answer at once', async () => {
    const small = await worker.phat('small', echo, { limits: { requestBytes: 1000, concurrency: 2, responseBytes: 100000 } });
    const large = await small('/echo', { method: 'POST', body: 'x'.repeat(1001) });
    assert.equal(large.status, 413);
    assert.equal((await large.json()).error.code, 'request-too-large');
    assert.equal((await small('/echo', { method: 'POST', body: 'x'.repeat(1000) })).status, 200);
    const chunked = await small('/echo', { method: 'POST', duplex: 'half', body: new ReadableStream({ start(c) { c.enqueue(new Uint8Array(2000)); c.close(); } }) });
    assert.equal(chunked.status, 413);
    const answers = await Promise.all([1, 2, 3, 4].map(() => small('/slow?ms=300')));
    assert.deepEqual(answers.map((r) => r.status).sort(), [200, 200, 503, 503]);
    const refused = answers.find((r) => r.status === 503);
    assert.equal((await refused.json()).error.code, 'too-many-calls');
    await assert.rejects((async () => { await (await small('/big?size=200000')).arrayBuffer(); })());
  });

  await t.test('a wall limit ends the call with 504', async () => {
    const brief = await worker.phat('brief', echo, { limits: { wallMs: 200 } });
    const response = await brief('/slow?ms=5000');
    assert.equal(response.status, 504);
    assert.equal((await response.json()).error.code, 'wall-limit');
    assert.equal((await brief('/')).status, 200);
  });
});

test('local time is UTC, in an instance from the pool and in one made for the call', async (t) => {
  for (const warm of ['2', '0']) {
    const worker = await startWorker(t, { args: ['--warm', warm] });
    const when = await worker.phat('when', phat(`fetch() { return new Response([new Date(2026, 6, 1).getTimezoneOffset(), new Date(0), new Date(0).toLocaleDateString('en-GB')].join()); }`));
    assert.equal(await (await when()).text(), '0,Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time),01/01/1970', `--warm ${warm}`);
  }
});
