// phala call --private: nothing leaves that the one who carries it could read, and nothing without accepted evidence.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { program, runTool, tempDir } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const ECHO = `export default { async fetch(request) {
  return Response.json({ path: new URL(request.url).pathname, type: request.headers.get('content-type'), mine: request.headers.get('x-mine'), text: await request.text() }, { status: request.headers.has('x-fail') ? 418 : 200, headers: { 'x-answer': 'yes' } });
} };`;

/** Carries everything to the worker and notes it; `change` may alter an answer. */
async function carrier(t, worker, change = (path, body) => body) {
  const seen = [];
  const server = createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      seen.push({ path: request.url, headers: JSON.stringify(request.headers), body });
      const on = httpRequest(worker.url + request.url, { method: request.method, headers: request.headers }, async (answer) => {
        const got = [];
        for await (const part of answer) got.push(part);
        const text = change(request.url, Buffer.concat(got));
        response.writeHead(answer.statusCode, { ...answer.headers, 'content-length': text.length });
        response.end(text);
      });
      on.end(body);
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  t.after(() => { server.closeAllConnections(); server.close(); });
  return { url: `http://127.0.0.1:${server.address().port}`, seen };
}

describe('phala call --private', () => {
  test('the call and its receipt go through a carrier that can read neither', async (t) => {
    const worker = await startWorker(t);
    const phat = await worker.phat('echo', ECHO);
    const dir = await tempDir(t), kept = join(dir, 'call.json');
    const { url, seen } = await carrier(t, worker);
    const policy = join(worker.dir, 'simulator/cluster-policy.json');
    const call = (...args) => runTool(program('phala'), ['call', phat.id, '/a?b=c', '--worker', url, ...args], { env: { HOME: dir } });

    // At once: a worker that has just begun says when it takes private calls, and is asked again.
    const answer = await call('--private', '--policy', policy, '-d', 'a secret question', '-H', 'X-Mine: of mine', '--receipt', kept);
    assert.equal(answer.code, 0, answer.stderr);
    assert.deepEqual(JSON.parse(answer.stdout), { path: '/a', type: 'application/octet-stream', mine: 'of mine', text: 'a secret question' });
    assert.match(answer.stderr, /INSECURE-SIMULATOR/);
    for (const { path, headers, body } of seen) {
      const all = path + headers + body.toString('latin1');
      for (const secret of ['secret question', 'of mine', phat.id, 'b=c']) assert.ok(!all.includes(secret), `${path} shows ${secret}`);
    }
    assert.ok(seen.some(({ path }) => path === '/.well-known/ohttp-gateway'));
    const verified = await runTool(program('phala'), ['verify', kept, '--policy', policy, '--json']);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    const failed = await call('--private', '--policy', policy, '-H', 'X-Fail: 1', '--json');
    assert.deepEqual([failed.code, JSON.parse(failed.stdout).status], [1, 418]);
    assert.equal(JSON.parse(failed.stdout).headers['x-answer'], 'yes');
  });

  test('nothing is sent without evidence that meets the policy', async (t) => {
    const worker = await startWorker(t), other = await startWorker(t);
    const phat = await worker.phat('echo', ECHO);
    const dir = await tempDir(t), any = join(dir, 'any.json');
    await writeFile(any, JSON.stringify({ statuses: ['UpToDate'], measurements: 'any' }));
    const good = join(worker.dir, 'simulator/cluster-policy.json');
    const foreign = (await (await fetch(`${other.url}/v1/attestation`)).json()).identity.ohttp_keys;
    const swapped = (path, body) => (path.startsWith('/v1/attestation') ? Buffer.from(JSON.stringify({ ...JSON.parse(body), identity: { ...JSON.parse(body).identity, ohttp_keys: foreign } })) : body);
    const cases = [
      [['--private'], undefined, /name a policy/],
      [['--private', '--policy', any], undefined, /evidence is refused/],
      [['--private', '--policy', join(other.dir, 'simulator/cluster-policy.json')], undefined, /evidence is refused/],
      [['--private', '--policy', good], swapped, /made for another key, nonce or purpose/],
      [['--policy', good], undefined, /goes with --private/],
    ];
    for (const [args, change, says] of cases) {
      const { url, seen } = await carrier(t, worker, change);
      const { code, stderr } = await runTool(program('phala'), ['call', phat.id, '--worker', url, '-d', 'secret', ...args], { env: { HOME: dir } });
      assert.notEqual(code, 0, args.join(' '));
      assert.match(stderr, says);
      assert.ok(!seen.some(({ path, body }) => path.includes('ohttp') || body.length > 0), args.join(' '));
    }
  });

  test('an answer that was changed on its way is refused', async (t) => {
    const worker = await startWorker(t);
    const phat = await worker.phat('echo', ECHO);
    const { url } = await carrier(t, worker, (path, body) => {
      if (path.includes('ohttp')) body[body.length - 1] ^= 1;
      return body;
    });
    const dir = await tempDir(t);
    const { code, stderr } = await runTool(program('phala'), ['call', phat.id, '--worker', url, '--private', '--policy', join(worker.dir, 'simulator/cluster-policy.json')], { env: { HOME: dir } });
    assert.notEqual(code, 0);
    assert.match(stderr, /not sealed by the worker for this call/);
  });
});
