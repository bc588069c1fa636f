// Owners take states away and bring them back: what an export is, what it proves, and every way in which an import is refused.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Owner } from './lib/owner.mjs';
import { sleep, tempDir, until } from './lib/proc.mjs';
import { askExport, importHead, ofDatabase, openExport, readHead, recipient, sendImport, takeExport } from './lib/state_file.mjs';
import { startWorker } from './lib/worker.mjs';

const state = { state: { maxMiB: 32 } };
const notes = `export default { async fetch(request, env) {
  const url = new URL(request.url), key = url.searchParams.get('k');
  env.DB.exec('CREATE TABLE IF NOT EXISTS notes(k TEXT PRIMARY KEY, v TEXT)');
  if (url.pathname === '/put') {
    env.KV.put(key, url.searchParams.get('v'), { metadata: { from: 'put' } });
    env.DB.prepare('INSERT OR REPLACE INTO notes VALUES(?, ?)').bind(key, url.searchParams.get('v')).run();
  }
  if (url.pathname === '/fill') for (let i = 0; i < Number(key); i++)
    env.DB.prepare('INSERT INTO notes VALUES(?, ?)').bind('fill' + i + Math.random(), crypto.randomUUID().repeat(28)).run();
  return Response.json({ kv: env.KV.getWithMetadata('a'), n: env.DB.prepare('SELECT count(*) AS n FROM notes').first('n'),
    check: env.DB.prepare('PRAGMA integrity_check').first('integrity_check') });
} };`;
const json = async (response) => (await response).json();

async function receiptOf(worker, id) {
  return until(async () => {
    const got = await fetch(`${worker.url}/v1/receipts/${id}`);
    return got.status === 200 && got.json();
  }, { what: `receipt ${id}` });
}

/** A phat with a few notes, its export, opened. */
async function withExport(worker, owner, name, key, maxMiB = 32) {
  const phat = await worker.phat(name, notes, { state: { maxMiB } }, owner);
  await json(phat('/put?k=a&v=hello-from-the-state'));
  await json(phat('/put?k=b&v=2'));
  const { file, receipt } = await takeExport(worker, owner, name, key);
  return { phat, file, receipt, opened: await openExport(file, key) };
}
const tipOf = async (worker, owner, name, key) => readHead((await takeExport(worker, owner, name, key, { what: 'head' })).file);

