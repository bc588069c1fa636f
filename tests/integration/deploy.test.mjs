// Deploying: what is refused, with which code; nothing of it is stored; what was acknowledged outlives any end of the worker.
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { script, tar, tarHeader } from './lib/bundle.mjs';
import { Owner } from './lib/owner.mjs';
import { tempDir, until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const text = (version) => script({ text: `export default { fetch: () => new Response(${JSON.stringify(version)}) };` });
const manifest = (extra = {}) => JSON.stringify({ name: 'bad', ...extra });
const end = Buffer.alloc(1024);
const entry = (fields, data = '') => {
  const bytes = Buffer.from(data);
  return Buffer.concat([tarHeader({ size: bytes.length, ...fields }), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
};
const base = [entry({ path: 'phat.json' }, manifest()), entry({ path: 'worker.js' }, text('v'))];
const archiveOf = (...more) => Buffer.concat([...base, ...more, end]);

async function send(worker, owner, archive, { name = 'bad', content, sequence = owner.nextSequence(), query = '', headers = {}, ...fields } = {}) {
  const authorization = await owner.authorization({
    action: 'deploy', name, content: content ?? `0x${'11'.repeat(32)}`, cluster: worker.cluster, sequence, ...fields,
  });
  const response = await fetch(`${worker.url}/v1/phats${query}`, {
    method: 'POST', headers: { authorization, 'content-type': 'application/x-tar', ...headers }, body: archive,
  });
  return { status: response.status, body: await response.json() };
}
const stored = (worker) => readdir(join(worker.dir, 'phats')).catch(() => []);
async function nothingStored(worker, owner, name = 'bad') {
  assert.deepEqual((await stored(worker)).filter((file) => file.includes(owner.phatId(name))), []);
  assert.equal((await fetch(`${worker.url}/v1/phats/${owner.phatId(name)}`)).status, 404);
  assert.equal((await fetch(`${worker.url}/p/${owner.phatId(name)}/`)).status, 404);
}

test('bundles that are refused', async (t) => {
  const worker = await startWorker(t);
  const owner = new Owner();
  const bentHeader = (path, at, value) => {
    const header = tarHeader({ path, size: 0 });
    header.write(value, at, 'latin1');
    return header;
  };
  const archives = {
    'a path that leaves the folder': archiveOf(entry({ path: '../evil.js' }, 'x')),
    'a path with an inner ..': archiveOf(entry({ path: 'a/../../b' }, 'x')),
    'an absolute path': archiveOf(entry({ path: '/etc/passwd' }, 'x')),
    'a backslash': archiveOf(entry({ path: 'a\\b' }, 'x')),
    'a symbolic link': archiveOf(entry({ path: 'link', type: '2', link: '/etc/passwd' })),
    'a hard link': archiveOf(entry({ path: 'link', type: '1', link: 'worker.js' })),
    'a directory': archiveOf(entry({ path: 'folder/', type: '5' })),
    'a device': archiveOf(entry({ path: 'null', type: '3' })),
    'a FIFO': archiveOf(entry({ path: 'fifo', type: '6' })),
    'a name twice': archiveOf(entry({ path: 'worker.js' }, 'x')),
    'a file that is also a folder': archiveOf(entry({ path: 'worker.js/x' }, 'x')),
    'a pax header': archiveOf(entry({ path: 'pax', type: 'x' }, '20 path=../../evil\n')),
    'a global pax header': archiveOf(entry({ path: 'pax', type: 'g' }, '20 path=../../evil\n')),
    'a GNU long name': archiveOf(entry({ path: '././@LongLink', type: 'L' }, 'x'.repeat(200))),
    'a GNU sparse file': archiveOf(entry({ path: 's', type: 'S' })),
    'a wrong checksum': archiveOf(bentHeader('x', 148, '0000001')),
    'a size beyond the archive': archiveOf(tarHeader({ path: 'big', size: 8 ** 11 - 1 })),
    'a size that is no number': archiveOf(bentHeader('x', 124, 'zzzzzzzzzzz')),
    'too many files': archiveOf(...Array.from({ length: 256 }, (_, i) => entry({ path: `f${i}` }, 'x'))),
    'no end': Buffer.concat(base),
    'bytes after the end': Buffer.concat([archiveOf(), Buffer.alloc(512, 1)]),
    'half a header': Buffer.concat([...base, tarHeader({ path: 'x', size: 0 }).subarray(0, 100)]),
    'nothing': Buffer.alloc(0),
    'no archive': Buffer.from('hello'),
    'a gzip body': gzipSync(archiveOf()),
    'no phat.json': tar({ 'worker.js': text('v') }),
    'no main': tar({ 'phat.json': manifest() }),
    'a main that is not there': tar({ 'phat.json': manifest({ main: 'other.js' }), 'worker.js': text('v') }),
    'a manifest that is no JSON': tar({ 'phat.json': '{"name":', 'worker.js': text('v') }),
    'a manifest with a key twice': tar({ 'phat.json': '{"name":"bad","name":"bad"}', 'worker.js': text('v') }),
    'a manifest that is a list': tar({ 'phat.json': '[]', 'worker.js': text('v') }),
    ...Object.fromEntries(Object.entries({
      'an unknown key': { egres: [] },
      'an unknown limit': { limits: { cpu: 1 } },
      'a limit of 0': { limits: { cpuMs: 0 } },
      'a limit beyond all bounds': { limits: { memoryMiB: 1e9 } },
      'a limit that is text': { limits: { cpuMs: '100' } },
      'a fractional limit': { limits: { cpuMs: 1.5 } },
      'egress to anywhere': { egress: ['*'] },
      'egress with a path': { egress: ['https://example.org/a'] },
      'egress by another scheme': { egress: ['ftp://example.org'] },
      'a name of an owner\'s dreams': { name: '../../x' },
      'an env value that is no text': { env: { A: 1 } },
      'a bad cron': { triggers: { cron: ['61 * * * *'] } },
    }).map(([what, extra]) => [`a manifest with ${what}`, tar({ 'phat.json': manifest(extra), 'worker.js': text('v') })])),
  };
  for (const [what, archive] of Object.entries(archives)) {
    await t.test(what, async () => {
      const { status, body } = await send(worker, owner, archive);
      assert.equal(status, 422, JSON.stringify(body));
      assert.equal(body.error.code, 'bad-bundle');
      assert.ok(body.error.message.length > 10);
      await nothingStored(worker, owner);
    });
  }

  await t.test('an encoding, and more than 16 MiB', async () => {
    const encoded = await send(worker, owner, gzipSync(archiveOf()), { headers: { 'content-encoding': 'gzip' } });
    assert.deepEqual([encoded.status, encoded.body.error.code], [415, 'unsupported-encoding']);
    const authorization = await owner.authorization({ action: 'deploy', name: 'bad', content: `0x${'11'.repeat(32)}`, cluster: worker.cluster, sequence: owner.nextSequence() });
    for (const headers of [{ 'content-length': (16 << 20) + 512 }, { 'transfer-encoding': 'chunked' }]) {
      const large = await new Promise((resolve, reject) => {
        const request = http.request(`${worker.url}/v1/phats`, { method: 'POST', headers: { authorization, ...headers } }, async (response) => {
          let body = '';
          for await (const piece of response) body += piece;
          resolve({ status: response.statusCode, body: JSON.parse(body) });
          request.destroy();
        });
        request.on('error', reject);
        request.flushHeaders();
        if (headers['transfer-encoding']) {
          let left = 17;
          const more = () => { if (left-- > 0) request.write(Buffer.alloc(1 << 20), () => setImmediate(more)); };
          more();
        }
      });
      assert.deepEqual([large.status, large.body.error.code], [413, 'request-too-large']);
    }
    await nothingStored(worker, owner);
  });

  for (const [what, source, pattern] of [
    ['throws', 'const a = 1;\nthrow new RangeError("told you");\n', /RangeError: told you[^]*worker\.js:2/],
    ['is no JavaScript', 'var x = 1;\nvar = ;\n', /SyntaxError[^]*worker\.js:2/],
    ['exports nothing', 'var __phat = {};', /default export/],
    ['never ends', 'for (;;) ;', /./],
  ]) {
    await t.test(`a script that ${what} does not start`, async () => {
      const bundle = Owner.bundle('bad', { 'worker.js': source });
      const { status, body } = await send(worker, owner, bundle.archive, { content: `0x${bundle.hash}` });
      assert.deepEqual([status, body.error.code], [422, 'start-failed']);
      assert.match(body.error.message, pattern);
      await until(() => nothingStored(worker, owner).then(() => true), { what: 'nothing of it is stored' });
    });
  }

  await t.test('after all that the same name deploys', async () => {
    const { response } = await owner.deploy(worker, 'bad', { 'worker.js': text('good') });
    assert.equal(response.status, 201);
    assert.equal(await (await fetch(`${worker.url}/p/${owner.phatId('bad')}/`)).text(), 'good');
  });
});

test('requests that are refused', async (t) => {
  const worker = await startWorker(t);
  const owner = new Owner();
  const bundle = Owner.bundle('bad', { 'worker.js': text('v') });
  const content = `0x${bundle.hash}`;
  const now = BigInt(Math.floor(Date.now() / 1000));
  const cases = {
    'another action': [{ content, action: 'delete' }, 401, 'unauthorized'],
    'another cluster': [{ content, cluster: `0x${'22'.repeat(20)}` }, 401, 'unauthorized'],
    'expired': [{ content, expires: now - 1n }, 401, 'expired'],
    'too far ahead': [{ content, expires: now + 3600n }, 401, 'expires-too-late'],
    'another name': [{ content, name: 'other' }, 422, 'name-mismatch'],
    'another hash': [{}, 422, 'bundle-hash-mismatch'],
    'only a try': [{ content, query: '?dry_run=1' }, 200, undefined],
  };
  for (const [what, [fields, status, code]] of Object.entries(cases)) {
    await t.test(what, async () => {
      const got = await send(worker, owner, bundle.archive, fields);
      assert.deepEqual([got.status, got.body.error?.code], [status, code], JSON.stringify(got.body));
      await nothingStored(worker, owner);
    });
  }

  await t.test('a signature that is not the owner\'s', async () => {
    const authorization = await owner.authorization({ action: 'deploy', name: 'bad', content, cluster: worker.cluster, sequence: owner.nextSequence() });
    const json = JSON.parse(Buffer.from(authorization.slice(6), 'base64url'));
    const flip = (s) => s.slice(0, 20) + (s[20] === '0' ? '1' : '0') + s.slice(21);
    for (const change of [(j) => { j.owner = new Owner().address.toLowerCase(); }, (j) => { j.signature = flip(j.signature); }, (j) => { j.sequence++; }]) {
      const changed = { ...json };
      change(changed);
      const value = `Phala ${Buffer.from(JSON.stringify(changed)).toString('base64url')}`;
      const response = await fetch(`${worker.url}/v1/phats`, { method: 'POST', headers: { authorization: value }, body: bundle.archive });
      assert.deepEqual([response.status, (await response.json()).error.code], [401, 'unauthorized']);
    }
    for (const value of ['Phala', 'Phala !!!', 'Phala e30', 'Bearer x', `Phala ${'A'.repeat(6000)}`]) {
      const response = await fetch(`${worker.url}/v1/phats`, { method: 'POST', headers: { authorization: value }, body: bundle.archive });
      assert.deepEqual([response.status, (await response.json()).error.code], [401, 'unauthorized'], value.slice(0, 20));
    }
    await nothingStored(worker, owner);
  });

  await t.test('a replay, an older change, and a stranger', async () => {
    const sequence = owner.nextSequence();
    assert.equal((await send(worker, owner, bundle.archive, { content, sequence })).status, 201);
    for (const again of [sequence, sequence - 1n]) {
      const got = await send(worker, owner, bundle.archive, { content, sequence: again });
      assert.deepEqual([got.status, got.body.error.code], [409, 'stale-sequence']);
    }
    const stranger = new Owner();
    for (const [method, action, path] of [['DELETE', 'delete', ''], ['PUT', 'secrets', '/secrets'], ['GET', 'logs', '/logs']]) {
      const authorization = await stranger.authorization({ action, name: 'bad', cluster: worker.cluster, sequence: sequence + 10n });
      const response = await fetch(`${worker.url}/v1/phats/${owner.phatId('bad')}${path}`, {
        method, headers: { authorization }, body: method === 'PUT' ? 'x' : undefined,
      });
      assert.deepEqual([response.status, (await response.json()).error.code], [403, 'not-the-owner'], action);
    }
    assert.equal(await (await fetch(`${worker.url}/p/${owner.phatId('bad')}/`)).text(), 'v');
  });

  await t.test('a worker that is not open takes only its owners', async (t) => {
    const closed = await startWorker(t, { open: false, args: ['--owner', owner.address] });
    const stranger = new Owner();
    const got = await send(closed, stranger, bundle.archive, { content });
    assert.deepEqual([got.status, got.body.error.code], [403, 'owner-not-allowed']);
    await nothingStored(closed, stranger);
    assert.equal((await send(closed, owner, bundle.archive, { content })).status, 201);
  });
});

test('an update lets the calls in flight finish on the old version', async (t) => {
  const worker = await startWorker(t);
  const slow = (version) => `export default { async fetch(request) {
    if (request.url.endsWith('/slow')) await new Promise((r) => setTimeout(r, 700));
    return new Response('${version}'); } };`;
  const call = await worker.phat('live', slow('one'));
  const old = Array.from({ length: 5 }, () => call('/slow').then((r) => r.text()));
  await until(async () => /phala_calls_in_flight (\d+)/.exec(await (await fetch(`${worker.url}/metrics`)).text())?.[1] === '5', { what: 'five calls in flight' });
  await worker.phat('live', slow('two'), {}, call.owner);
  assert.equal(await (await call('/')).text(), 'two');
  assert.deepEqual(await Promise.all(old), Array(5).fill('one'));
  assert.equal(await (await call('/slow')).text(), 'two');
});

test('delete, and deploy again', async (t) => {
  const worker = await startWorker(t);
  const owner = new Owner();
  const first = owner.nextSequence();
  assert.equal((await owner.deploy(worker, 'x', { 'worker.js': text('1') }, {}, { sequence: first })).response.status, 201);
  const sequence = owner.nextSequence();
  const authorization = await owner.authorization({ action: 'delete', name: 'x', cluster: worker.cluster, sequence });
  const gone = await fetch(`${worker.url}/v1/phats/${owner.phatId('x')}`, { method: 'DELETE', headers: { authorization } });
  assert.equal(gone.status, 200);
  assert.equal((await fetch(`${worker.url}/p/${owner.phatId('x')}/`)).status, 404);
  for (const old of [first, sequence])
    assert.equal((await owner.deploy(worker, 'x', { 'worker.js': text('1') }, {}, { sequence: old })).response.status, 409);
  assert.equal((await owner.deploy(worker, 'x', { 'worker.js': text('2') })).response.status, 201);
  assert.equal(await (await fetch(`${worker.url}/p/${owner.phatId('x')}/`)).text(), '2');
});

test('what was acknowledged is there after SIGTERM and after kill -9', async (t) => {
  const data = await tempDir(t);
  const owner = new Owner();
  let first;
  let receiptId;
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGKILL']) {
    const worker = await startWorker(t, { data });
    first ??= worker;
    assert.equal(worker.signer, first.signer, 'the signer stays the same');
    assert.equal(worker.cluster, first.cluster, 'so does the cluster');
    if (receiptId) {
      const { phats } = await (await fetch(`${worker.url}/v1/phats`, { headers: { authorization: await owner.authorization({ action: 'list', cluster: first.cluster }) } })).json();
      assert.ok(phats.length > 0);
      for (const { id, name } of phats) assert.equal(await (await fetch(`${worker.url}/p/${id}/`)).text(), name);
      assert.equal((await fetch(`${worker.url}/v1/receipts/${receiptId}`)).status, 200);
    }
    const name = `phat-${signal.toLowerCase()}-${owner.nextSequence()}`;
    const { response, id } = await owner.deploy(worker, name, { 'worker.js': text(name) });
    assert.equal(response.status, 201);
    if (!receiptId) {
      receiptId = (await fetch(`${worker.url}/p/${id}/`)).headers.get('phala-receipt-id');
      await until(async () => (await fetch(`${worker.url}/v1/receipts/${receiptId}`)).status === 200, { what: 'the receipt' });
      const again = await owner.deploy(worker, name, { 'worker.js': text(name) });
      assert.equal(again.response.status, 200);
    }
    await worker.stop({ signal });
  }
  const last = await startWorker(t, { data });
  const { phats } = await (await fetch(`${last.url}/v1/phats`, { headers: { authorization: await owner.authorization({ action: 'list', cluster: first.cluster }) } })).json();
  assert.equal(phats.length, 3);
});

test('what was altered on the disk is refused and logged, the rest works', async (t) => {
  const data = await tempDir(t);
  const owner = new Owner();
  let worker = await startWorker(t, { data });
  for (const name of ['good', 'signature', 'content', 'cut']) assert.equal((await owner.deploy(worker, name, { 'worker.js': text(name) })).response.status, 201);
  await worker.stop();
  const change = async (name, edit) => {
    const file = join(data, 'phats', `${owner.phatId(name)}.phat`);
    await writeFile(file, edit(await readFile(file)));
  };
  await change('signature', (bytes) => { bytes[40] ^= 1; return bytes; });
  await change('content', (bytes) => { bytes[bytes.lastIndexOf('"content"')] ^= 1; return bytes; });
  await change('cut', (bytes) => bytes.subarray(0, 700));
  worker = await startWorker(t, { data });
  assert.equal(await (await fetch(`${worker.url}/p/${owner.phatId('good')}/`)).text(), 'good');
  for (const name of ['signature', 'content', 'cut']) {
    assert.equal((await fetch(`${worker.url}/p/${owner.phatId(name)}/`)).status, 404, name);
    assert.match(worker.output(), new RegExp(`does not verify[^\\n]*${owner.phatId(name)}`));
    assert.equal((await owner.deploy(worker, name, { 'worker.js': text(name) })).response.status, 201, name);
  }
  await t.test('altered while it runs: the next start of the phat refuses', async () => {
    const live = await owner.deploy(worker, 'live', { 'worker.js': text('live') });
    assert.equal(live.response.status, 201);
    const file = join(data, 'phats', `${live.id}.phat`);
    const other = await readFile(join(data, 'phats', `${owner.phatId('good')}.phat`));
    await writeFile(file, other);
    await worker.stop();
    worker = await startWorker(t, { data });
    assert.equal((await fetch(`${worker.url}/p/${live.id}/`)).status, 404);
  });
  await worker.stop();
  const state = join(data, 'keyd.state');
  const bytes = await readFile(state);
  bytes[bytes.length >> 1] ^= 1;
  await writeFile(state, bytes);
  await assert.rejects(startWorker(t, { data }), /ended before it was ready/);
});
