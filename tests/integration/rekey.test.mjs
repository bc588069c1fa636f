// After a rotation: states and secrets move to the new epoch while they are used, over crashes, and the old epoch goes when nothing needs it.
import assert from 'node:assert/strict';
import { copyFile, cp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { retire, rotate, status } from './lib/keys.mjs';
import { Owner } from './lib/owner.mjs';
import { postgresBin, startPostgres } from './lib/postgres.mjs';
import { tempDir, until } from './lib/proc.mjs';
import { putSecrets } from './lib/secrets.mjs';
import { sameSimulator, startMember, startWorker } from './lib/worker.mjs';

const rows = 400;
const noGrace = ['--epoch-grace', '0'];
const book = `export default { async fetch(request, env) {
  const { pathname, searchParams } = new URL(request.url);
  env.DB.exec('CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, v TEXT)');
  if (pathname === '/fill') {
    const put = env.DB.prepare('INSERT OR REPLACE INTO t VALUES(?, ?)');
    for (let n = 0; n < ${rows}; n++) put.bind(n, String(n).repeat(700)).run();
  }
  if (pathname === '/put') env.DB.prepare('INSERT OR REPLACE INTO t VALUES(?, ?)').bind(Number(searchParams.get('n')), 'put').run();
  const { n, sum } = env.DB.prepare('SELECT count(*) AS n, sum(length(v)) AS sum FROM t').first();
  return Response.json({ n, sum, secret: env.API_KEY ?? null });
} };`;

const bare = 'export default { fetch(r, env) { return Response.json({ secret: env.API_KEY }); } };';

async function putKey(worker, owner, name, value) {
  const response = await putSecrets(worker, owner, name, { API_KEY: value });
  assert.equal(response.status, 200, await response.text());
}

const settled = (worker) => until(async () => {
  const { epochs, older } = await status(worker);
  return epochs.length === 1 && older.known && older.states === 0 && older.secrets === 0;
}, { timeoutMs: 90_000, everyMs: 50, what: 'the end of the old epoch' });

/** Epoch of the newest commit, and of its oldest page if that is another, in a log of files. */
async function newestHead(dir, id) {
  const folder = join(dir, 'state-log');
  const found = [];
  for (const name of (await readdir(folder)).filter((file) => file.startsWith(id) && file.endsWith('.log'))) {
    const bytes = await readFile(join(folder, name));
    for (let at = bytes.indexOf('PHCOMMIT'); at >= 0; at = bytes.indexOf('PHCOMMIT', at + 1))
      found.push({ index: bytes.readBigUInt64LE(at + 32), epoch: bytes.readUInt32LE(at + 40), older: bytes.readUInt32LE(at + 44) });
  }
  return found.sort((a, b) => (a.index < b.index ? -1 : 1)).at(-1);
}

describe('after a rotation', () => {
  test('states and secrets move to the new epoch while they are used, and the old one goes', async (t) => {
    const keyOwner = new Owner();
    const data = await tempDir(t);
    let worker = await startWorker(t, { data, args: ['--key-owner', keyOwner.address, ...noGrace] });
    const owner = new Owner();
    const [used, idle, plain] = await Promise.all([['used', { state: {} }], ['idle', { state: {} }], ['plain', {}]].map(([name, manifest]) => worker.phat(name, name === 'plain' ? bare : book, manifest, owner)));
    for (const phat of [used, idle]) assert.equal((await (await phat('/fill')).json()).n, rows);
    for (const name of ['used', 'idle', 'plain']) await putKey(worker, owner, name, `of ${name}`);
    const before = await (await used('/')).json();
    // One of the three sleeps when the keys are rotated.
    await worker.stop();
    worker = await startWorker(t, { data, args: noGrace });
    const call = (phat, path = '/') => fetch(`${worker.url}/p/${phat.id}${path}`);
    assert.deepEqual(await (await call(used)).json(), before);

    let calls = 0;
    let over = false;
    const caller = (async () => {
      while (!over) {
        const response = await call(used, `/put?n=${1000 + calls}`);
        const body = await response.json();
        // An instance that goes may end a call; it never answers wrongly.
        if (response.status === 200) { calls++; assert.equal(body.secret, 'of used'); assert.ok(body.n >= rows + calls, `${body.n} rows after ${calls} calls`); }
      }
    })();
    assert.equal((await rotate(worker, [keyOwner])).status, 200);
    await settled(worker);
    over = true;
    await caller;
    assert.ok(calls > 0);
    assert.deepEqual((await status(worker)).epochs, [2]);
    assert.equal((await (await call(used)).json()).n, rows + calls);
    assert.deepEqual(await (await call(idle)).json(), { ...before, secret: 'of idle' });
    assert.equal((await (await call(plain)).json()).secret, 'of plain');
    await worker.stop();
    for (const phat of [used, idle]) {
      const head = await newestHead(data, phat.id);
      assert.deepEqual([head.epoch, head.older], [2, 0]);
    }
    worker = await startWorker(t, { data, args: noGrace });
    assert.deepEqual((await status(worker)).epochs, [2]);
    assert.equal((await (await call(used)).json()).n, rows + calls);
    assert.equal((await (await call(idle)).json()).secret, 'of idle');
  });

  test('killed again and again while it moves, it is readable every time, and gets there', async (t) => {
    const keyOwner = new Owner();
    const data = await tempDir(t);
    let worker = await startWorker(t, { data, args: ['--key-owner', keyOwner.address, ...noGrace] });
    const owner = new Owner();
    const phat = await worker.phat('book', book, { state: {} }, owner);
    const filled = await (await phat('/fill')).json();
    await putKey(worker, owner, 'book', 'kept');
    assert.equal((await rotate(worker, [keyOwner])).status, 200);
    for (let round = 0; round < 8; round++) {
      // Later and later into the move: as many commits as rounds.
      const from = (await newestHead(data, phat.id)).index;
      await until(async () => (await newestHead(data, phat.id).catch(() => ({ index: 0n }))).index >= from + BigInt(round) || (await status(worker)).epochs.length === 1,
        { timeoutMs: 60_000, everyMs: 5, what: 'progress' });
      await worker.stop({ signal: 'SIGKILL' });
      worker = await startWorker(t, { data, args: noGrace });
      assert.deepEqual(await (await fetch(`${worker.url}/p/${phat.id}/`)).json(), { ...filled, secret: 'kept' });
    }
    await settled(worker);
    assert.deepEqual(await (await fetch(`${worker.url}/p/${phat.id}/`)).json(), { ...filled, secret: 'kept' });
  });

  test('an older set of secrets that storage brings back is not sealed anew', async (t) => {
    const keyOwner = new Owner();
    const data = await tempDir(t);
    let worker = await startWorker(t, { data, args: ['--key-owner', keyOwner.address, ...noGrace] });
    const owner = new Owner();
    const phat = await worker.phat('plain', bare, {}, owner);
    const file = join(data, 'phats', `${phat.id}.secrets`);
    await putKey(worker, owner, 'plain', 'old');
    const old = await readFile(file);
    await putKey(worker, owner, 'plain', 'new');
    const newest = await readFile(file);
    await writeFile(file, old);
    assert.equal((await rotate(worker, [keyOwner])).status, 200);
    await until(() => /secrets stay sealed under an older epoch.*was rolled back/.test(worker.output()), { what: 'the refusal' });
    assert.deepEqual((await status(worker)).epochs, [1, 2]);
    assert.deepEqual(await readFile(file), old, 'nothing was written');
    await worker.stop();
    await writeFile(file, newest);
    worker = await startWorker(t, { data, args: noGrace });
    await settled(worker);
    assert.equal((await (await fetch(`${worker.url}/p/${phat.id}/`)).json()).secret, 'new');
  });

  test('the end that is left of a deleted phat\'s state moves too; storage from before is refused once the epoch is gone', async (t) => {
    const keyOwner = new Owner();
    const data = await tempDir(t);
    let worker = await startWorker(t, { data, args: ['--key-owner', keyOwner.address, ...noGrace] });
    const owner = new Owner();
    const phat = await worker.phat('book', book, { state: {} }, owner);
    await phat('/fill');
    await putKey(worker, owner, 'book', 'old');
    await worker.stop();
    const old = await tempDir(t);
    for (const name of ['state-log', 'state-pages', 'phats', 'keyd.state', 'keyd.state.marks']) await cp(join(data, name), join(old, name), { recursive: true });
    worker = await startWorker(t, { data, args: noGrace });
    assert.equal((await rotate(worker, [keyOwner])).status, 200);
    await settled(worker);
    await worker.stop();

    // The operator brings back secrets and states of epoch 1: nobody has its key any more.
    for (const name of ['state-log', 'state-pages', 'phats']) {
      await rm(join(data, name), { recursive: true });
      await cp(join(old, name), join(data, name), { recursive: true });
    }
    worker = await startWorker(t, { data, args: noGrace });
    const call = await fetch(`${worker.url}/p/${phat.id}/`);
    assert.ok(call.status >= 500, `${call.status}`);
    await until(() => /no such epoch|key epoch that this cluster does not have/.test(worker.output()), { what: 'the reason' });
    await worker.stop();

    // With the keys of then it is an older worker, and says so.
    for (const name of ['keyd.state', 'keyd.state.marks']) await copyFile(join(old, name), join(data, name));
    worker = await startWorker(t, { data, args: noGrace });
    assert.deepEqual((await status(worker)).epochs, [1]);
    assert.equal((await (await fetch(`${worker.url}/p/${phat.id}/`)).json()).secret, 'old');
    const deletion = await owner.authorization({ action: 'delete', name: 'book', cluster: worker.cluster, sequence: owner.nextSequence() });
    const deleted = await fetch(`${worker.url}/v1/phats/${phat.id}`, { method: 'DELETE', headers: { authorization: deletion } });
    assert.equal(deleted.status, 200, await deleted.text());
    assert.equal((await rotate(worker, [keyOwner])).status, 200);
    await settled(worker);
    await worker.stop();
    const head = await newestHead(data, phat.id);
    assert.deepEqual([head.epoch, head.older], [2, 0]);
    // Deployed again, its state begins where it was wiped.
    worker = await startWorker(t, { data, args: noGrace });
    await worker.phat('book', book, { state: {} }, owner);
    assert.equal((await (await fetch(`${worker.url}/p/${phat.id}/`)).json()).n, 0);
  });
});

const large = `export default { fetch(request, env) {
  const grow = new URL(request.url).searchParams.get('kb');
  env.DB.exec('CREATE TABLE IF NOT EXISTS t(v BLOB)');
  if (grow) env.DB.prepare('INSERT INTO t VALUES(zeroblob(?))').bind(1024 * Number(grow)).run();
  return Response.json(env.DB.prepare('SELECT sum(length(v)) AS n FROM t').first('n'));
} };`;

describe('after a rotation, a phat that has less than it had', () => {
  test('moves a state over a limit that was lowered, which can be written and not grow', async (t) => {
    const keyOwner = new Owner();
    const worker = await startWorker(t, { args: ['--key-owner', keyOwner.address, ...noGrace] });
    const owner = new Owner();
    await (await worker.phat('large', large, { state: { maxMiB: 8 } }, owner))('/?kb=3000');
    const phat = await worker.phat('large', `${large} // less`, { state: { maxMiB: 1 } }, owner);
    assert.equal((await rotate(worker, [keyOwner])).status, 200);
    await settled(worker);
    assert.equal(await (await phat('/')).json(), 3000 * 1024);
    assert.ok((await phat('/?kb=3000')).status >= 500);
    assert.equal(await (await phat('/')).json(), 3000 * 1024);
  });

  test('keeps the epoch while its state has no version that asks for it', async (t) => {
    const keyOwner = new Owner();
    const worker = await startWorker(t, { args: ['--key-owner', keyOwner.address, ...noGrace] });
    const owner = new Owner();
    await (await worker.phat('book', book, { state: {} }, owner))('/fill');
    await worker.phat('book', bare, {}, owner);
    assert.equal((await rotate(worker, [keyOwner])).status, 200);
    await until(async () => { const { older } = await status(worker); return older.known && older.left === 1; }, { timeoutMs: 30_000, what: 'the state that is left' });
    assert.deepEqual((await status(worker)).epochs, [1, 2]);
    const phat = await worker.phat('book', book, { state: {} }, owner);
    await settled(worker);
    assert.equal((await (await phat('/')).json()).n, rows);
  });
});

describe('workers that share storage', { skip: postgresBin() ? false : 'PostgreSQL is not installed' }, () => {
  let server;
  before(async () => { server = await startPostgres(); });
  after(async () => { await server?.stop(); });

  const member = (t, data, args) => startMember(t, server.url, data, args);

  test('all take the new epoch, what they share moves, another takes over, and the owners have the old epoch forgotten', async (t) => {
    const keyOwner = new Owner();
    const data = await tempDir(t);
    const first = await member(t, data, ['--tls', '127.0.0.1:0', '--key-owner', keyOwner.address]);
    const beside = await tempDir(t);
    await sameSimulator(data, beside);
    const second = await member(t, beside, ['--join', first.tlsUrl]);
    const owner = new Owner();
    const phat = await first.phat('book', book, { state: { maxMiB: 16 } }, owner);
    assert.equal((await (await phat('/fill')).json()).n, rows);
    await putKey(first, owner, 'book', 'shared');
    const at = (worker) => fetch(`${worker.url}/p/${phat.id}/`);
    await until(async () => (await at(second)).ok, { what: 'the record' });
    // Of another phat the end is left.
    await (await first.phat('gone', book, { state: { maxMiB: 16 } }, owner))('/fill');
    const deletion = await owner.authorization({ action: 'delete', name: 'gone', cluster: first.cluster, sequence: owner.nextSequence() });
    assert.equal((await fetch(`${first.url}/v1/phats/${owner.phatId('gone')}`, { method: 'DELETE', headers: { authorization: deletion } })).status, 200);

    assert.equal((await rotate(first, [keyOwner])).status, 200);
    const moved = (worker) => until(async () => {
      const { epoch, older } = await status(worker);
      return epoch === 2 && older.known && older.states === 0 && older.secrets === 0;
    }, { timeoutMs: 90_000, everyMs: 100, what: 'the new epoch' });
    await moved(first);
    await moved(second);
    for (const worker of [first, second]) assert.deepEqual((await status(worker)).epochs, [1, 2], 'nothing is forgotten unasked');
    assert.match((await retire(second, [new Owner()])).error.message, /no owner/);
    assert.deepEqual((await retire(second, [keyOwner])).json, { epoch: 2 });
    assert.deepEqual((await status(second)).epochs, [2]);

    // The second has the new epoch alone, and takes over what the first had.
    await first.stop({ signal: 'SIGKILL' });
    const body = await until(async () => { const response = await at(second); return response.ok && response.json(); }, { timeoutMs: 30_000, what: 'the take-over' });
    assert.deepEqual([body.n, body.secret], [rows, 'shared']);
    // One that comes new finds the secrets in the database under the newest epoch.
    const third = await tempDir(t);
    await sameSimulator(data, third);
    const again = await member(t, data, ['--tls', '127.0.0.1:0']);
    const newcomer = await member(t, third, ['--join', again.tlsUrl]);
    const seen = await until(async () => { const response = await at(newcomer); return response.ok && response.json(); }, { timeoutMs: 30_000, what: 'the record' });
    assert.equal(seen.secret, 'shared');
  });
});