describe('export and import of a state', () => {
  let worker, owner, key;
  before(async () => {
    worker = await startWorker(null);
    owner = new Owner();
    key = recipient();
  });
  after(async () => {
    await worker.stop();
    await rm(worker.dir, { recursive: true, force: true });
  });

  test('an export opens for the named key, names the commit of its receipts, and is signed by the worker', async () => {
    const { phat, file, receipt, opened } = await withExport(worker, owner, 'taken', key);
    assert.equal(opened.database.subarray(0, 15).toString(), 'SQLite format 3');
    assert.ok(opened.database.includes('hello-from-the-state'));
    assert.ok(!file.includes('hello-from-the-state'));
    assert.equal(opened.head.phat, phat.id);
    assert.equal(`0x${opened.head.cluster}`, worker.cluster);
    const { leaf } = await receiptOf(worker, receipt);
    assert.equal(leaf.commit_index, opened.head.index);
    assert.equal(leaf.state_root.replace(/^0x/, ''), opened.head.root);
    assert.equal(leaf.phat.replace(/^0x/, ''), phat.id);
    const call = await phat('/');
    await call.arrayBuffer();
    const said = (await receiptOf(worker, call.headers.get('phala-receipt-id'))).leaf;
    assert.deepEqual([said.commit_index, said.state_root], [leaf.commit_index, leaf.state_root]);
    await assert.rejects(openExport(file, { ...recipient(), public: key.public }));
    for (const at of [10, 50, 60, 90, 120, 200, 300, file.length - 1]) {
      const bent = Buffer.from(file);
      bent[at] ^= 1;
      await assert.rejects(openExport(bent, key), `byte ${at}`);
    }
    assert.equal((await tipOf(worker, owner, 'taken', key)).root, opened.head.root);
  });

  test('an import is one commit of a new phat, or of the same, with tables, values, versions and all', async () => {
    const { phat, opened } = await withExport(worker, owner, 'source', key);
    const saved = await json(phat('/'));
    const other = await worker.phat('target', notes, state, owner);
    const empty = await tipOf(worker, owner, 'target', key);
    assert.deepEqual([empty.index, empty.pages], [0, 0]);
    const head = await importHead(worker, other.id, opened, empty);
    const done = await sendImport(worker, owner, 'target', head, opened.pieces);
    assert.equal(done.status, 200, JSON.stringify(done.body));
    assert.deepEqual([done.body.index, done.body.pages], [1, opened.head.pages]);
    assert.deepEqual(await json(other('/')), saved);
    const { leaf } = await receiptOf(worker, done.receipt);
    assert.deepEqual([leaf.commit_index, leaf.state_root.replace(/^0x/, '')], [1, done.body.root]);

    await json(phat('/fill?k=300'));
    await json(phat('/put?k=a&v=changed'));
    const tip = await tipOf(worker, owner, 'source', key);
    const back = await sendImport(worker, owner, 'source', await importHead(worker, phat.id, opened, tip), opened.pieces);
    assert.equal(back.status, 200, JSON.stringify(back.body));
    assert.equal(back.body.index, tip.index + 1);
    assert.deepEqual(await json(phat('/')), saved);
    assert.equal((await json(phat('/put?k=c&v=3'))).n, 3);
  });

  test('a database that the owner brings is taken as it is', async () => {
    const { opened } = await withExport(worker, owner, 'maker', key);
    const phat = await worker.phat('brought', notes, state, owner);
    const mine = ofDatabase(opened.database);
    const done = await sendImport(worker, owner, 'brought', await importHead(worker, phat.id, mine, { index: 0, hash: Buffer.alloc(32) }), mine.pieces);
    assert.equal(done.status, 200, JSON.stringify(done.body));
    assert.equal((await json(phat('/'))).n, 2);
  });

  test('every import that is not exactly what its owner signed, over exactly this commit, is refused', async () => {
    const { phat, opened } = await withExport(worker, owner, 'strict', key, 1);
    const elsewhere = await worker.phat('elsewhere', notes, state, owner);
    await json(elsewhere('/'));
    const before = await json(phat('/'));
    const tip = await tipOf(worker, owner, 'strict', key);
    const good = await importHead(worker, phat.id, opened, tip);
    const bent = (bytes, at) => { const copy = Buffer.from(bytes); copy[at] ^= 1; return copy; };
    const own = (database) => { const made = ofDatabase(database); return made; };
    const send = (head, pieces, options) => sendImport(worker, owner, 'strict', head, pieces, options);
    const wal = bent(bent(opened.database, 18), 18);
    wal[18] = wal[19] = 2;
    const large = Buffer.concat([opened.database, Buffer.alloc(1024 * 1024)]); // kept small: a refusal ends the connection before more has come
    const made = {
      noDatabase: own(Buffer.alloc(8192, 7)), wal: own(wal), large: own(large),
      short: own(opened.database.subarray(0, opened.database.length - 4096)),
    };
    const ofMade = async (which) => send(await importHead(worker, phat.id, made[which], tip), made[which].pieces);
    const refusals = {
      'over an older commit': [409, 'state-changed', async () => send(await importHead(worker, phat.id, opened, { ...tip, index: tip.index - 1 }), opened.pieces)],
      'over a later commit': [409, 'state-changed', async () => send(await importHead(worker, phat.id, opened, { ...tip, index: tip.index + 1 }), opened.pieces)],
      'over a fork of it': [409, 'state-changed', async () => send(await importHead(worker, phat.id, opened, { ...tip, hash: bent(tip.hash, 3) }), opened.pieces)],
      'with an altered piece': [422, 'bad-import', () => send(good, bent(opened.pieces, 5000))],
      'with an altered last byte': [422, 'bad-import', () => send(good, bent(opened.pieces, opened.pieces.length - 1))],
      'cut off': [422, 'bad-import', () => send(good, opened.pieces.subarray(0, opened.pieces.length - 1))],
      'cut off in its head': [422, 'bad-import', () => send(good.subarray(0, 339), Buffer.alloc(0))],
      'with more behind it': [422, 'bad-import', () => send(good, Buffer.concat([opened.pieces, Buffer.from([0])]))],
      'of pieces other than those that were signed': [422, 'bad-import', async () => send(await importHead(worker, phat.id, opened, tip, { pieces: Buffer.alloc(1) }), opened.pieces)],
      'that was signed with another head': [422, 'move-refused', () => send(good, opened.pieces, { content: `0x${'11'.repeat(32)}` })],
      'of an altered head': [422, 'move-refused', () => send(bent(good, 30), opened.pieces, { content: `0x${createHash('sha256').update(good).digest('hex')}` })],
      'for another phat': [422, 'move-refused', async () => send(await importHead(worker, elsewhere.id, opened, tip), opened.pieces)],
      'whose key is bound to another head': [422, 'move-refused', async () => send(await importHead(worker, phat.id, opened, tip, { boundTo: Buffer.alloc(260) }), opened.pieces)],
      'whose key is for another cluster': [422, 'move-refused', async () => send(await importHead(worker, phat.id, opened, tip, { to: Buffer.from(recipient().public).toString('hex') }), opened.pieces)],
      'that is no import at all': [422, 'move-refused', () => send(Buffer.alloc(400), opened.pieces)],
      'signed by somebody else': [403, 'not-the-owner', () => sendImport(worker, new Owner(), 'strict', good, opened.pieces, { id: phat.id })],
      'signed as an export': [401, 'unauthorized', () => send(good, opened.pieces, { action: 'export' })],
      'of no database': [422, 'bad-import', () => ofMade('noDatabase')],
      'of a database with a write-ahead log': [422, 'bad-import', () => ofMade('wal')],
      'of a database that lacks a page': [422, 'bad-import', () => ofMade('short')],
      'larger than state.maxMiB': [413, 'import-too-large', () => ofMade('large')],
    };
    for (const [what, [status, code, send_]] of Object.entries(refusals)) {
      const got = await send_();
      assert.deepEqual([got.status, got.body.error?.code], [status, code], `${what}: ${JSON.stringify(got.body)}`);
      assert.deepEqual(await json(phat('/')), before, what);
      assert.equal((await tipOf(worker, owner, 'strict', key)).index, tip.index, what);
    }
    assert.equal((await send(good, opened.pieces)).status, 200);
    const again = await send(good, opened.pieces); // what an operator could play again
    assert.deepEqual([again.status, again.body.error.code], [409, 'state-changed']);
  });

  test('exports are for the owner, of phats that keep state', async () => {
    const { phat } = await withExport(worker, owner, 'guarded', key);
    const plain = await worker.phat('plain', 'export default { fetch: () => new Response() };', {}, owner);
    const code = async (response) => { const got = await response; return [got.status, (await got.json()).error.code]; };
    assert.deepEqual(await code(askExport(worker, new Owner(), 'guarded', key, { id: phat.id })), [403, 'not-the-owner']);
    assert.deepEqual(await code(askExport(worker, owner, 'guarded', key, { action: 'import' })), [401, 'unauthorized']);
    assert.deepEqual(await code(askExport(worker, owner, 'plain', key, { id: plain.id })), [409, 'no-state']);
    assert.deepEqual(await code(askExport(worker, owner, 'nowhere', key)), [404, 'no-such-phat']);
    assert.deepEqual(await code(askExport(worker, owner, 'guarded', { public: Buffer.alloc(32) })), [422, 'move-refused']); // a low-order point
  });

  test('an export is one commit while the phat goes on writing', async () => {
    const phat = await worker.phat('busy', notes, state, owner);
    for (let i = 0; i < 8; i++) await json(phat('/fill?k=300'));
    const before = await json(phat('/'));
    let stop = false;
    const writer = (async () => { let n = 0; while (!stop) { await json(phat('/put?k=x&v=' + (n += 1))); } return n; })();
    const { file } = await takeExport(worker, owner, 'busy', key);
    stop = true;
    assert.ok(await writer > 0);
    const opened = await openExport(file, key);
    const copy = await worker.phat('busy-copy', notes, state, owner);
    const done = await sendImport(worker, owner, 'busy-copy', await importHead(worker, copy.id, opened, { index: 0, hash: Buffer.alloc(32) }), opened.pieces);
    assert.equal(done.status, 200, JSON.stringify(done.body));
    const got = await json(copy('/'));
    assert.equal(got.check, 'ok');
    assert.ok(got.n === before.n || got.n === before.n + 1, `${got.n} of ${before.n}`);
  });

  test('an import does not lie in the memory of phalad', async (t) => {
    const own = await startWorker(t);
    const large = `export default { fetch(request, env) {
      if (request.url.endsWith('/fill')) { env.DB.exec('CREATE TABLE IF NOT EXISTS t(v BLOB)'); env.DB.prepare('INSERT INTO t VALUES(zeroblob(4000000))').run(); }
      return Response.json(env.DB.prepare('SELECT sum(length(v)) AS n FROM t').first('n'));
    } };`;
    const phat = await own.phat('large', large, { state: { maxMiB: 128 } }, owner);
    for (let i = 0; i < 16; i++) await json(phat('/fill'));
    const opened = await openExport((await takeExport(own, owner, 'large', key)).file, key);
    const copy = await own.phat('large-copy', large, { state: { maxMiB: 128 } }, owner);
    const anonymousMib = async () => Number(/^RssAnon:\s+(\d+)/m.exec(await readFile(`/proc/${own.pid}/status`, 'utf8'))[1]) / 1024;
    const before = await anonymousMib();
    let most = 0, over = false;
    const watching = (async () => { while (!over) { most = Math.max(most, await anonymousMib()); await sleep(5); } })();
    const done = await sendImport(own, owner, 'large-copy', await importHead(own, copy.id, opened, { index: 0, hash: Buffer.alloc(32) }), opened.pieces);
    over = true;
    await watching;
    assert.equal(done.status, 200, JSON.stringify(done.body));
    assert.equal(await json(copy('/')), 64_000_000);
    assert.ok(most - before < 32, `phalad had ${before} MiB, and ${most} as it took ${opened.pieces.length / 2 ** 20}`);
    t.diagnostic(`${before} MiB before, at most ${most} MiB during an import of ${opened.pieces.length / 2 ** 20}`);
  });

  test('an upload that breaks off, and a worker that dies in it, leave the state as it was', async (t) => {
    const data = await tempDir(t);
    const first = await startWorker(t, { data });
    const { phat, opened } = await withExport(first, owner, 'broken', key);
    for (let i = 0; i < 3; i++) await json(phat('/fill?k=300'));
    const before = await json(phat('/'));
    const head = await importHead(first, phat.id, opened, await tipOf(first, owner, 'broken', key));
    const authorization = await owner.authorization({ action: 'import', name: 'broken', content: `0x${createHash('sha256').update(head).digest('hex')}`, cluster: first.cluster });
    const begin = () => new Promise((resolve, reject) => {
      const request = http.request(`${first.url}/v1/phats/${phat.id}/state`, { method: 'PUT', agent: false, headers: { authorization, 'content-length': head.length + opened.pieces.length } });
      request.on('error', () => {});
      request.on('response', (response) => reject(new Error(`answered ${response.statusCode}`)));
      request.write(Buffer.concat([head, opened.pieces.subarray(0, 70_000 < opened.pieces.length ? 70_000 : 100)]), () => resolve(request));
    });
    const upload = await begin();
    // It is under way when others are turned away.
    await until(async () => (await phat('/')).status === 503, { what: 'the import to begin' });
    upload.destroy();
    await until(async () => (await phat('/')).status === 200, { what: 'the phat to be back' });
    assert.deepEqual(await json(phat('/')), before);

    await begin();
    await until(async () => (await phat('/')).status === 503, { what: 'the import to begin again' });
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    const second = await startWorker(t, { data });
    assert.deepEqual(await (await fetch(`${second.url}/p/${phat.id}/`)).json(), before);
  });

  test('nothing of a state is in the clear in what the operator has', async (t) => {
    const data = await tempDir(t);
    const own = await startWorker(t, { data });
    const { opened } = await withExport(own, owner, 'private', key);
    const phat = await own.phat('private-too', notes, state, owner);
    assert.equal((await sendImport(own, owner, 'private-too', await importHead(own, phat.id, opened, { index: 0, hash: Buffer.alloc(32) }), opened.pieces)).status, 200);
    await own.stop();
    assert.ok(!own.output().includes('hello-from-the-state'));
    for (const entry of await readdir(data, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) assert.ok(!(await readFile(join(entry.parentPath ?? entry.path, entry.name))).includes('hello-from-the-state'), entry.name);
    }
  });
});
