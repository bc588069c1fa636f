// What a deletion leaves of a state: nothing, for a later phat of that name, for the operator, and for storage that goes back.
import assert from 'node:assert/strict';
import { cp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Owner } from './lib/owner.mjs';
import { postgresBin, startPostgres } from './lib/postgres.mjs';
import { sleep, tempDir, until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const state = { state: { maxMiB: 16 } };
const keeper = `export default { fetch(request, env) {
  const path = new URL(request.url).pathname;
  if (path === '/put') { env.KV.put('k', 'of-the-first-life'); for (let i = 0; i < 50; i++) env.KV.put('x' + i, crypto.randomUUID().repeat(200)); }
  return Response.json({ k: env.KV.get('k'), n: env.KV.list({ limit: 1000 }).keys.length });
} };`;
const json = async (response) => (await response).json();
const empty = { k: null, n: 0 }, full = { k: 'of-the-first-life', n: 51 };

async function remove(worker, owner, name, { sequence = owner.nextSequence(), signal } = {}) {
  const authorization = await owner.authorization({ action: 'delete', name, cluster: worker.cluster, sequence });
  return fetch(`${worker.url}/v1/phats/${owner.phatId(name)}`, { method: 'DELETE', headers: { authorization }, signal });
}
async function receiptOf(worker, response) {
  await response.arrayBuffer();
  const id = response.headers.get('phala-receipt-id');
  return until(async () => {
    const got = await fetch(`${worker.url}/v1/receipts/${id}`);
    return got.status === 200 && (await got.json()).leaf;
  }, { what: `receipt ${id}` });
}
async function sizes(data, id) {
  const found = {};
  for (const folder of ['state-log', 'state-pages']) {
    for (const name of await readdir(join(data, folder))) if (name.startsWith(id)) found[name.slice(41)] = (await stat(join(data, folder, name))).size;
  }
  return found;
}

describe('a deletion', () => {
  test('wipes the state: the name starts again with nothing, and nothing is left on the disk', async (t) => {
    const data = await tempDir(t);
    const worker = await startWorker(t, { data });
    const owner = new Owner();
    const phat = await worker.phat('kept', keeper, state, owner);
    assert.deepEqual(await json(phat('/put')), full);
    const before = await receiptOf(worker, await phat('/'));
    const gone = await remove(worker, owner, 'kept');
    assert.equal(gone.status, 200, await gone.text());
    const left = await sizes(data, phat.id);
    assert.equal(left.pages, 0, JSON.stringify(left));
    const again = await worker.phat('kept', keeper, state, owner);
    assert.deepEqual(await json(again('/')), empty);
    const after = await receiptOf(worker, await again('/put'));
    assert.ok(after.commit_index > before.commit_index + 1, 'the index goes on: receipts show no fork');
    assert.deepEqual(await json(again('/')), full);
    assert.equal((await remove(worker, owner, 'kept')).status, 200);
    assert.deepEqual(await json((await worker.phat('kept', keeper, state, owner))('/')), empty);
    // A phat that never kept state is deleted as before.
    await worker.phat('plain', 'export default { fetch: () => new Response() };', {}, owner);
    assert.equal((await remove(worker, owner, 'plain')).status, 200);
  });

  test('is not undone by storage that is restored from a copy', async (t) => {
    const data = await tempDir(t);
    const worker = await startWorker(t, { data });
    const owner = new Owner();
    const phat = await worker.phat('haunted', keeper, state, owner);
    await json(phat('/put'));
    await worker.phat('haunted', `${keeper}\n// another version: the state is closed for it`, state, owner);
    await json(phat('/'));
    const copy = await tempDir(t);
    const folders = ['state-log', 'state-pages'];
    const restore = async () => { // into the folders that the worker has open
      for (const f of folders) {
        for (const name of await readdir(join(data, f))) await rm(join(data, f, name));
        await cp(join(copy, f), join(data, f), { recursive: true });
      }
    };
    for (const f of folders) await cp(join(data, f), join(copy, f), { recursive: true });
    assert.equal((await remove(worker, owner, 'haunted')).status, 200);
    await restore();
    const again = await worker.phat('haunted', keeper, state, owner);
    const refused = await again('/');
    assert.equal(refused.status, 503);
    assert.equal((await refused.json()).error.code, 'state-unusable');
    assert.match(worker.output(), /rolled back|another history/);
  });

  test('is not undone by storage that is restored between two starts, which is refused until it is back', async (t) => {
    const data = await tempDir(t);
    const owner = new Owner();
    const first = await startWorker(t, { data });
    const phat = await first.phat('twice', keeper, state, owner);
    await json(phat('/put'));
    await first.stop();
    const [before, wiped] = [await tempDir(t), await tempDir(t)];
    const folders = ['state-log', 'state-pages'];
    const keep = async (copy) => { for (const f of folders) await cp(join(data, f), join(copy, f), { recursive: true }); };
    const restore = async (copy) => { for (const f of folders) { await rm(join(data, f), { recursive: true }); await cp(join(copy, f), join(data, f), { recursive: true }); } };
    await keep(before);
    const second = await startWorker(t, { data });
    assert.equal((await remove(second, owner, 'twice')).status, 200);
    await second.stop();
    await keep(wiped);
    await restore(before);
    const third = await startWorker(t, { data });
    await until(() => /not wiped yet.*rolled back/.test(third.output()), { what: 'the refusal' });
    await third.stop();
    await restore(wiped);
    const fourth = await startWorker(t, { data });
    const again = await fourth.phat('twice', keeper, state, owner);
    assert.deepEqual(await json(again('/')), empty);
  });

  test('that is cut short by kill -9 leaves the phat, or nothing of its state', async (t) => {
    const data = await tempDir(t);
    const owner = new Owner();
    let worker = await startWorker(t, { data });
    for (let round = 0; round < 6; round++) {
      const phat = await worker.phat('cut', keeper, state, owner);
      assert.deepEqual(await json(phat('/put')), full);
      const left = remove(worker, owner, 'cut').catch(() => {});
      await sleep(round * 2); // at another place each time, whatever it hits
      process.kill(worker.pid, 'SIGKILL');
      await Promise.all([left, worker.exited]);
      worker = await startWorker(t, { data });
      const { deleted } = await json(fetch(`${worker.url}/v1/phats/${phat.id}`));
      if (deleted) assert.deepEqual(await json((await worker.phat('cut', keeper, state, owner))('/')), empty, `round ${round}`);
      else assert.deepEqual(await json(fetch(`${worker.url}/p/${phat.id}/`)), full, `round ${round}`);
      await remove(worker, owner, 'cut');
    }
  });

  test('waits for the calls that are under way, and a deploy waits for it', async (t) => {
    const worker = await startWorker(t);
    const owner = new Owner();
    const slow = `export default { async fetch(request, env) {
      const path = new URL(request.url).pathname;
      if (path === '/slow') { env.KV.put('k', '1'); await new Promise((r) => setTimeout(r, 700)); env.KV.put('late', '2'); }
      return Response.json(env.KV.list({}).keys.map(({ name }) => name));
    } };`;
    const phat = await worker.phat('slow', slow, state, owner);
    assert.deepEqual(await json(phat('/')), []);
    const call = phat('/slow');
    await until(async () => (await json(phat('/'))).includes('k'), { what: 'the slow call to write' });
    const gone = remove(worker, owner, 'slow');
    await until(async () => (await phat('/')).status === 404, { what: 'the deletion to be stored' });
    const again = await worker.phat('slow', slow, state, owner);
    assert.equal((await gone).status, 200);
    assert.deepEqual(await json(call), ['k', 'late']);
    assert.deepEqual(await json(again('/')), []);
  });
});

describe('a deletion with PostgreSQL', { skip: postgresBin() ? false : 'no PostgreSQL' }, () => {
  let postgres;
  before(async () => { postgres = await startPostgres(); });
  after(() => postgres?.stop());

  test('leaves one commit of nothing, and no page', async (t) => {
    const worker = await startWorker(t, { args: ['--state', postgres.url] });
    const owner = new Owner();
    const phat = await worker.phat('rows', keeper, state, owner);
    await json(phat('/put'));
    await worker.phat('rows', `${keeper}\n// closes the state`, state, owner);
    await json(phat('/'));
    const count = (table) => Number(postgres.query(`SELECT count(*) FROM ${table} WHERE phat = '\\x${phat.id}'${table === 'phala_pages' ? ' AND n < 4294967296' : ''}`));
    assert.ok(count('phala_pages') > 0);
    assert.equal((await remove(worker, owner, 'rows')).status, 200);
    assert.deepEqual([count('phala_pages'), count('phala_commits')], [0, 1]);
    assert.deepEqual(await json((await worker.phat('rows', keeper, state, owner))('/')), empty);
  });
});
