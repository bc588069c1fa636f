// A cluster under faults: three workers that joined by evidence, each in a network namespace of its own with a disk and
// a clock of its own, and one PostgreSQL with a disk of its own. Clients append to a list and read it, while holders are
// paused, killed and cut off, disks are full or slow, and clocks are wrong. Afterwards a checker holds what every call
// saw against the one order of writes. Needs root.
//   PHALA_CLUSTER_SEED=n    repeats the faults of a run; a test prints its seed
//   PHALA_CLUSTER_ROUNDS=n  all faults n times, 30 to 60 s each; default 1
//   PHALA_CLUSTER_FAULTS=a,b  only these
import assert from 'node:assert/strict';
import { appendFile, chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { script } from './lib/bundle.mjs';
import { controlFaults, faultyKeyd, mountDisk, noFaults } from './lib/faults.mjs';
import { check, random } from './lib/history.mjs';
import { noNamespaces, startNetwork } from './lib/namespaces.mjs';
import { Owner } from './lib/owner.mjs';
import { postgresBin, startPostgres } from './lib/postgres.mjs';
import { atEnd, program, root, sleep, startDaemon, tempDir, until } from './lib/proc.mjs';
import { sameSimulator } from './lib/worker.mjs';

const reasonToSkip = () => (postgresBin() ? noNamespaces() || noFaults(join(root, 'tests')) : 'PostgreSQL is not installed');

// Appends to the list, and overwrites `kb` KiB of others: commits of a size.
const list = `export default { fetch(request, env) {
  const url = new URL(request.url);
  if (url.pathname === '/clock') return Response.json(Date.now());
  env.DB.exec('CREATE TABLE IF NOT EXISTS list(at INTEGER PRIMARY KEY AUTOINCREMENT, v INTEGER); CREATE TABLE IF NOT EXISTS fill(k INTEGER PRIMARY KEY, b BLOB)');
  if (url.pathname === '/append') {
    const v = Number(url.searchParams.get('v'));
    env.DB.prepare('INSERT INTO list(v) VALUES(?)').bind(v).run();
    env.DB.prepare('INSERT OR REPLACE INTO fill VALUES(?, zeroblob(?))').bind(v % 40, 1024 * Number(url.searchParams.get('kb'))).run();
    return Response.json(env.DB.prepare('SELECT count(*) AS n FROM list').first('n'));
  }
  return Response.json(env.DB.prepare('SELECT v FROM list ORDER BY at').raw().map(([v]) => v));
} };`;

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

const day = 86_400_000;

/** PostgreSQL on a disk of its own: {server, url, disk, faults}. */
async function startDatabase(t, network, seed) {
  const dir = await tempDir(t);
  await chmod(dir, 0o755);
  const data = join(dir, 'data');
  await mkdir(data);
  const disk = mountDisk(t, data, 1024);
  const faults = controlFaults(t, join(dir, 'faults'), { seed });
  const server = await startPostgres({ listen_addresses: '*', max_wal_size: '64MB', min_wal_size: '32MB' }, { data, env: faults.env });
  atEnd(t, () => server.stop());
  await appendFile(join(data, 'pg_hba.conf'), `host all all ${network.subnet} trust\n`);
  server.query('SELECT pg_reload_conf()');
  return { server, disk, faults, url: server.url.replace('127.0.0.1', network.address) };
}

/** Three workers: the first made the cluster's keys, the others joined it. */
async function startCluster(t, network, storage, rand) {
  const workers = [];
  async function member(n) {
    const at = network.member(n);
    const dir = await tempDir(t);
    const data = join(dir, 'data');
    await mkdir(data);
    const url = `http://${at.address}:8080`;
    const faults = controlFaults(t, join(dir, 'faults'), { seed: rand() * 2 ** 31, bootPpm: (rand() - 0.5) * 160_000 });
    const worker = { ...at, url, data, faults, disk: mountDisk(t, data, 128) };
    if (n > 0) await sameSimulator(workers[0].data, data);
    const [wrapper, ...before] = at.wrapper;
    const args = ['--data', data, '--listen', `${at.address}:8080`, '--tls', `${at.address}:8443`, '--tee', 'simulator', '--open', '--keyd', await faultyKeyd(dir, faults),
      '--run', program('phala-run'), '--state', storage, '--cluster-url', url, ...(n > 0 ? ['--join', `https://${workers[0].address}:8443`] : [])];
    worker.start = async () => { worker.daemon = await startDaemon(t, wrapper, [...before, program('phalad'), ...args], { env: faults.env }); };
    await worker.start();
    workers.push(worker);
  }
  for (let n = 0; n < 3; n++) await member(n);
  return workers;
}

test('every acknowledged write is there once and no read is stale, whatever happens to holders, disks and clocks', { skip: reasonToSkip() }, async (t) => {
  const seed = Number(process.env.PHALA_CLUSTER_SEED ?? Math.floor(Math.random() * 2 ** 31));
  const rounds = Number(process.env.PHALA_CLUSTER_ROUNDS ?? 1);
  const rand = random(seed);
  t.diagnostic(`PHALA_CLUSTER_SEED=${seed} PHALA_CLUSTER_ROUNDS=${rounds}`);

  const network = startNetwork(t);
  const database = await startDatabase(t, network, seed);
  const { server } = database;
  const workers = await startCluster(t, network, database.url, rand);

  const owner = new Owner();
  const info = await (await fetch(`${workers[0].url}/v1/info`)).json();
  const { response, id } = await owner.deploy({ url: workers[0].url, signer: info.signer, cluster: info.cluster }, 'list', { 'worker.js': script({ text: list }) }, { state: { maxMiB: 32 } });
  assert.ok(response.ok);
  for (const w of workers) await until(async () => (await fetch(`${w.url}/v1/phats/${id}`)).ok, { what: 'the phat on every worker' });

  const calls = [];
  let value = 0;
  let over = false;
  atEnd(t, () => { over = true; });
  let kb = 1; // beside each append
  const anyone = () => workers[Math.floor(Math.random() * workers.length)];
  let writes = anyone; // whom to ask for a write; null: none now
  let reads = null; // who is asked for reads
  let redirect = 'follow'; // of writes
  const ask = async (worker, path, init) => {
    const late = new AbortController(); // not AbortSignal.timeout, which node 18 may collect before its time
    const timer = setTimeout(() => late.abort(), 3000);
    try {
      const answer = await fetch(`${worker.url}/p/${id}${path}`, { ...init, signal: late.signal, headers: { connection: 'close' } });
      return { ok: answer.ok, date: answer.headers.get('date'), got: answer.ok ? await answer.json() : null };
    } finally {
      clearTimeout(timer);
    }
  };
  async function client() {
    while (!over) {
      const writer = Math.random() < 0.5 ? writes() : null;
      const call = writer ? { kind: 'append', v: ++value } : { kind: 'read' };
      call.begin = performance.now();
      calls.push(call);
      try {
        const answer = await (writer ? ask(writer, `/append?v=${call.v}&kb=${kb}`, { redirect }) : ask(reads ?? anyone(), '/'));
        if (answer.ok) Object.assign(call, { got: answer.got, ok: true });
      } catch { /* it may have happened or not */ }
      call.end = performance.now();
      await sleep(call.ok ? 5 : 50);
    }
  }
  const clients = Array.from({ length: 4 }, client);
  const acknowledged = (kind) => calls.filter((call) => call.ok && (!kind || call.kind === kind)).length;
  const goesOn = async (what) => {
    const before = acknowledged();
    await until(() => acknowledged() > before + 5, { timeoutMs: 60_000, what: `answers after ${what}` });
  };
  const holderIs = (more) => server.query(`SELECT url FROM phala_leases WHERE phat = '\\x${id}' AND ${more}`);
  const holder = async () => {
    const url = await until(() => holderIs("renewed_at > clock_timestamp() - interval '3 seconds'"), { timeoutMs: 60_000, what: 'a holder' });
    return workers.find((w) => w.url === url);
  };
  // Another worker took the lease of this one, which cannot renew it.
  const otherHolder = (w, what) => until(() => holderIs(`url <> '${w.url}'`), { timeoutMs: 60_000, what: `another holder after ${what}` });
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
      w.cut(network.address);
      await takenOver(w, 'a cut from the database');
      w.mend(network.address);
    },
    // Nothing is written to it any more, so nothing but its lease keeps it from answering from memory. Others are asked to
    // write all the time: they do from when the lease is over.
    async cutFromDatabaseWhileReading(w) {
      writes = () => null;
      await until(() => !calls.some(({ kind, end }) => kind === 'append' && end === undefined), { what: 'the last write' });
      w.cut(network.address);
      reads = w;
      redirect = 'manual';
      writes = () => workers.find((other) => other !== w);
      await otherHolder(w, 'a cut from the database');
      await goesOn('a cut from the database');
      w.mend(network.address);
      redirect = 'follow';
      writes = anyone;
      reads = null;
    },
    async cutFromAll(w) {
      w.unplug();
      await takenOver(w, 'a cut from everything');
      w.plug();
    },
    // A lease that is renewed late, commits whose fate is open for long, and a take-over that waits for both.
    async slowDatabase() {
      database.faults.set({ syncMaxMs: 100 * 2 ** Math.floor(rand() * 5) });
      const before = database.faults.get('slowSyncs');
      await until(() => database.faults.get('slowSyncs') > before + 10, { timeoutMs: 60_000, what: 'slow syncs of the database' });
      database.faults.set({ syncMaxMs: 0 });
    },
    async fullDatabase() {
      kb = 256;
      const before = calls.length;
      database.disk.fill();
      await until(() => calls.slice(before).some((call) => call.kind === 'append' && call.end && !call.ok), { timeoutMs: 60_000, what: 'a write that fails' });
      kb = 1;
      await sleep(rand() * 500);
      database.disk.empty();
      if (!server.running) await server.start();
    },
    // The workers' own disks: another opens the state on a slow one, and the first begins again on one.
    async slowDisks(w) {
      const slowSyncs = () => workers.reduce((sum, { faults: f }) => sum + f.get('slowSyncs'), 0);
      const before = slowSyncs();
      const syncMaxMs = 50 * 2 ** Math.floor(rand() * 5);
      for (const { faults: f } of workers) f.set({ syncMaxMs });
      process.kill(w.daemon.pid, 'SIGKILL');
      await w.daemon.exited;
      await takenOver(w, 'a death with slow disks');
      await w.start();
      await until(() => slowSyncs() > before, { timeoutMs: 60_000, what: 'slow syncs' });
      await goesOn('slow syncs');
      for (const { faults: f } of workers) f.set({ syncMaxMs: 0 });
    },
    // A worker that cannot store receipts stops by itself, whenever it is started.
    async fullDisk(w) {
      w.disk.fill();
      await takenOver(w, 'a full disk');
      w.daemon.child.kill('SIGKILL');
      await w.daemon.exited;
      await w.start().catch(() => {});
      await goesOn('a start with a full disk');
      w.daemon.child.kill('SIGKILL');
      await w.daemon.exited;
      w.disk.empty();
      await w.start();
    },
  };
  // A month around the time: its answers, made by phalad, and the phat's own process show that it has taken effect.
  const wrongClocks = async () => {
    for (const w of workers) w.faults.set({ wallMs: (rand() - 0.5) * 60 * day });
    await until(async () => {
      const w = await holder();
      const answer = await ask(w, '/clock');
      if (!answer.ok) return false;
      for (const shown of [answer.got, Date.parse(answer.date)]) assert.ok(Math.abs(shown - Date.now() - w.faults.wallMs) < day / 24, 'the clock is not wrong');
      return true;
    }, { timeoutMs: 60_000, what: 'a wrong clock' });
  };
  const chosen = process.env.PHALA_CLUSTER_FAULTS?.split(',') ?? Object.keys(faults);
  await goesOn('the start');
  for (let round = 0; round < rounds; round++) {
    const order = chosen.map((name) => [rand(), name]).sort(([a], [b]) => a - b).map(([, name]) => name);
    for (const name of order) {
      await wrongClocks();
      await faults[name](await holder());
      await goesOn(`the end of ${name}`);
    }
  }
  over = true;
  await Promise.all(clients);
  for (const call of calls.filter(({ kind, ok }) => kind === 'append' && !ok)) call.end = Infinity;
  const final = await until(async () => { const r = await ask(anyone(), '/'); return r.ok && r.got; }, { timeoutMs: 60_000, what: 'the list at the end' });
  t.diagnostic(`${acknowledged()} of ${calls.length} calls answered, ${final.length} values`);
  check(calls, final);
  assert.ok(workers.some((w) => w.faults.get('boots') > 0), 'leases were not by a clock of the wrong speed');
});
