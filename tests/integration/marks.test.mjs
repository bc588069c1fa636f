// What a worker knows of storage outlives its restart and goes to those that join it: a database that went back
// meanwhile is refused, with the reason.
import assert from 'node:assert/strict';
import { cp, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import https from 'node:https';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Owner } from './lib/owner.mjs';
import { postgresBin, startPostgres } from './lib/postgres.mjs';
import { program, runTool, tempDir, until } from './lib/proc.mjs';
import { putSecrets } from './lib/secrets.mjs';
import { sameSimulator, startMember, startWorker } from './lib/worker.mjs';

const counter = `export default { fetch(request, env) {
  env.DB.exec('CREATE TABLE IF NOT EXISTS hits(n INTEGER)');
  env.DB.prepare('INSERT INTO hits VALUES(1)').run();
  return Response.json(env.DB.prepare('SELECT count(*) AS n FROM hits').first('n'));
} };`;
const reader = 'export default { fetch(request, env) { return Response.json(env.API_KEY ?? null); } };';
const limits = { state: { maxMiB: 4 } };
const rolledBack = /storage shows an older commit than the newest one: it was rolled back/;
const tls = ['--tls', '127.0.0.1:0'];

const at = (worker, id) => fetch(`${worker.url}/p/${id}/`);
const count = async (worker, id) => (await at(worker, id)).json();
const marksOf = (dir) => join(dir, 'keyd.state.marks');

/** Calls until the worker itself has tried to open the state, and yields the refusal. */
const refusal = (worker, id) => until(async () => {
  const response = await fetch(`${worker.url}/p/${id}/`, { redirect: 'manual' });
  return response.status === 503 && rolledBack.test(worker.output()) && (await response.json()).error.code;
}, { what: 'the refusal' });

/** Copies; files of pages have holes. */
async function copy(from, to) {
  const got = await runTool('cp', ['-a', '--sparse=always', ...from, to]);
  assert.equal(got.code, 0, got.stderr);
}

/** Phalad that must not start: what it logged. */
async function refusedToStart(data, ...args) {
  const got = await runTool(program('phalad'), ['--data', data, '--listen', '127.0.0.1:0', '--tee', 'simulator', '--open',
    '--keyd', program('phala-keyd'), '--run', program('phala-run'), ...args]);
  assert.notEqual(got.code, 0, 'it came up');
  return got.stdout + got.stderr;
}

