// Several workers, one phat, over one PostgreSQL: records are shared, a state has one holder, and another worker
// takes over when the holder dies, stops or is cut off.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Owner } from './lib/owner.mjs';
import { postgresBin, startPostgres } from './lib/postgres.mjs';
import { tempDir, until } from './lib/proc.mjs';
import { putSecrets } from './lib/secrets.mjs';
import { copyKeys, startMember, startWorker } from './lib/worker.mjs';

const state = { state: { maxMiB: 16 } };
const counter = `export default { async fetch(request, env) {
  const url = new URL(request.url);
  env.DB.exec('CREATE TABLE IF NOT EXISTS hits(path TEXT PRIMARY KEY, n INTEGER)');
  if (url.pathname !== '/read') env.DB.prepare('INSERT INTO hits VALUES(?, 1) ON CONFLICT(path) DO UPDATE SET n = n + 1').bind(url.pathname).run();
  const { n } = env.DB.prepare('SELECT coalesce(sum(n), 0) AS n FROM hits').first();
  return Response.json({ n, body: await request.text() });
} };`;
const hello = (word) => `export default { fetch() { return new Response(${JSON.stringify(word)}); } };`;

describe('a cluster', { skip: postgresBin() ? false : 'PostgreSQL is not installed' }, () => {
  let server;
  before(async () => { server = await startPostgres(); });
  after(async () => { await server?.stop(); });

  // Workers with the same keys: those of the first.
  async function cluster(t, count) {
    const first = await startWorker(t, {});
    await first.stop();
    const workers = [];
    for (let i = 0; i < count; i++) {
      const data = await tempDir(t);
      await copyKeys(first.dir, data);
      workers.push(await member(t, data));
    }
    return workers;
  }
  const member = (t, data) => startMember(t, server.url, data);
  const at = (worker, id, path = '/', init) => fetch(`${worker.url}/p/${id}${path}`, init);
  const seen = (worker, id) => until(async () => (await fetch(`${worker.url}/v1/phats/${id}`)).ok, { what: 'the record' });

  test('runs what one worker took on all of them, also after a restart, and forgets what was deleted', async (t) => {
    const [a, b] = await cluster(t, 2);
    const owner = new Owner();
    const phat = await a.phat('hello', hello('one'), {}, owner);
    await seen(b, phat.id);
    assert.equal(await (await at(b, phat.id)).text(), 'one');
    await b.phat('hello', hello('two'), {}, owner);
    await until(async () => (await (await at(a, phat.id)).text()) === 'two', { what: 'the update' });
    await b.stop();
    const c = await member(t, b.dir);
    assert.equal(await (await at(c, phat.id)).text(), 'two');
    const authorization = await owner.authorization({ action: 'delete', name: 'hello', cluster: c.cluster, sequence: owner.nextSequence() });
    assert.equal((await fetch(`${c.url}/v1/phats/${phat.id}`, { method: 'DELETE', headers: { authorization } })).status, 200);
    await until(async () => (await at(a, phat.id)).status === 404, { what: 'the deletion' });
  });

  test('sends callers to the holder of a state, and takes it over when that one is killed', async (t) => {
    const [a, b] = await cluster(t, 2);
    const phat = await a.phat('counter', counter, state);
    await seen(b, phat.id);
    assert.equal((await (await at(a, phat.id, '/x')).json()).n, 1);
    const sent = await at(b, phat.id, '/x?y=1', { redirect: 'manual', method: 'POST', body: 'z' });
    assert.equal(sent.status, 307);
    assert.match(sent.headers.get('location'), new RegExp(`/p/${phat.id}/x\\?y=1$`));
    assert.deepEqual(await (await at(b, phat.id, '/x', { method: 'POST', body: 'kept' })).json(), { n: 2, body: 'kept' });
    process.kill(a.pid, 'SIGKILL');
    await a.exited;
    let n;
    await until(async () => { n = (await (await at(b, phat.id, '/x')).json()).n; return true; }, { what: 'the take-over' });
    assert.equal(n, 3);
  });

  test('takes a state over from a holder that is stopped, whose calls see nothing old when it wakes', async (t) => {
    const [a, b] = await cluster(t, 2);
    const phat = await a.phat('counter', counter, state);
    await seen(b, phat.id);
    assert.equal((await (await at(a, phat.id, '/x')).json()).n, 1);
    process.kill(a.pid, 'SIGSTOP');
    const held = Array.from({ length: 5 }, () => at(a, phat.id, '/read'));
    const follow = async () => {
      const response = await at(b, phat.id, '/x', { redirect: 'manual' });
      return response.status === 200 && (await response.json()).n;
    };
    assert.equal(await until(follow, { what: 'the take-over' }), 2);
    assert.equal(await follow(), 3);
    process.kill(a.pid, 'SIGCONT');
    for (const answer of held) {
      const response = await answer;
      if (response.ok) assert.equal((await response.json()).n, 3);
      else assert.match((await response.json()).error.code, /^state-(lost|unreachable)$/);
    }
    const n = await until(async () => { const r = await at(a, phat.id, '/x'); return r.ok && (await r.json()).n; }, { what: 'the call through the old holder' });
    assert.ok(n >= 4, `${n}`);
  });

  test('gets what a worker had before it came into it, and not what was changed there since', async (t) => {
    const data = await tempDir(t);
    const alone = await startWorker(t, { data });
    const owner = new Owner();
    const echo = 'export default { fetch(r, env) { return Response.json(env.API_KEY ?? null); } };';
    const [kept, gone] = [await alone.phat('kept', echo, {}, owner), await alone.phat('gone', echo, {}, owner)];
    assert.equal((await putSecrets(alone, owner, 'kept', { API_KEY: 'of before' })).status, 200);
    const changed = await alone.phat('changed', hello('old'), {}, owner);
    await alone.stop();
    const copy = async () => {
      const to = await tempDir(t);
      await copyKeys(data, to);
      return to;
    };
    const other = await member(t, await copy());
    await other.phat('changed', hello('new'), {}, owner);
    const deploying = await other.phat('gone', echo, {}, owner);
    const deletion = await owner.authorization({ action: 'delete', name: 'gone', cluster: other.cluster, sequence: owner.nextSequence() });
    assert.equal((await fetch(`${other.url}/v1/phats/${deploying.id}`, { method: 'DELETE', headers: { authorization: deletion } })).status, 200);
    const joined = await member(t, data);
    await until(async () => (await (await at(other, kept.id)).json()) === 'of before', { what: 'what it had before' });
    await until(async () => (await (await at(joined, changed.id)).text()) === 'new', { what: 'the change' });
    await until(async () => (await at(joined, gone.id)).status === 404, { what: 'the deletion' });
    assert.equal(await (await at(other, changed.id)).text(), 'new');
    // Who comes later finds it in the database, and it is put there once.
    const later = await member(t, await copy());
    await until(async () => (await (await at(later, kept.id)).json()) === 'of before', { what: 'the record' });
    const changes = server.query('SELECT n FROM phala_changes');
    await joined.stop();
    const again = await member(t, data);
    await until(async () => (await (await at(again, kept.id)).json()) === 'of before', { what: 'a restart' });
    await again.stop();
    assert.equal(server.query('SELECT n FROM phala_changes'), changes);
  });

  test('refuses records that are not the owner\'s, and holders that are not of the cluster', async (t) => {
    const [a, b] = await cluster(t, 2);
    const owner = new Owner();
    const phat = await a.phat('hello', hello('one'), {}, owner);
    await seen(b, phat.id);
    const old = server.query(`SELECT encode(record, 'hex') FROM phala_phats WHERE phat = '\\x${phat.id}'`);
    await a.phat('hello', hello('two'), {}, owner);
    await until(async () => (await (await at(b, phat.id)).text()) === 'two', { what: 'the update' });
    const change = (record, sequence) => server.query(`WITH c AS (UPDATE phala_changes SET n = n + 1 RETURNING n)
      UPDATE phala_phats SET record = '\\x${record}', sequence = ${sequence}, change = (SELECT n FROM c) WHERE phat = '\\x${phat.id}'`);
    change(old, owner.sequence + 10n);
    await until(() => /rolled back/.test(b.output()), { what: 'the refusal of an old record' });
    change(old.slice(0, -2) + (old.endsWith('00') ? '01' : '00'), owner.sequence + 11n);
    change(`${old.slice(0, 60)}ff${old.slice(62)}`, owner.sequence + 12n);
    await until(() => /UNTRUSTED|MALFORMED|untrusted|malformed/.test(b.output()), { what: 'the refusal of a forged record' });
    assert.equal(await (await at(b, phat.id)).text(), 'two');

    const counted = await a.phat('counter', counter, state, owner);
    await seen(b, counted.id);
    assert.equal((await (await at(a, counted.id, '/x')).json()).n, 1);
    server.query(`UPDATE phala_leases SET url = 'http://example.org' WHERE phat = '\\x${counted.id}'`);
    const response = await at(b, counted.id, '/x', { redirect: 'manual' });
    assert.deepEqual([response.status, response.headers.get('location')], [503, null]);
  });

  test('releases no older secrets that the database brings back, also on a worker that lost its copies', async (t) => {
    const [a, b] = await cluster(t, 2);
    const owner = new Owner();
    const phat = await a.phat('reader', 'export default { fetch(r, env) { return Response.json(env.API_KEY ?? null); } };', {}, owner);
    const set = async (value) => assert.equal((await putSecrets(a, owner, 'reader', { API_KEY: value })).status, 200);
    const reads = (worker, value) => until(async () => { const r = await at(worker, phat.id); return r.ok && (await r.json()) === value; }, { what: value });
    const row = () => server.query(`SELECT encode(record, 'hex') FROM phala_phats WHERE phat = '\\x${phat.id}' AND kind = 1`);
    const bringBack = (record, sequence) => server.query(`WITH c AS (UPDATE phala_changes SET n = n + 1 RETURNING n)
      UPDATE phala_phats SET record = '\\x${record}', sequence = ${sequence}, change = (SELECT n FROM c) WHERE phat = '\\x${phat.id}' AND kind = 1`);
    await seen(b, phat.id);
    await set('first');
    const first = row();
    await set('second');
    const second = row();
    await reads(b, 'second');

    bringBack(first, owner.sequence + 10n);
    await until(() => [a, b].every((worker) => /older than what was seen: rolled back/.test(worker.output())), { what: 'the refusals' });
    for (const worker of [a, b]) assert.equal(await (await at(worker, phat.id)).json(), 'second');

    // A worker that has nothing but its sealed keys takes the row, and its phala-keyd refuses it.
    const fresh = async (record) => {
      bringBack(record, owner.sequence + 20n);
      const data = await tempDir(t);
      await copyKeys(b.dir, data);
      return member(t, data);
    };
    const refuses = async (worker) => {
      await until(async () => { await at(worker, phat.id); return /storage shows the set of sequence \d+, but that of sequence \d+ is known: it was rolled back/.test(worker.output()); }, { what: 'the refusal' });
      assert.equal((await (await at(worker, phat.id)).json()).error.code, 'start-failed');
      await worker.stop();
    };
    await b.stop();
    await refuses(await fresh(first));
    const head = 2 * (4 + 148 + 65 + 8); // the newest request, and the older set under it
    await refuses(await fresh(second.slice(0, head) + first.slice(head)));
    await reads(await fresh(second), 'second');
  });
});
