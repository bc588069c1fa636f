// State inside a real worker: reads in a phat, and writers that come at the same time. JSON lines; by hand.
//   node bench/state.mjs [--state URL]
// `cpu` counts processor time of all the worker's processes, `wall` what a clock on the wall saw.
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { processTree, root, wrk } from './lib.mjs';
import { startWorker } from '../tests/integration/lib/worker.mjs';

const at = process.argv.indexOf('--state');
const worker = await startWorker(null, { args: at > 0 ? ['--state', process.argv[at + 1]] : [] });
const reads = 50_000;
const seconds = 5;
const text = `const value = 'v'.repeat(1000);
export default { fetch(request, env) {
  const { pathname } = new URL(request.url);
  if (pathname === '/fill') {
    for (let i = 0; i < 1000; i++) env.KV.put('k' + i, value);
    env.DB.exec('CREATE TABLE IF NOT EXISTS t(k INTEGER PRIMARY KEY, v TEXT)');
    for (let i = 0; i < 1000; i++) env.DB.prepare('INSERT INTO t VALUES(?, ?)').bind(i, value).run();
  } else if (pathname === '/kv') for (let i = 0; i < ${reads}; i++) env.KV.get('k' + i % 1000);
  else if (pathname === '/db') {
    const one = env.DB.prepare('SELECT v FROM t WHERE k = ?');
    for (let i = 0; i < ${reads}; i++) one.bind(i % 1000).first('v');
  } else env.KV.put(pathname, value);
  return new Response('ok'); } };`;
const phat = await worker.phat('state', text, { state: { maxMiB: 256 }, limits: { cpuMs: 20000 } });
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const call = (path) => new Promise((resolve, reject) => {
  http.get(`${worker.url}/p/${phat.id}${path}`, { agent }, (answer) => {
    if (answer.statusCode !== 200) reject(new Error(`${path}: ${answer.statusCode}`));
    answer.resume().on('end', resolve);
  }).on('error', reject);
});
async function cpuSeconds() {
  let ticks = 0;
  for (const { pid } of await processTree(worker.pid)) {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/.*\) /s, '').split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / 100;
}
async function measure(name, work) {
  const [cpu, wall] = [await cpuSeconds(), process.hrtime.bigint()];
  const times = await work();
  const perSecond = (seconds) => Math.round(times / seconds);
  console.log(JSON.stringify({ name, per_s_cpu: perSecond(await cpuSeconds() - cpu), per_s_wall: perSecond(Number(process.hrtime.bigint() - wall) / 1e9) }));
}

await call('/fill');
for (const name of ['kv', 'db']) {
  await call(`/${name}`);
  await measure(`${name}, reads of 1 KB in a phat`, async () => {
    for (let i = 0; i < 6; i++) await call(`/${name}`);
    return 6 * reads;
  });
}
for (const writers of [1, 100]) {
  await measure(`durable writes, ${writers} at a time`, async () => {
    const script = join(root, 'bench/workloads/put.lua');
    const { rps } = await wrk(`${worker.url}/p/${phat.id}`, { connections: writers, seconds, script });
    return rps * seconds;
  });
}
agent.destroy();
await worker.stop();