describe('what a worker knows of storage', () => {
  test('is kept over restarts: older files of a state are refused, and newer ones that go on are not', async (t) => {
    const data = await tempDir(t);
    const kept = await tempDir(t);
    let worker = await startWorker(t, { data });
    const { id } = await worker.phat('counter', counter, limits);
    assert.equal(await count(worker, id), 1);
    await worker.stop();
    await copy(['state-log', 'state-pages', 'keyd.state.marks'].map((name) => join(data, name)), kept);
    worker = await startWorker(t, { data });
    for (const n of [2, 3]) assert.equal(await count(worker, id), n);
    await worker.stop();
    const exchange = async (...names) => {
      for (const name of names) {
        const [here, there] = [join(data, name), join(kept, name)];
        await rename(here, `${here}.kept`);
        await rename(there, here);
        await rename(`${here}.kept`, there);
      }
    };
    await exchange('state-log', 'state-pages');
    worker = await startWorker(t, { data });
    assert.equal(await refusal(worker, id), 'state-unusable');
    await worker.stop();

    // The files that were written last open, also to a worker that knows only an older commit.
    await exchange('state-log', 'state-pages', 'keyd.state.marks');
    worker = await startWorker(t, { data });
    assert.equal(await count(worker, id), 4);
  });

  test('cannot be taken from it: without the file, with one of before or of another worker it does not start', async (t) => {
    const data = await tempDir(t);
    const kept = await tempDir(t);
    const owner = new Owner();
    let worker = await startWorker(t, { data });
    const { id } = await worker.phat('counter', counter, limits, owner);
    await worker.phat('reader', reader, {}, owner);
    assert.equal(await count(worker, id), 1);
    await worker.stop();
    await cp(marksOf(data), join(kept, 'old'));
    worker = await startWorker(t, { data });
    assert.equal(await count(worker, id), 2);
    await worker.stop();
    worker = await startWorker(t, { data });
    assert.equal((await putSecrets(worker, owner, 'reader', { API_KEY: 'x' })).status, 200); // the state file names the newest
    await worker.stop();
    await cp(marksOf(data), join(kept, 'new'));

    await rm(marksOf(data));
    assert.match(await refusedToStart(data), /keyd\.state\.marks: it is gone: without it storage could be rolled back unseen/);
    await cp(join(kept, 'old'), marksOf(data));
    assert.match(await refusedToStart(data), /it is of generation \d+, but the state file knows \d+: it was rolled back/);
    const other = await startWorker(t, {});
    await (await other.phat('counter', counter, limits))();
    await other.stop();
    await cp(marksOf(other.dir), marksOf(data));
    assert.match(await refusedToStart(data), /sealed with another key, or altered/);
    await cp(join(kept, 'new'), marksOf(data));
    worker = await startWorker(t, { data });
    assert.equal(await count(worker, id), 3);
  });

  test('is told to workers of the cluster only', async (t) => {
    const worker = await startWorker(t, { args: tls });
    const dir = await tempDir(t);
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
    await runTool('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '1', '-subj', '/CN=stranger']);
    const own = { key: await readFile(key), cert: await readFile(cert) };
    const post = (body, options) => new Promise((resolve, reject) => {
      const request = https.request(`${worker.tlsUrl}/v1/cluster/marks`, { method: 'POST', rejectUnauthorized: false, agent: false, ...options }, async (response) => {
        const parts = [];
        for await (const part of response) parts.push(part);
        resolve({ status: response.statusCode, code: JSON.parse(Buffer.concat(parts)).error.code });
      });
      request.on('error', reject);
      request.end(body);
    });
    assert.deepEqual(await post(Buffer.alloc(60)), { status: 403, code: 'tls-needed' });
    const mutual = { ...own, ALPNProtocols: ['phala-ratls/1'] };
    for (const length of [0, 1, 59, 60, 61, 81]) assert.deepEqual(await post(Buffer.alloc(length, 7), mutual), { status: 403, code: 'marks-refused' }, `${length}`);
    assert.deepEqual(await post(Buffer.alloc(82), mutual), { status: 413, code: 'request-too-large' });
  });
});

describe('what workers of a cluster know of a database', { skip: postgresBin() ? false : 'PostgreSQL is not installed' }, () => {
  let server;
  before(async () => { server = await startPostgres(); });
  after(async () => { await server?.stop(); });

  const tables = ['phala_commits', 'phala_pages', 'phala_tips'];
  /** All of a phat's rows as they are now; `putBack()` makes them so again. */
  function keep(id, name) {
    const where = `WHERE phat = '\\x${id}'`;
    for (const table of tables) server.query(`CREATE TABLE kept_${name}_${table} AS SELECT * FROM ${table} ${where}`);
    return { putBack() { for (const table of tables) server.query(`BEGIN; DELETE FROM ${table} ${where}; INSERT INTO ${table} SELECT * FROM kept_${name}_${table}; COMMIT`); } };
  }
  async function joined(t, first) {
    const data = await tempDir(t);
    await sameSimulator(first.dir, data);
    return startMember(t, server.url, data, ['--join', first.tlsUrl, ...tls]);
  }
  const known = (worker, id) => until(async () => (await fetch(`${worker.url}/v1/phats/${id}`)).ok, { what: 'the record' });

  test('goes with the keys: who joins refuses a state that was rolled back before, and takes the newest', async (t) => {
    const a = await startMember(t, server.url, await tempDir(t), tls);
    const { id } = await a.phat('counter', counter, limits);
    for (let n = 1; n <= 10; n++) assert.equal(await count(a, id), n);
    const old = keep(id, 'old');
    for (let n = 11; n <= 20; n++) assert.equal(await count(a, id), n);
    const now = keep(id, 'now');
    old.putBack();
    const b = await joined(t, a);
    await known(b, id);
    process.kill(a.pid, 'SIGKILL');
    await a.exited;
    assert.equal(await refusal(b, id), 'state-unusable');
    now.putBack();
    assert.equal(await until(async () => { const r = await at(b, id); return r.ok && r.json(); }, { what: 'the newest state' }), 21);
  });

  test('is refused to be forgotten when all of them restart over a database that was rolled back', async (t) => {
    const [dirA, dirB] = [await tempDir(t), await tempDir(t)];
    let a = await startMember(t, server.url, dirA, tls);
    const { id } = await a.phat('counter', counter, limits);
    assert.equal(await count(a, id), 1);
    const old = keep(id, 'first');
    for (let n = 2; n <= 5; n++) assert.equal(await count(a, id), n);
    const now = keep(id, 'fifth');
    await sameSimulator(dirA, dirB);
    let b = await startMember(t, server.url, dirB, ['--join', a.tlsUrl]);
    await a.stop();
    await b.stop();
    old.putBack();
    b = await startMember(t, server.url, dirB, ['--join', a.tlsUrl]); // nobody is there to be asked
    assert.equal(await refusal(b, id), 'state-unusable');
    await b.stop();
    await rm(join(dirA, 'state-pages'), { recursive: true }); // they are at the newest commit, and say so themselves
    a = await startMember(t, server.url, dirA, tls);
    assert.equal(await refusal(a, id), 'state-unusable');
    now.putBack();
    assert.equal(await until(async () => { const r = await at(a, id); return r.ok && r.json(); }, { what: 'the newest state' }), 6);
  });

  test('is asked for again: a worker that was put back whole learns from one that was not', async (t) => {
    const [dirA, dirB, kept] = [await tempDir(t), await tempDir(t), await tempDir(t)];
    const a = await startMember(t, server.url, dirA, tls);
    const { id } = await a.phat('counter', counter, limits);
    assert.equal(await count(a, id), 1);
    const old = keep(id, 'whole');
    await sameSimulator(dirA, dirB);
    let b = await startMember(t, server.url, dirB, ['--join', a.tlsUrl]);
    await b.stop();
    await copy([`${dirB}/.`], kept);
    for (let n = 2; n <= 5; n++) assert.equal(await count(a, id), n);
    // The operator puts back disk and database of then; what the other worker has in memory he cannot.
    old.putBack();
    for (const name of await readdir(dirB)) await rm(join(dirB, name), { recursive: true });
    await copy([`${kept}/.`], dirB);
    b = await startMember(t, server.url, dirB, ['--join', a.tlsUrl]);
    await known(b, id);
    process.kill(a.pid, 'SIGKILL');
    await a.exited;
    assert.equal(await refusal(b, id), 'state-unusable');
  });

  test('is on disk some seconds later: a worker that is killed does not take an empty database after it', async (t) => {
    const data = await tempDir(t);
    let a = await startMember(t, server.url, data);
    const { id } = await a.phat('counter', counter, limits);
    for (let n = 1; n <= 3; n++) assert.equal(await count(a, id), n);
    await until(() => stat(marksOf(data)), { timeoutMs: 30_000, what: 'the file' });
    process.kill(a.pid, 'SIGKILL');
    await a.exited;
    for (const table of tables) server.query(`DELETE FROM ${table} WHERE phat = '\\x${id}'`);
    a = await startMember(t, server.url, data);
    assert.equal(await refusal(a, id), 'state-unusable');
  });

  test('has the newest secrets in it: who joins releases no older ones', async (t) => {
    const a = await startMember(t, server.url, await tempDir(t), tls);
    const owner = new Owner();
    const { id } = await a.phat('reader', reader, {}, owner);
    assert.equal((await putSecrets(a, owner, 'reader', { API_KEY: 'old' })).status, 200);
    const row = server.query(`SELECT sequence, encode(record, 'hex') FROM phala_phats WHERE phat = '\\x${id}' AND kind = 1`).trim().split('|');
    assert.equal(row.length, 2, row.join());
    assert.equal((await putSecrets(a, owner, 'reader', { API_KEY: 'new' })).status, 200);
    assert.equal(await count(a, id), 'new');
    server.query(`UPDATE phala_phats SET sequence = ${row[0]}, record = '\\x${row[1]}' WHERE phat = '\\x${id}' AND kind = 1`);
    const b = await joined(t, a);
    await until(async () => {
      const response = await at(b, id);
      return !response.ok && /storage shows the set of sequence \d+, but that of sequence \d+ is known: it was rolled back/.test(b.output());
    }, { what: 'the refusal' });
  });
});
