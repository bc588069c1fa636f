// How long a phat with state is away when the worker that has it dies or stops: from the signal to the first write that
// another worker answered. Three workers that joined, a PostgreSQL of its own. JSON lines; by hand.
//   node bench/takeover.mjs [TIMES]      default 9 of each
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, sleep } from './lib.mjs';
import { freePort, startPostgres } from '../tests/integration/lib/postgres.mjs';
import { sameSimulator, startWorker } from '../tests/integration/lib/worker.mjs';

const times = Number(process.argv[2] ?? 9);
const text = `export default { fetch(request, env) { env.KV.put('last', request.url); return new Response('ok'); } };`;
const server = await startPostgres();
const workers = [];
try {
  for (let n = 0; n < 3; n++) {
    const data = await mkdtemp(join(tmpdir(), 'phala-takeover-'));
    const port = await freePort();
    const w = { data, url: `http://127.0.0.1:${port}` };
    workers.push(w);
    if (n > 0) await sameSimulator(workers[0].data, data);
    const args = ['--listen', `127.0.0.1:${port}`, '--tls', '127.0.0.1:0', '--state', server.url, '--cluster-url', w.url, ...(n > 0 ? ['--join', workers[0].daemon.tlsUrl] : [])];
    w.start = async () => { w.daemon = await startWorker(null, { data, args }); };
    await w.start();
  }
  const { id } = await workers[0].daemon.phat('takeover', text, { state: { maxMiB: 16 } });
  const write = async (w) => {
    const answer = await fetch(`${w.url}/p/${id}/`, { redirect: 'manual', signal: AbortSignal.timeout(500) }).catch(() => null);
    return answer?.status === 200;
  };
  const holder = () => workers.find(({ url }) => url === server.query(`SELECT url FROM phala_leases WHERE phat = '\\x${id}'`));
  const someoneWrites = async (among) => {
    for (;;) {
      for (const w of among) if (await write(w)) return;
      await sleep(5);
    }
  };
  for (const signal of ['SIGKILL', 'SIGSTOP']) {
    const took = [];
    for (let i = 0; i < times; i++) {
      await someoneWrites(workers);
      const old = holder();
      await sleep(Math.random() * 400); // anywhere between two renewals
      const from = performance.now();
      process.kill(old.daemon.pid, signal);
      await someoneWrites(workers.filter((w) => w !== old));
      took.push(performance.now() - from);
      if (signal === 'SIGKILL') await old.start();
      else process.kill(old.daemon.pid, 'SIGCONT');
    }
    console.log(JSON.stringify({ name: `take-over after ${signal}`, times, median_ms: Math.round(median(took)), worst_ms: Math.round(Math.max(...took)) }));
  }
} finally {
  for (const { daemon, data } of workers) {
    await daemon?.stop();
    await rm(data, { recursive: true, force: true });
  }
  await server.stop();
}
