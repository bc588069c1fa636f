// A cluster under faults: three workers, each in a network namespace of its own, clients that append to a list and
// read it, and holders that are paused, killed and cut off. Afterwards a checker holds what every call saw against
// the one order of writes. PHALA_CLUSTER_SEED repeats a run, PHALA_CLUSTER_ROUNDS makes it longer.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { script } from './lib/bundle.mjs';
import { Owner } from './lib/owner.mjs';
import { postgresBin, startPostgres } from './lib/postgres.mjs';
import { atEnd, program, sleep, startDaemon, tempDir, until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const ip = (...args) => spawnSync('ip', args, { encoding: 'utf8' });
const must = (...args) => {
  const out = ip(...args);
  if (out.status !== 0) throw new Error(`ip ${args.join(' ')}: ${out.stderr}`);
};
// Namespaces need root and a kernel that allows them.
function reasonToSkip() {
  if (!postgresBin()) return 'PostgreSQL is not installed';
  if (process.getuid() !== 0) return 'network namespaces need root';
  const name = `ph-${process.pid}-probe`;
  const link = ip('netns', 'add', name).status === 0 && ip('link', 'add', `pp${process.pid}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  ip('netns', 'del', name);
  return link && link.status === 0 ? false : 'no network namespaces here';
}
// mulberry32: the same faults for the same seed.
function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const list = `export default { fetch(request, env) {
  const url = new URL(request.url);
  env.DB.exec('CREATE TABLE IF NOT EXISTS list(at INTEGER PRIMARY KEY AUTOINCREMENT, v INTEGER)');
  if (url.pathname === '/append') {
    env.DB.prepare('INSERT INTO list(v) VALUES(?)').bind(Number(url.searchParams.get('v'))).run();
    return Response.json(env.DB.prepare('SELECT count(*) AS n FROM list').first('n'));
  }
  return Response.json(env.DB.prepare('SELECT v FROM list ORDER BY at').raw().map(([v]) => v));
} };`;

/** Throws unless `calls` can have happened one after another, each between its begin and end, and left `final`. */
function check(calls, final) {
  const place = new Map(final.map((v, i) => [v, i]));
  assert.equal(place.size, final.length, 'a value is there twice');
  const appends = calls.filter((c) => c.kind === 'append');
  const began = new Map(appends.map((c) => [c.v, c.begin]));
  for (const v of final) assert.ok(began.has(v), `${v} was never written`);
  // What each call proves about the length of the list: at least `low` when it ended, at most `high` when it began.
  const facts = [];
  for (const c of calls.filter(({ ok }) => ok)) {
    if (c.kind === 'append') {
      assert.ok(place.has(c.v), `acknowledged ${c.v} is lost`);
      assert.equal(place.get(c.v) + 1, c.got, `${c.v} was acknowledged at another place`);
      facts.push({ ...c, low: c.got, high: c.got - 1 });
    } else {
      assert.deepEqual(c.got, final.slice(0, c.got.length), 'a read is no beginning of the list');
      for (const v of c.got) assert.ok(began.get(v) <= c.end, `${v} was read before it was written`);
      facts.push({ ...c, low: c.got.length, high: c.got.length });
    }
  }
  facts.sort((a, b) => a.end - b.end);
  const byBegin = [...facts].sort((a, b) => a.begin - b.begin);
  let low = 0;
  let i = 0;
  for (const c of byBegin) {
    for (; i < facts.length && facts[i].end < c.begin; i++) low = Math.max(low, facts[i].low);
    assert.ok(c.high >= low, `${c.kind} ${c.v ?? ''} saw ${c.high} of ${low} values that were there before it began: stale`);
  }
}

test('the checker finds what is lost, doubled, out of order and stale', () => {
  const append = (v, begin, end, got, ok = true) => ({ kind: 'append', v, begin, end, got, ok });
  const read = (begin, end, got) => ({ kind: 'read', begin, end, got, ok: true });
  check([append(1, 0, 1, 1), append(2, 1.5, 9, undefined, false), append(3, 2, 3, 2), read(4, 5, [1, 3])], [1, 3, 2]);
  assert.throws(() => check([append(1, 0, 1, 1)], []), /lost/);
  assert.throws(() => check([append(1, 0, 1, 1)], [1, 1]), /twice/);
  assert.throws(() => check([append(1, 0, 1, 1), append(2, 2, 3, 2)], [2, 1]), /another place/);
  assert.throws(() => check([append(1, 0, 1, 2), append(2, 2, 3, 1)], [2, 1]), /stale/);
  assert.throws(() => check([append(1, 0, 1, 1), read(2, 3, [])], [1]), /stale/);
  assert.throws(() => check([append(1, 0, 9, 1), read(1, 2, [1]), read(3, 4, [])], [1]), /stale/);
  assert.throws(() => check([append(1, 5, 6, 1), read(1, 2, [1])], [1]), /before it was written/);
  assert.throws(() => check([append(1, 0, 1, 1)], [1, 7]), /never written/);
});

test('every acknowledged write is there once and no read is stale, whatever happens to holders', { skip: reasonToSkip() }, async (t) => {
  const seed = Number(process.env.PHALA_CLUSTER_SEED ?? Math.floor(Math.random() * 2 ** 31));
  const rounds = Number(process.env.PHALA_CLUSTER_ROUNDS ?? 1);
  const rand = random(seed);
  t.diagnostic(`PHALA_CLUSTER_SEED=${seed} PHALA_CLUSTER_ROUNDS=${rounds}`);

  const net = `10.${64 + (process.pid % 64)}.${(process.pid >> 6) % 256}`;
  const database = `${net}.1`;
  must('address', 'add', `${database}/32`, 'dev', 'lo');
  atEnd(t, () => ip('address', 'del', `${database}/32`, 'dev', 'lo'));
  const server = await startPostgres({ listen_addresses: '*' });
  atEnd(t, () => server.stop());
  await appendFile(join(server.folder, 'data/pg_hba.conf'), `host all all ${net}.0/24 trust\n`);
  server.query('SELECT pg_reload_conf()');
  const storage = server.url.replace('127.0.0.1', database);

  // A worker whose network is its own: the host is .4n+1 for it, the database another address behind that.
  const keys = await startWorker(t, {});
  await keys.stop();
  async function member(n) {
    const at = { name: `ph-${process.pid}-${n}`, link: `ph${process.pid}-${n}`, host: `${net}.${16 + 4 * n + 1}`, address: `${net}.${16 + 4 * n + 2}` };
    must('netns', 'add', at.name);
    atEnd(t, () => ip('netns', 'del', at.name));
    must('link', 'add', at.link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', at.name);
    must('address', 'add', `${at.host}/30`, 'dev', at.link);
    must('link', 'set', at.link, 'up');
    for (const args of [['address', 'add', `${at.address}/30`, 'dev', 'eth0'], ['link', 'set', 'lo', 'up'], ['link', 'set', 'eth0', 'up'], ['route', 'add', 'default', 'via', at.host]]) must('-n', at.name, ...args);
    const data = await tempDir(t);
    for (const path of ['keyd.state', 'simulator']) await cp(join(keys.dir, path), join(data, path), { recursive: true });
    const url = `http://${at.address}:8080`;
    const worker = { ...at, url, data };
    worker.start = async () => {
      worker.daemon = await startDaemon(t, 'ip', ['netns', 'exec', at.name, program('phalad'), '--data', data, '--listen', `${at.address}:8080`, '--tee', 'simulator',
        '--open', '--keyd', program('phala-keyd'), '--run', program('phala-run'), '--state', storage, '--cluster-url', url]);
    };
    await worker.start();
    return worker;
  }
  const workers = [];
  for (let n = 0; n < 3; n++) workers.push(await member(n));

  const owner = new Owner();
  const info = await (await fetch(`${workers[0].url}/v1/info`)).json();
  const { response, id } = await owner.deploy({ url: workers[0].url, signer: info.signer, cluster: info.cluster }, 'list', { 'worker.js': script({ text: list }) }, { state: { maxMiB: 16 } });
  assert.ok(response.ok);
  for (const w of workers) await until(async () => (await fetch(`${w.url}/v1/phats/${id}`)).ok, { what: 'the phat on every worker' });

  const calls = [];
  let value = 0;
  let over = false;
  const anyone = () => workers[Math.floor(Math.random() * workers.length)];
  let writes = anyone; // whom to ask for a write; null: none now
  let reads = null; // who is asked for every second read
  const ask = (worker, path) => fetch(`${worker.url}/p/${id}${path}`, { signal: AbortSignal.timeout(3000), headers: { connection: 'close' } });
  async function client() {
    while (!over) {
      const writer = Math.random() < 0.5 ? writes() : null;
      const call = writer ? { kind: 'append', v: ++value } : { kind: 'read' };
      call.begin = performance.now();
      calls.push(call);
      try {
        const answer = await (writer ? ask(writer, `/append?v=${call.v}`) : ask(reads && Math.random() < 0.5 ? reads : anyone(), '/'));
        if (answer.ok) Object.assign(call, { got: await answer.json(), ok: true });
      } catch { /* it may have happened or not */ }
      call.end = performance.now();
      await sleep(call.ok ? 5 : 50);
    }
  }
  const clients = Array.from({ length: 4 }, client);
  const acknowledged = () => calls.filter(({ ok }) => ok).length;
  const goesOn = async (what) => {
    const before = acknowledged();
    await until(() => acknowledged() > before + 5, { timeoutMs: 20_000, what: `answers after ${what}` });
  };
  const holder = async () => {
    const url = await until(() => server.query(`SELECT url FROM phala_leases WHERE phat = '\\x${id}' AND renewed_at > clock_timestamp() - interval '1 second'`), { timeoutMs: 20_000, what: 'a holder' });
    return workers.find((w) => w.url === url);
  };
  // Calls are answered by another worker than this one, which cannot renew its lease.
  const otherHolder = (w, what) =>
    until(() => server.query(`SELECT count(*) FROM phala_leases WHERE phat = '\\x${id}' AND url <> '${w.url}' AND renewed_at > clock_timestamp() - interval '1 second'`) === '1',
      { timeoutMs: 20_000, what: `another holder after ${what}` });
  const takenOver = async (w, what) => {
    await otherHolder(w, what);
    await goesOn(what);
  };
  const faults = {
    async pause(w) {
      process.kill(w.daemon.pid, 'SIGSTOP');
      await takenOver(w, 'a pause');
      process.kill(w.daemon.pid, 'SIGCONT');
    },
    async kill(w) {
      process.kill(w.daemon.pid, 'SIGKILL');
      await w.daemon.exited;
      await takenOver(w, 'a death');
      await w.start();
    },
    async cutFromDatabase(w) {
      must('-n', w.name, 'route', 'add', 'blackhole', `${database}/32`);
      await takenOver(w, 'a cut from the database');
      must('-n', w.name, 'route', 'del', 'blackhole', `${database}/32`);
    },
    // Nothing is written to it any more, so nothing but its lease keeps it from answering from memory.
    async cutFromDatabaseWhileReading(w) {
      writes = () => null;
      await until(() => !calls.some(({ kind, end }) => kind === 'append' && end === undefined), { what: 'the last write' });
      must('-n', w.name, 'route', 'add', 'blackhole', `${database}/32`);
      reads = w;
      await otherHolder(w, 'a cut from the database');
      writes = () => workers.find((other) => other !== w);
      await goesOn('a cut from the database');
      must('-n', w.name, 'route', 'del', 'blackhole', `${database}/32`);
      writes = anyone;
      reads = null;
    },
    async cutFromAll(w) {
      must('link', 'set', w.link, 'down');
      await takenOver(w, 'a cut from everything');
      must('link', 'set', w.link, 'up');
    },
  };
  await goesOn('the start');
  for (let round = 0; round < rounds; round++) {
    const order = Object.keys(faults).map((name) => [rand(), name]).sort(([a], [b]) => a - b).map(([, name]) => name);
    for (const name of order) {
      await faults[name](await holder());
      await goesOn(`the end of ${name}`);
    }
  }
  over = true;
  await Promise.all(clients);
  for (const call of calls.filter(({ kind, ok }) => kind === 'append' && !ok)) call.end = Infinity;
  const final = await until(async () => { const r = await ask(anyone(), '/'); return r.ok && r.json(); }, { timeoutMs: 20_000, what: 'the list at the end' });
  t.diagnostic(`${acknowledged()} of ${calls.length} calls answered, ${final.length} values`);
  check(calls, final);
});
