// sdk/client: nothing is encrypted before the evidence was judged, and what is encrypted comes back.
import assert from 'node:assert/strict';
import test from 'node:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createHash, X509Certificate } from 'node:crypto';
import { connect } from '../../sdk/client/index.js';
import { build } from 'esbuild';
import { needsChromium, serveFolder, startBrowser } from './lib/browser.mjs';
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
