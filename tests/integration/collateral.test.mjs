// `phala collateral fetch` against a local server that plays Intel's, AMD's and NVIDIA's services: with synthetic
// documents, and with real ones where they are at hand. Then `phala evidence verify` works from what was kept.
import assert from 'node:assert/strict';
import { X509Certificate, createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { atEnd, program, root, runTool, tempDir } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const phala = program('phala');
const synthTool = join(root, process.env.PHALA_BUILD ?? 'build', 'src/attest/synth_tool');
const vectors = process.env.PHALA_VECTORS ?? join(root, '..', 'shared', 'vectors');
const needsVectors = { skip: existsSync(join(vectors, 'intel', 'SETS.tsv')) ? false : 'no vectors: set PHALA_VECTORS' };
const at = '2025-06-19T10:32:27Z';
const folder = 'tdx-b0c06f000000-platform';

const run = async (command, ...args) => {
  const result = await runTool(phala, [command, ...args], { timeoutMs: 30_000 });
  return { ...result, json: args.includes('--json') ? JSON.parse(result.stdout) : undefined };
};
const fetchIt = (...args) => run('collateral', 'fetch', ...args, '--json');
const verify = (...args) => run('evidence', 'verify', ...args, '--json');

/** A server on loopback. `answer(url, body)` gives {status, headers, body}, or null for 404. */
async function serve(t, answer) {
  const asked = [];
  const server = createServer((req, res) => {
    const chunks = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', async () => {
      asked.push(`${req.method} ${req.url}`);
      const reply = await answer(new URL(req.url, 'http://localhost'), Buffer.concat(chunks)) ?? { status: 404, body: 'none' };
      res.writeHead(reply.status ?? 200, reply.headers ?? {});
      res.end(reply.body ?? '');
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  atEnd(t, () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }));
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

const pemBlocks = (text) => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g);
/** The PCK CA, then the root, as the header of a revocation list carries them. */
const caChain = (pem) => {
  const named = pemBlocks(pem).map((block) => [new X509Certificate(block).subject, block]);
  return named.filter(([s]) => s.includes('PCK Pl') || s.includes('PCK Pr')).concat(named.filter(([s]) => s.includes('Root CA'))).map(([, b]) => b).join('');
};

/** What Intel's service answers out of a folder of evidence. */
function pcs(dir) {
  const file = (name) => readFileSync(join(dir, name));
  const chain = (name, pem) => ({ [name]: encodeURIComponent(pem) });
  const json = (doc, header, pem) => ({ headers: { 'content-type': 'application/json', ...chain(header, pem) }, body: file(doc) });
  return (url) => {
    const [, tee, , , ...rest] = url.pathname.split('/');
    const name = rest.join('/');
    if (name === 'tcb') return json('tcb_info.signed.json', 'TCB-Info-Issuer-Chain', file('tcb_info_chain.pem').toString());
    if (name === 'qe/identity') return json('qe_identity.signed.json', 'SGX-Enclave-Identity-Issuer-Chain', file('qe_identity_chain.pem').toString());
    if (name === 'pckcrl' && tee === 'sgx') {
      return { headers: { 'content-type': 'application/pkix-crl', ...chain('SGX-PCK-CRL-Issuer-Chain', caChain(file('pck_chain.pem').toString())) }, body: file('pck_crl.der') };
    }
    if (name === 'rootcacrl') return { headers: { 'content-type': 'text/html; charset=utf-8' }, body: file('root_ca_crl.der').toString('hex') };
    return null;
  };
}

async function makeSet(t, kind = 'tdx4', when = at) {
  const dir = await tempDir(t);
  const made = await runTool(synthTool, [dir, when, kind]);
  assert.equal(made.code, 0, made.stderr);
  return { dir, file: (name) => join(dir, name) };
}

describe('Intel, synthetic', () => {
  test('what a quote needs is fetched once, kept by content, and judges offline', async (t) => {
    const { dir, file } = await makeSet(t);
    const { url, asked } = await serve(t, pcs(dir));
    const cache = join(await tempDir(t), 'cache');
    const args = [file('quote.bin'), '--dir', cache, '--pcs', `${url}/`, '--policy', file('policy.json'), '--at', at];
    const first = await fetchIt(...args, '--bundle', file('fetched.json'));
    assert.equal(first.code, 0, first.stdout + first.stderr);
    const [{ name }] = first.json.items;
    assert.equal(name, `${folder}/tcb_info.signed.json`);
    assert.deepEqual(asked, [
      'GET /tdx/certification/v4/tcb?fmspc=b0c06f000000&update=standard',
      'GET /tdx/certification/v4/qe/identity?update=standard',
      'GET /sgx/certification/v4/pckcrl?ca=platform&encoding=der',
      'GET /sgx/certification/v4/rootcacrl',
    ]);
    assert.ok(first.json.items.every((i) => i.source === 'fetched' && i.insecure_simulator));
    for (const item of first.json.items) {
      const bytes = await readFile(join(cache, item.name));
      assert.equal(createHash('sha256').update(bytes).digest('hex'), item.sha256);
      assert.equal(statSync(join(cache, item.name)).ino, statSync(join(cache, 'objects', item.sha256)).ino);
    }
    for (const [from, ...how] of [[file('quote.bin'), '--collateral', cache, '--at', at], [file('fetched.json'), '--at', 'bundle']]) {
      const judged = await verify(from, ...how, '--policy', file('policy.json'));
      assert.deepEqual([judged.code, judged.json.verdict], [0, 'accepted'], judged.stdout);
    }

    const again = await fetchIt(...args);
    assert.deepEqual([again.code, asked.length], [0, 4]);
    assert.ok(again.json.items.every((i) => i.source === 'cached'));
    // a kept file that was altered is fetched anew
    const crl = join(cache, folder, 'pck_crl.der');
    const bytes = await readFile(crl);
    bytes[40] ^= 1;
    await writeFile(crl, bytes);
    const third = await fetchIt(...args);
    assert.deepEqual([third.code, asked.length], [0, 5]);
    // even where it would still verify: the content is no longer what the index names
    const info = join(cache, folder, 'tcb_info.signed.json');
    await writeFile(info, `${await readFile(info, 'utf8')}\n`);
    assert.deepEqual([(await fetchIt(...args)).code, asked.length], [0, 6]);
    assert.deepEqual(await readFile(info), await readFile(file('tcb_info.signed.json')));
    assert.equal((await verify(file('quote.bin'), '--collateral', cache, '--at', at, '--policy', file('policy.json'))).code, 0);
  });

  test('a worker judges bare quotes with the cache', async (t) => {
    const { dir, file } = await makeSet(t, 'tdx4', `${new Date(Date.now() - 60_000).toISOString().slice(0, 19)}Z`);
    const { url } = await serve(t, pcs(dir));
    const cache = join(dir, 'cache');
    const worker = await startWorker(t, { args: ['--collateral', cache] });
    const judge = async () => {
      const body = JSON.stringify({ evidence: (await readFile(file('quote.bin'))).toString('base64'), policy: JSON.parse(await readFile(file('policy.json'), 'utf8')) });
      return (await fetch(`${worker.url}/v1/evidence/verify`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json();
    };
    const missing = await judge();
    assert.match(missing.collateral_missing, new RegExp(folder));
    assert.equal((await fetchIt(file('quote.bin'), '--dir', cache, '--pcs', url, '--policy', file('policy.json'))).code, 0);
    const found = await judge();
    assert.deepEqual([found.verdict, found.collateral_from], ['accepted', 'worker'], JSON.stringify(found));
  });

  test('identifiers in place of a quote; SGX and early updates have paths of their own', async (t) => {
    const { dir, file } = await makeSet(t, 'sgx3');
    const { url, asked } = await serve(t, pcs(dir));
    const cache = join(dir, 'cache');
    const common = ['--dir', cache, '--pcs', url, '--policy', file('policy.json'), '--at', at];
    const got = await fetchIt('--fmspc', 'b0c06f000000', '--pck-ca', 'platform', '--tee', 'sgx', '--update', 'early', ...common);
    assert.equal(got.code, 0, got.stdout);
    assert.deepEqual(asked.slice(0, 2), ['GET /sgx/certification/v4/tcb?fmspc=b0c06f000000&update=early', 'GET /sgx/certification/v4/qe/identity?update=early']);
    assert.equal((await verify(file('quote.bin'), '--collateral', cache, '--at', at, '--policy', file('policy.json'))).code, 0);
  });

  test('nothing outlives its validity', async (t) => {
    const { dir, file } = await makeSet(t);
    const later = '2025-08-01T00:00:00Z';
    const { dir: dir2, file: file2 } = await makeSet(t, 'tdx4', later);
    let now = dir;
    const { url, asked } = await serve(t, (u) => pcs(now)(u));
    const cache = join(dir, 'cache');
    const args = (when) => [file('quote.bin'), '--dir', cache, '--pcs', url, '--policy', file('policy.json'), '--at', when];
    assert.equal((await fetchIt(...args(at))).code, 0);
    // the service still has the old ones: refused, and the cache is emptied of them
    const stale = await fetchIt(...args(later));
    assert.deepEqual([stale.code, stale.json.error.code], [1, 'bad-document']);
    assert.match(stale.json.error.message, /expired at 2025-07-/);
    assert.equal(existsSync(join(cache, folder, 'tcb_info.signed.json')), false);
    const left = JSON.parse(await readFile(join(cache, 'index.json'), 'utf8')).entries;
    assert.ok(left.every((e) => e.valid_until > later));
    assert.deepEqual((await readdir(join(cache, 'objects'))).sort(), [...new Set(left.map((e) => e.sha256))].sort());
    now = dir2;
    asked.length = 0;
    const fresh = await fetchIt(...args(later).map((a) => (a === file('policy.json') ? file2('policy.json') : a)));
    assert.equal(fresh.code, 0, fresh.stdout);
    assert.ok(asked.length >= 2);
    assert.equal((await fetchIt(...args('2025-01-01T00:00:00Z'))).json.error.code, 'bad-document');
  });

  test('each way a service can be wrong is refused with what was asked, where, and what to do', async (t) => {
    const { dir, file } = await makeSet(t);
    const { file: other } = await makeSet(t, 'sgx3');
    const good = pcs(dir);
    const cases = {
      'content-type': (r) => ({ ...r, headers: { ...r.headers, 'content-type': 'text/html' } }),
      'bad-document': (r) => ({ ...r, body: 'garbage' }),
      truncated: (r) => ({ ...r, body: r.body.subarray(0, r.body.length - 20) }),
      'too-big': (r) => ({ ...r, body: Buffer.alloc((1 << 20) + 1, 0x20) }),
      empty: (r) => ({ ...r, body: '' }),
      'not-found': () => ({ status: 404, body: 'no' }),
      busy: () => ({ status: 429, body: 'no' }),
      'service-failed': () => ({ status: 500, body: 'no' }),
      redirect: () => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' } }),
      refused: () => ({ status: 401, body: 'no' }),
      'issuer-chain': (r) => ({ ...r, headers: { 'content-type': 'application/json' } }),
      'issuer-chain-encoding': (r) => ({ ...r, headers: { ...r.headers, 'TCB-Info-Issuer-Chain': '%zz' } }),
      'chain-of-other': (r) => ({ ...r, headers: { ...r.headers, 'TCB-Info-Issuer-Chain': encodeURIComponent('no chain') } }),
      signature: (r) => ({ ...r, body: Buffer.from(r.body.toString().replace(/"signature":"(.)/, (m, c) => `"signature":"${c === '0' ? '1' : '0'}`)) }),
      'other-tee': (r) => ({ ...r, body: readFileSync(other('tcb_info.signed.json')) }),
    };
    const codes = { truncated: 'bad-document', signature: 'bad-document', 'other-tee': 'bad-document', 'chain-of-other': 'bad-document', 'issuer-chain-encoding': 'issuer-chain' };
    let change;
    const { url } = await serve(t, (u) => (u.pathname.endsWith('/tcb') ? change(good(u)) : good(u)));
    for (const [name, how] of Object.entries(cases)) {
      change = how;
      const cache = join(dir, `cache-${name}`);
      const { code, json, stderr } = await fetchIt(file('quote.bin'), '--dir', cache, '--pcs', url, '--policy', file('policy.json'), '--at', at);
      assert.deepEqual([name, code, json.ok, json.error.code], [name, 1, false, codes[name] ?? name], stderr);
      assert.match(json.error.message, /^asked for the TDX TCB info of FMSPC b0c06f000000, /);
      assert.match(json.error.where, /^http:\/\/127\.0\.0\.1:\d+\/tdx\/certification\/v4\/tcb\?fmspc=/);
      assert.ok(json.error.do.length > 0);
      assert.deepEqual(await readdir(join(cache, 'objects')), [], name);
    }
    change = (r) => r;
    const wrong = await fetchIt('--fmspc', '00906ed50000', '--pck-ca', 'platform', '--dir', join(dir, 'c'), '--pcs', url, '--policy', file('policy.json'), '--at', at);
    assert.match(wrong.json.error.message, /it is of FMSPC b0c06f000000, not 00906ed50000/);
    const processor = await fetchIt('--fmspc', 'b0c06f000000', '--pck-ca', 'processor', '--dir', join(dir, 'c'), '--pcs', url, '--policy', file('policy.json'), '--at', at);
    assert.match(processor.json.error.message, /it is the list of another PCK CA/);
    // without the policy that names its root, a simulator's documents are nobody's
    const strange = await fetchIt(file('quote.bin'), '--dir', join(dir, 'd'), '--pcs', url, '--at', at);
    assert.match(strange.json.error.message, /a root that is not Intel's/);
    const dead = await fetchIt(file('quote.bin'), '--dir', join(dir, 'd'), '--pcs', 'http://127.0.0.1:1', '--at', at);
    assert.deepEqual([dead.code, dead.json.error.code], [1, 'unreachable']);
  });

  for (const [path, header] of [['/pckcrl', 'the PCK CA\'s revocation list'], ['/qe/identity', 'the quoting enclave\'s identity'], ['/rootcacrl', 'the root CA\'s revocation list']]) {
    test(`an altered answer at ${path} is refused`, async (t) => {
      const { dir, file } = await makeSet(t);
      const flip = (body) => {
        const text = body.toString('latin1');
        if (text.includes('"signature"')) return text.replace(/"signature":"(.)/, (m, c) => `"signature":"${c === '0' ? '1' : '0'}`);
        if (typeof body === 'string') return body.slice(0, -2) + (body.endsWith('00') ? '01' : '00');
        body[body.length - 1] ^= 1;
        return body;
      };
      const { url } = await serve(t, (u) => {
        const reply = pcs(dir)(u);
        return u.pathname.endsWith(path) ? { ...reply, body: flip(reply.body) } : reply;
      });
      const { code, json } = await fetchIt(file('quote.bin'), '--dir', join(dir, 'cache'), '--pcs', url, '--policy', file('policy.json'), '--at', at);
      assert.deepEqual([code, json.error.code], [1, 'bad-document']);
      assert.ok(json.error.message.includes(header) && json.error.message.includes('signature'), json.error.message);
    });
  }

  test('a slow service is given up on', async (t) => {
    const { dir, file } = await makeSet(t);
    const { url } = await serve(t, async () => {
      await new Promise((resolve) => { setTimeout(resolve, 10_000).unref(); });
      return null;
    });
    const started = Date.now();
    const { code, json } = await fetchIt(file('quote.bin'), '--dir', join(dir, 'cache'), '--pcs', url, '--timeout', '1', '--at', at);
    assert.deepEqual([code, json.error.code], [1, 'unreachable']);
    assert.ok(Date.now() - started < 8000);
  });

  test('wrong usage and input exit with 2', async (t) => {
    const { dir, file } = await makeSet(t);
    await writeFile(file('noise'), 'noise');
    for (const args of [
      [file('quote.bin')], ['--dir', dir], ['--bundle', file('b')],
      [file('quote.bin'), '--dir', dir, '--fmspc', 'b0c06f000000'],
      ['--dir', dir, '--fmspc', 'xyz', '--pck-ca', 'platform'], ['--dir', dir, '--fmspc', 'b0c06f000000'],
      ['--dir', dir, '--fmspc', 'b0c06f000000', '--pck-ca', 'platform', '--tee', 'snp'],
      ['--dir', dir, '--product', 'Rome', '--hwid', '00'], ['--dir', dir, '--product', 'Milan', '--hwid', '00'],
      ['--dir', dir, '--product', 'Milan', '--hwid', '00'.repeat(64), '--tcb', '1.2.3'],
      ['--dir', dir, '--product', 'Milan', '--hwid', '00'.repeat(64), '--tcb', '1.2.3.256'],
      ['--dir', dir, '--rim-id', '../x'], ['--dir', dir, '--rim-id', ''],
      [file('quote.bin'), '--dir', dir, '--pcs', 'ftp://x'], [file('quote.bin'), '--dir', dir, '--update', 'late'],
      [file('quote.bin'), '--dir', dir, '--at', 'yesterday'], [file('quote.bin'), '--dir', dir, '--timeout', '0'],
      [file('quote.bin'), '--dir', dir, '--policy', file('noise')],
      [file('noise'), '--dir', dir], [file('nothing'), '--dir', dir],
    ]) {
      const { code, json } = await fetchIt(...args);
      assert.deepEqual([code, json.ok], [2, false], args.join(' '));
    }
    assert.equal((await run('collateral', 'push')).code, 2);
    await mkdir(file('cache'));
    for (const index of ['no', '{"format":"x"}', JSON.stringify({ format: 'phala-collateral-v1', entries: [{ name: '../../x/y', sha256: '00'.repeat(32), valid_until: at }] })]) {
      await writeFile(join(file('cache'), 'index.json'), index);
      const { code, json } = await fetchIt(file('quote.bin'), '--dir', file('cache'), '--at', at);
      assert.deepEqual([code, json.error.code], [1, 'cache']);
    }
    const { stdout } = await runTool(phala, ['completion', 'bash']);
    assert.match(stdout, /collateral\) words='--dir --bundle --fmspc .*--rim-service .*fetch'/);
  });
});

describe('AMD, synthetic', () => {
  const kds = (file) => (url) => {
    const path = url.pathname.replace(/^\/vcek\/v1\/Milan\//, '');
    const type = { 'content-type': 'application/octet-stream' };
    if (path === 'cert_chain') return { headers: { 'content-type': 'application/x-pem-file' }, body: readFileSync(file('cert_chain.pem')) };
    if (path === 'crl') return { headers: { 'content-type': 'application/pkix-crl' }, body: readFileSync(file('crl.der')) };
    return /^[0-9a-f]{128}$/.test(path) ? { headers: type, body: readFileSync(file('vek_cert.der')) } : null;
  };

  test('the signing key\'s certificate, its chain and the list are fetched by chip and versions, and judge offline', async (t) => {
    const { dir, file } = await makeSet(t, 'snp');
    const { url, asked } = await serve(t, kds(file));
    const cache = join(dir, 'cache');
    const policy = ['--policy', file('policy.json'), '--at', at];
    const shown = await run('evidence', 'show', file('report.bin'), '--json');
    const field = (name) => shown.json.fields.find((f) => f.name === name).value;
    const tcb = Buffer.from(field('reported_tcb'), 'hex');
    const got = await fetchIt(file('report.bin'), '--dir', cache, '--bundle', file('all.json'), '--kds', url, ...policy);
    assert.equal(got.code, 0, got.stdout);
    assert.deepEqual(asked, [
      `GET /vcek/v1/Milan/${field('chip_id')}?blSPL=${tcb[0]}&teeSPL=${tcb[1]}&snpSPL=${tcb[6]}&ucodeSPL=${tcb[7]}`,
      'GET /vcek/v1/Milan/cert_chain', 'GET /vcek/v1/Milan/crl',
    ]);
    assert.ok(got.json.items.every((i) => i.insecure_simulator && i.valid_until === '2025-07-19T10:32:27Z'));
    for (const how of [[file('report.bin'), '--collateral', cache, '--at', at], [file('all.json'), '--at', 'bundle']]) {
      const judged = await verify(...how, '--policy', file('policy.json'));
      assert.deepEqual([judged.code, judged.json.verdict, judged.json.claims?.revocation_checked], [0, 'accepted', true], judged.stdout);
    }
    const named = ['--product', 'Milan', '--hwid', field('chip_id'), '--tcb', [tcb[0], tcb[1], tcb[6], tcb[7]].join('.')];
    const again = await fetchIt(...named, '--dir', cache, '--kds', url, ...policy);
    assert.ok(again.code === 0 && again.json.items.every((i) => i.source === 'cached'), again.stdout);
    assert.equal(asked.length, 3);
    // expired: asked for anew, refused, removed
    const late = await fetchIt(...named, '--dir', cache, '--kds', url, '--policy', file('policy.json'), '--at', '2025-07-20T00:00:00Z');
    assert.match(late.json.error.message, /the revocation list expired at 2025-07-19/);
    assert.deepEqual(await readdir(join(cache, 'objects')), []);

    for (const [args, change, code, message] of [
      [[...named.slice(0, 3), '00'.repeat(64), ...named.slice(4)], (r) => r, 'bad-document', /another chip/],
      [[...named.slice(0, 5), '0.0.0.0'], (r) => r, 'bad-document', /other security versions/],
      [named, (r) => ({ ...r, headers: { 'content-type': 'text/html' } }), 'content-type', /text\/html/],
      [named, (r, u) => (u.pathname.endsWith('/crl') ? { ...r, body: r.body.subarray(1) } : r), 'bad-document', /refused/],
      [named, (r, u) => (u.pathname.endsWith('/cert_chain') ? { ...r, body: 'x' } : r), 'bad-document', /refused/],
      [named, (r, u) => (u.pathname.endsWith('/crl') ? { ...r, body: Buffer.concat([r.body.subarray(0, -1), Buffer.from([r.body.at(-1) ^ 1])]) } : r), 'bad-document', /list is not the ARK's/],
      [named, () => ({ status: 429 }), 'busy', /fewer requests/],
    ]) {
      const wrong = await serve(t, (u) => change(kds(file)(u), u));
      const result = await fetchIt(...args, '--dir', join(dir, 'wrong'), '--kds', wrong.url, ...policy);
      assert.deepEqual([result.code, result.json.error.code], [1, code], result.stdout);
      assert.match(result.json.error.message, message);
    }
    const strange = await fetchIt(...named, '--dir', join(dir, 'wrong'), '--kds', url, '--at', at);
    assert.match(strange.json.error.message, /the root is not AMD's/);
  });
});

describe('NVIDIA, synthetic', () => {
  const files = (file, prefix, cnt) => Array.from({ length: cnt }, (_, i) => readFileSync(file(prefix.replace('N', i))));
  /** Manifests by name, OCSP responses by the certificate id that ends the request. */
  const services = (file, ids, change = (r) => r) => (url, body) => {
    if (url.pathname.startsWith('/v1/rim/')) {
      const at = ids.indexOf(url.pathname.slice(8));
      return at < 0 ? null : change({ headers: { 'content-type': 'application/json' }, body: JSON.stringify({ id: ids[at], rim: files(file, 'rim-N.xml', 2)[at].toString('base64') }) }, 'rim');
    }
    const id = body.subarray(body.indexOf(Buffer.from([0x04, 0x30])));
    const found = files(file, 'ocsp-N.der', 6).find((r) => r.includes(id));
    return found ? change({ headers: { 'content-type': 'application/ocsp-response' }, body: found }, 'ocsp') : null;
  };

  test('manifests and OCSP responses of a device are fetched by name and certificate, and judge offline', async (t) => {
    const { dir, file } = await makeSet(t, 'nvidia');
    const shown = await run('evidence', 'show', file('evidence.json'), '--json');
    const [{ rim_ids: ids, nonce }] = shown.json.devices;
    const { url, asked } = await serve(t, services(file, ids));
    const cache = join(dir, 'cache');
    const args = [file('evidence.json'), '--dir', cache, '--rim-service', url, '--ocsp-service', `${url}/ocsp`, '--policy', file('policy.json'), '--at', at];
    const got = await fetchIt(...args, '--bundle', file('all.json'));
    assert.equal(got.code, 0, got.stdout);
    assert.deepEqual(asked, [...ids.map((id) => `GET /v1/rim/${id}`), ...Array(6).fill('POST /ocsp')]); // three of the device, and once of both manifests, which one signer signed
    assert.ok(got.json.items.filter((i) => i.name.startsWith('nvidia-ocsp/')).every((i) => i.revoked === false));
    for (const how of [[file('evidence.json'), '--collateral', cache, '--at', at], [file('all.json'), '--at', 'bundle']]) {
      const judged = await verify(...how, '--policy', file('policy.json'), '--nonce', nonce);
      assert.deepEqual([judged.code, judged.json.verdict, judged.json.status], [0, 'accepted', 'UpToDate'], judged.stdout);
      const other = await verify(...how, '--policy', file('policy.json'), '--nonce', '00'.repeat(32));
      assert.deepEqual([other.code, other.json.reason], [1, 'report-data-mismatch']);
    }
    assert.ok((await fetchIt(...args)).json.items.every((i) => i.source === 'cached'));
    assert.equal(asked.length, 8);
    // responses live for a day
    const late = await fetchIt(...args.slice(0, -1), '2025-06-21T00:00:00Z');
    assert.match(late.json.error.message, /it expired at 2025-06-20/);
    assert.deepEqual((await readdir(join(cache, 'nvidia-ocsp'))), []);
    assert.equal((await readdir(join(cache, 'nvidia-rim'))).length, 2);

    for (const [kind, change, message] of [
      ['rim', (r) => ({ ...r, body: '{"rim":"!"}' }), /no member "rim" in base64/],
      ['rim', (r) => ({ ...r, body: JSON.stringify({ rim: files(file, 'rim-N.xml', 2).find((x) => x.toString('base64') !== JSON.parse(r.body).rim).toString('base64') }) }), /the manifest of version/],
      ['rim', (r) => ({ ...r, body: JSON.stringify({ rim: Buffer.from(Buffer.from(JSON.parse(r.body).rim, 'base64').toString().replace('"GH100"', '"GH200"')).toString('base64') }) }), /does not hold that/],
      ['ocsp', (r) => ({ ...r, body: Buffer.concat([r.body.subarray(0, -1), Buffer.from([r.body.at(-1) ^ 1])]) }), /refused/],
      ['ocsp', (r) => ({ ...r, body: files(file, 'ocsp-N.der', 6).find((x) => !x.equals(r.body)) }), /about another certificate/],
      ['ocsp', (r) => ({ ...r, headers: { 'content-type': 'text/html' } }), /an answer of type "text\/html"/],
    ]) {
      const wrong = await serve(t, services(file, ids, (r, what) => (what === kind ? change(r) : r)));
      const result = await fetchIt(file('evidence.json'), '--dir', join(dir, 'wrong'), '--rim-service', wrong.url, '--ocsp-service', wrong.url, '--policy', file('policy.json'), '--at', at);
      assert.equal(result.code, 1, String(message));
      assert.match(result.json.error.message, message);
    }
  });
});

describe('real documents', needsVectors, () => {
  const sets = existsSync(join(vectors, 'intel', 'SETS.tsv'))
    ? readFileSync(join(vectors, 'intel', 'SETS.tsv'), 'utf8').trim().split('\n').slice(1).map((line) => line.split('\t'))
    : [];
  test('every whole set of Intel\'s is fetched under the pinned root, and judged from the cache as from its folder', async (t) => {
    let whole = 0;
    for (const row of sets) {
      const dir = join(vectors, 'intel', row[0]);
      if (row[14] !== 'yes' || row[15] !== 'yes' || !existsSync(join(dir, 'pck_chain.pem'))) continue;
      const { url } = await serve(t, pcs(dir));
      const cache = join(await tempDir(t), 'cache');
      const got = await fetchIt(join(dir, 'quote.bin'), '--dir', cache, '--pcs', url, '--at', row[6]);
      if (row[0] === 'intelqvl-tdx-sample') { // Intel's test root
        assert.deepEqual([got.code, got.json.error.code], [1, 'bad-document']);
        continue;
      }
      assert.equal(got.code, 0, `${row[0]}: ${got.stdout}`);
      const [kept, plain] = await Promise.all([cache, dir].map((from) => verify(join(dir, 'quote.bin'), '--collateral', from, '--at', row[6])));
      assert.deepEqual([kept.code, kept.json], [plain.code, plain.json], row[0]);
      assert.equal(kept.json.status, row[8]);
      whole++;
    }
    assert.ok(whole >= 5, `${whole} sets`);
  });

  test('a VLEK comes from the cloud provider, a VCEK is asked for', async (t) => {
    const { url, asked } = await serve(t, () => null);
    const dir = await tempDir(t);
    const vlek = await fetchIt(join(vectors, 'snp', 'trustee', 'test-vlek-report.bin'), '--dir', dir, '--kds', url, '--at', at);
    assert.deepEqual([vlek.code, vlek.json.error.code, asked.length], [1, 'vlek', 0]);
    const turin = await fetchIt(join(vectors, 'snp', 'microsoft-tav', 'turin_attestation_report.bin'), '--dir', dir, '--kds', url, '--at', at);
    assert.deepEqual([turin.code, turin.json.error.code], [1, 'not-found']);
    assert.match(asked[0], /^GET \/vcek\/v1\/Turin\/[0-9a-f]{16}\?blSPL=\d+&teeSPL=\d+&snpSPL=\d+&ucodeSPL=\d+&fmcSPL=\d+$/);
    const nothing = await fetchIt(join(vectors, 'snp', 'trustee', 'test-vlek-report.bin'), '--cert', join(vectors, 'snp', 'trustee', 'test-vlek.der'), '--dir', dir, '--kds', url, '--at', at);
    assert.deepEqual([nothing.json.error.code, asked.at(-1)], ['not-found', 'GET /vlek/v1/Milan/cert_chain']);
  });

  const nv = join(vectors, 'nvidia', 'go-nvattest-tools');
  const responses = existsSync(nv)
    ? ['gpu_driver_rim_l3', 'gpu_driver_rim_l4', 'gpu_rim_l2', 'gpu_vbios_l4'].map((n) => Buffer.from(readFileSync(join(nv, 'ocsp', `test_${n}_base64encoded_ocsp_response.dat`), 'utf8'), 'base64'))
    : [];
  /** The serial number ends an OCSP request, after two hashes of 48 bytes. */
  const serialOf = (request) => request.subarray(request.indexOf(Buffer.from([0x04, 0x30])) + 100);
  const ids = ['NV_GPU_DRIVER_GH100_550.90.07', 'NV_GPU_VBIOS_1010_0200_882_96009F0001'];
  const nvidia = (change = (r) => r) => (url, body) => {
    if (url.pathname.startsWith('/v1/rim/')) {
      const path = join(nv, 'rim', `${url.pathname.slice(8)}.xml`);
      return existsSync(path) ? change({ headers: { 'content-type': 'application/json' }, body: JSON.stringify({ id: 'x', rim: readFileSync(path).toString('base64') }) }, 'rim') : null;
    }
    const found = responses.find((r) => r.includes(serialOf(body)));
    return found ? change({ headers: { 'content-type': 'application/ocsp-response' }, body: found }, 'ocsp') : null;
  };
  const day = '2025-10-24T18:00:00Z';
  const rimArgs = (url, dir, ...more) => ['--rim-id', ids[0], '--rim-id', ids[1], '--dir', dir, '--rim-service', url, '--ocsp-service', url, '--at', day, ...more];

  test('manifests, and whether their signers are revoked', async (t) => {
    const { url, asked } = await serve(t, nvidia());
    const cache = join(await tempDir(t), 'cache');
    const got = await fetchIt(...rimArgs(url, cache));
    assert.equal(got.code, 0, got.stdout);
    assert.deepEqual(got.json.items.slice(0, 2).map((i) => i.name), ids.map((id) => `nvidia-rim/${id}.xml`));
    const ocsp = got.json.items.filter((i) => i.name.startsWith('nvidia-ocsp/'));
    assert.ok(ocsp.length >= 4 && ocsp.every((i) => i.revoked === false));
    const before = asked.length;
    assert.equal((await fetchIt(...rimArgs(url, cache))).code, 0);
    assert.equal(asked.length, before);
    // from the cache the verifier finds both manifests of this report, and their responses
    const report = join(nv, 'test_raw_gpu_attestation_report.dat');
    const chain = join(vectors, 'nvidia', 'attestation-sdk', 'hopperCertChain.txt');
    const { json, stderr } = await run('evidence', 'explain', report, '--cert', chain, '--collateral', cache, '--at', day, '--json');
    assert.ok(json.checks, stderr);
    const result = Object.fromEntries(json.checks.map((c) => [c.check, c.result]));
    for (const check of ['rim-absent', 'rim-signature', 'rim-root-untrusted', 'ocsp-signature', 'ocsp-expired', 'ocsp-revoked']) assert.equal(result[check], 'PASS', check);
  });

  test('manifests and responses that are wrong are refused', async (t) => {
    const altered = (r) => ({ ...r, body: JSON.stringify({ rim: Buffer.from(Buffer.from(JSON.parse(r.body).rim, 'base64').toString().replace(/(Hash0=")(.)/, (m, a, c) => a + (c === '0' ? '1' : '0'))).toString('base64') }) });
    for (const [kind, change, message] of [
      ['rim', (r) => ({ ...r, body: '{"rim":"!"}' }), /no member "rim" in base64/],
      ['rim', altered, /does not hold that/],
      ['rim', (r) => ({ ...r, headers: {} }), /an answer of type ""/],
      ['ocsp', (r) => ({ ...r, body: Buffer.from('30030a0103', 'hex') }), /no successful OCSP response/],
      ['ocsp', (r) => ({ ...r, body: Buffer.concat([r.body.subarray(0, -1), Buffer.from([r.body.at(-1) ^ 1])]) }), /refused/],
      ['ocsp', (r) => ({ ...r, headers: { 'content-type': 'application/json' } }), /an answer of type "application\/json"/],
      ['ocsp', (r) => ({ ...r, body: responses.find((o) => o !== r.body) }), /about another certificate/],
    ]) {
      const { url } = await serve(t, nvidia((r, what) => (what === kind ? change(r) : r)));
      const { code, json } = await fetchIt(...rimArgs(url, join(await tempDir(t), 'cache')));
      assert.equal(code, 1, String(message));
      assert.match(json.error.message, message);
    }
    const { url } = await serve(t, nvidia());
    const old = await fetchIt(...rimArgs(url, join(await tempDir(t), 'cache')).map((a) => (a === day ? '2025-12-01T00:00:00Z' : a)));
    assert.match(old.json.error.message, /it expired at 2025-10-2/);
    const swapped = await serve(t, (u, b) => nvidia()(new URL(u.href.replace(ids[0], ids[1])), b));
    const other = await fetchIt(...rimArgs(swapped.url, join(await tempDir(t), 'cache')));
    assert.match(other.json.error.message, /the manifest of version 96\.00\.9F\.00\.01/);
  });
});
