// sdk/client: nothing is encrypted before the evidence was judged, and what is encrypted comes back.
import assert from 'node:assert/strict';
import test from 'node:test';
import { existsSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createHash, X509Certificate } from 'node:crypto';
import { connect } from '../../sdk/client/index.js';
import { build } from 'esbuild';
import { needsChromium, serveFolder, startBrowser } from './lib/browser.mjs';
import { AeadId, Gateway } from './lib/ohttp.mjs';
import { root, tempDir } from './lib/proc.mjs';
import { phat } from './lib/script.mjs';
import { startWorker } from './lib/worker.mjs';

/** SHA-256 of the root key of simulated evidence, as a policy names it. */
function rootOf({ quote }) {
  const pem = Buffer.from(quote, 'base64').toString('latin1').match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g).at(-1);
  return createHash('sha256').update(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })).digest('hex');
}

test('the client of private calls', async (t) => {
  const worker = await startWorker(t), judge = await startWorker(t);
  const echo = await worker.phat('echo', phat(`async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === '/none') return new Response(null, { status: 204 });
    return Response.json({ method: request.method, path: url.pathname + url.search, type: request.headers.get('content-type'), text: await request.text() }, { status: 201, headers: { 'x-answer': 'yes' } });
  }`));
  const { evidence } = await (await fetch(`${worker.url}/v1/attestation`)).json();
  const policy = { statuses: ['UpToDate'], measurements: 'any', simulator_root_insecure: rootOf(evidence) };
  /** Another worker judges. */
  const verifyEvidence = async (bytes, options) => (await fetch(`${judge.url}/v1/evidence/verify`, { method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ evidence: JSON.parse(new TextDecoder().decode(bytes)), policy: options.policy, report_data: Buffer.from(options.reportData).toString('hex') }) })).json();

  /** fetch() that notes what goes out, and may change what comes in. */
  const watched = (change = (document) => document) => {
    const asked = [];
    return Object.assign(async (url, init) => {
      asked.push({ url: String(url), body: init?.body });
      const response = await fetch(url, init);
      return String(url).includes('/v1/attestation') ? Response.json(change(await response.json())) : response;
    }, { asked });
  };

  await t.test('a call goes out sealed and its answer and receipt come back', async () => {
    const spy = watched();
    const client = await connect(worker.url, { verifyEvidence, policy, fetch: spy });
    assert.equal(client.verdict.insecure_simulator, true);
    assert.equal(client.identity.signer, worker.signer);
    const answer = await client.fetch(`/p/${echo.id}/a?b=c`, { method: 'POST', body: 'a secret question', receipt: true });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers.get('x-answer'), 'yes');
    assert.deepEqual(await answer.json(), { method: 'POST', path: '/a?b=c', type: 'text/plain;charset=UTF-8', text: 'a secret question' });
    assert.equal(answer.receipt.leaf.phat.replace('0x', ''), echo.id);
    const sent = Buffer.concat(spy.asked.filter(({ body }) => body).map(({ body }) => Buffer.from(body))).toString('latin1');
    assert.ok(sent.length > 0 && !sent.includes('secret') && !sent.includes(echo.id));
    assert.equal((await client.fetch(`/p/${echo.id}/none`)).status, 204);
    assert.equal((await client.fetch(`/p/${'00'.repeat(20)}/`)).status, 404);
  });

  await t.test('without an accepted verdict nothing is sent', async () => {
    await assert.rejects(connect(worker.url), /needs verifyEvidence/);
    for (const verdict of [undefined, null, {}, { accepted: true }, { verdict: 'rejected', sentence: 'no' }, true]) {
      const spy = watched();
      await assert.rejects(connect(worker.url, { verifyEvidence: () => verdict, fetch: spy }), { code: 'evidence' });
      assert.equal(spy.asked.length, 1);
    }
    await assert.rejects(connect(worker.url, { verifyEvidence }), { code: 'evidence' }, 'no policy of ours names the simulator');
  });

  await t.test('a document that was changed on its way is refused', async () => {
    const other = await (await fetch(`${judge.url}/v1/attestation`)).json();
    const changes = {
      'another key': (d) => { d.identity.ohttp_keys = other.identity.ohttp_keys; return d; },
      'another signer': (d) => { d.identity.signer = other.identity.signer; return d; },
      'another cluster': (d) => { d.identity.cluster = other.identity.cluster; return d; },
      'evidence of another worker': (d) => { d.evidence = other.evidence; return d; },
    };
    for (const [what, change] of Object.entries(changes))
      await assert.rejects(connect(worker.url, { verifyEvidence, policy, fetch: watched(change) }), { code: 'evidence' }, what);
    const old = await (await fetch(`${worker.url}/v1/attestation?nonce=${'11'.repeat(32)}`)).json();
    await assert.rejects(connect(worker.url, { verifyEvidence, policy, fetch: watched(() => old) }), { code: 'attestation' });
    await assert.rejects(connect(worker.url, { verifyEvidence, policy, fetch: watched((d) => { delete d.identity.ohttp_keys; return d; }) }), { code: 'attestation' });
  });

  await t.test('a clock that is wrong is corrected by the worker\'s', async () => {
    const client = await connect(worker.url, { verifyEvidence, policy });
    const real = Date.now;
    Date.now = () => real() + 3_600_000;
    try {
      assert.equal((await client.fetch(`/p/${echo.id}/`)).status, 201);
    } finally {
      Date.now = real;
    }
  });

  await t.test('an answer that was changed on its way is refused', async () => {
    const client = await connect(worker.url, { verifyEvidence, policy, fetch: async (url, init) => {
      const response = await fetch(url, init);
      if (!String(url).includes('gateway')) return response;
      const body = new Uint8Array(await response.arrayBuffer());
      body[body.length - 1] ^= 1;
      return new Response(body, response);
    } });
    await assert.rejects(client.fetch(`/p/${echo.id}/`), /not sealed by the worker/);
  });

  // The verifier that ships beside it, as WebAssembly: nothing between the two.
  const sdk = join(resolve(root, process.env.PHALA_BUILD ?? 'build'), 'sdk/attest');
  const needsWasm = { skip: existsSync(join(sdk, 'phala_attest.wasm')) ? false : 'no phala_attest.wasm in the build: sh tools/setup.sh test' };

  await t.test('with sdk/attest as the verifier', needsWasm, async () => {
    const { load } = await import(pathToFileURL(join(sdk, 'node.mjs')));
    const verifier = await load();
    const client = await connect(worker.url, { verifyEvidence: verifier.verifyEvidence, policy });
    assert.deepEqual([client.verdict.verdict, client.verdict.insecure_simulator], ['accepted', true]);
    assert.ok(Math.abs(Date.parse(client.verdict.judged_at ?? new Date()) - Date.now()) < 60_000, 'judged now, and not in another unit');
    assert.equal((await client.fetch(`/p/${echo.id}/`, { method: 'POST', body: 'x' })).status, 201);
    await assert.rejects(connect(worker.url, { verifyEvidence: verifier.verifyEvidence }), { code: 'evidence' }, 'hardware is asked for');
    const later = new Date(Date.now() + 20 * 365 * 86400e3);
    await assert.rejects(connect(worker.url, { verifyEvidence: verifier.verifyEvidence, policy, now: later }), { code: 'evidence' }, 'everything is long over');
    const other = await (await fetch(`${judge.url}/v1/attestation`)).json();
    const swapped = watched((d) => { d.identity.ohttp_keys = other.identity.ohttp_keys; return d; });
    await assert.rejects(connect(worker.url, { verifyEvidence: verifier.verifyEvidence, policy, fetch: swapped }), { code: 'evidence' });
    for (const now of [Date.now(), Math.floor(Date.now() / 1000), 'now', new Date(NaN)]) await assert.rejects(connect(worker.url, { verifyEvidence, policy, now }), /now is a Date/);
  });

  const ciphers = [AeadId.Aes128Gcm, AeadId.Aes256Gcm, AeadId.Chacha20Poly1305];
  await t.test('with each cipher that the worker names', async () => {
    for (const aead of ciphers) {
      const asked = [];
      const only = watched((d) => {
        const keys = Buffer.from(d.identity.ohttp_keys, 'hex');
        assert.ok(keys.subarray(39).includes(Buffer.from([0, 1, 0, aead])), `${aead} is offered`);
        d.identity.ohttp_keys = Buffer.concat([Buffer.from([0, 41]), keys.subarray(2, 37), Buffer.from([0, 4, 0, 1, 0, aead])]).toString('hex');
        return d;
      });
      // What the evidence binds is the whole list: this is about the envelope.
      const client = await connect(worker.url, { verifyEvidence: () => ({ verdict: 'accepted' }), fetch: (url, init) => {
        if (init?.body instanceof Uint8Array || init?.body instanceof ArrayBuffer) asked.push(Buffer.from(init.body)[6]);
        return only(url, init);
      } });
      assert.equal((await client.fetch('/v1/info')).status, 200);
      assert.ok(asked.length > 0 && asked.every((id) => id === aead), asked.join());
    }
  });

  await t.test("another implementation's gateway takes its envelopes, with each cipher that it has", async (t2) => {
    for (const aead of ciphers) {
      const got = [];
      const gateway = await Gateway.make(aead, async (request) => {
        got.push({ method: request.method, url: request.url, mine: request.headers.get('x-mine'), date: request.headers.get('date'), text: await request.text() });
        return new Response('from another server', { status: 202, headers: { 'x-theirs': 'yes' } });
      });
      const server = createServer(async (request, response) => {
        const parts = [];
        for await (const part of request) parts.push(part);
        if (request.url.startsWith('/v1/attestation')) {
          const document = await (await fetch(worker.url + request.url)).json();
          document.identity.ohttp_keys = Buffer.from(gateway.keys).toString('hex');
          response.end(JSON.stringify(document));
          return;
        }
        response.writeHead(200, { 'content-type': 'message/ohttp-res' });
        response.end(await gateway.handle(new Uint8Array(Buffer.concat(parts))));
      });
      await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
      t2.after(() => { server.closeAllConnections(); server.close(); });
      // Its key stands in no evidence: what is tried here is the envelope.
      const client = await connect(`http://127.0.0.1:${server.address().port}`, { verifyEvidence: () => ({ verdict: 'accepted' }) });
      const answer = await client.fetch('/p/x/a?b=c', { method: 'PUT', headers: { 'x-mine': 'of mine' }, body: 'to another server' });
      assert.deepEqual([answer.status, answer.headers.get('x-theirs'), await answer.text()], [202, 'yes', 'from another server']);
      const [{ date, ...seen }] = got;
      assert.deepEqual(seen, { method: 'PUT', url: `http://127.0.0.1:${server.address().port}/p/x/a?b=c`, mine: 'of mine', text: 'to another server' });
      assert.ok(Math.abs(Date.parse(date) - Date.now()) < 60_000);
    }
    const { keys } = await Gateway.make(AeadId.Aes128Gcm);
    keys[keys.length - 1] = 9;
    const theirs = watched((d) => { d.identity.ohttp_keys = Buffer.from(keys).toString('hex'); return d; });
    await assert.rejects(connect(worker.url, { verifyEvidence: () => ({ verdict: 'accepted' }), fetch: theirs }), /no suite that this client has/);
  });

  await t.test('in Chromium, with sdk/attest as the verifier', { skip: needsWasm.skip || needsChromium.skip }, async (t2) => {
    const folder = await tempDir(t2);
    await build({ entryPoints: [join(root, 'sdk/client/index.js')], bundle: true, format: 'esm', platform: 'browser', outfile: join(folder, 'client.mjs'), logLevel: 'silent' });
    for (const name of ['index.mjs', 'verifier.mjs', 'phala_attest.wasm']) await copyFile(join(sdk, name), join(folder, name));
    await writeFile(join(folder, 'index.html'), '<!doctype html><title>client</title>');
    const origin = await serveFolder(t2, folder);
    const { page, said } = await startBrowser(t2);
    await page.goto(`${origin}/index.html`);
    const seen = await page.evaluate(async ([url, path, rules]) => {
      const [{ connect: connectHere }, { load: loadHere }] = await Promise.all([import('/client.mjs'), import('/index.mjs')]);
      const { verifyEvidence: judged } = await loadHere();
      const client = await connectHere(url, { verifyEvidence: judged, policy: rules });
      const answer = await client.fetch(path, { method: 'POST', body: 'judged in the page', receipt: true });
      const refused = await connectHere(url, { verifyEvidence: judged }).then(() => null, (error) => error.code);
      return { verdict: client.verdict.verdict, status: answer.status, text: (await answer.json()).text, phat: answer.receipt.leaf.phat, refused };
    }, [worker.url, `/p/${echo.id}/page`, policy]).catch((error) => { throw new Error(`${error}\n${said.join('\n')}`); });
    assert.deepEqual(seen, { verdict: 'accepted', status: 201, text: 'judged in the page', phat: seen.phat, refused: 'evidence' });
    assert.equal(seen.phat.replace('0x', ''), echo.id);
  });

  await t.test('in Chromium, from a page of another origin', needsChromium, async (t2) => {
    const folder = await tempDir(t2);
    await build({ entryPoints: [join(root, 'sdk/client/index.js')], bundle: true, format: 'esm', platform: 'browser', outfile: join(folder, 'client.mjs'), logLevel: 'silent' });
    await writeFile(join(folder, 'index.html'), '<!doctype html><title>client</title>');
    const origin = await serveFolder(t2, folder);
    const { page, said } = await startBrowser(t2);
    await page.exposeFunction('judge', (bytes, reportData, rules) => verifyEvidence(Uint8Array.from(bytes), { policy: rules, reportData: Uint8Array.from(reportData) }));
    await page.goto(`${origin}/index.html`);
    const seen = await page.evaluate(async ([url, path, rules]) => {
      const { connect: connectHere } = await import('/client.mjs');
      const judged = (bytes, options) => window.judge([...bytes], [...options.reportData], options.policy);
      const client = await connectHere(url, { verifyEvidence: judged, policy: rules });
      const answer = await client.fetch(path, { method: 'POST', body: 'from a page', receipt: true });
      const refused = await connectHere(url, { verifyEvidence: judged }).then(() => null, (error) => error.code);
      return { status: answer.status, body: await answer.json(), phat: answer.receipt.leaf.phat, refused };
    }, [worker.url, `/p/${echo.id}/page`, policy]).catch((error) => { throw new Error(`${error}\n${said.join('\n')}`); });
    assert.equal(seen.status, 201);
    assert.equal(seen.body.text, 'from a page');
    assert.equal(seen.phat.replace('0x', ''), echo.id);
    assert.equal(seen.refused, 'evidence');
  });
});
