// Parts of the benchmarks: servers to compare, load, statistics.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { script } from '../tests/integration/lib/bundle.mjs';
import { Owner } from '../tests/integration/lib/owner.mjs';
import { program, root, runTool, sleep } from '../tests/integration/lib/proc.mjs';
import { startWorker } from '../tests/integration/lib/worker.mjs';

export const serverCore = '0';
export const loadCore = '1';

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const mid = sorted.length >> 1;
  return sorted.length % 2 ? sorted[mid] : (sorted[mid - 1] + sorted[mid]) / 2;
};
export const percentile = (values, p) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor((p / 100) * values.length))];

const moduleOf = (file) => buildSync({
  entryPoints: [file], bundle: true, write: false, format: 'esm', platform: 'neutral', target: 'es2022', mainFields: ['module', 'main'],
  conditions: ['worker', 'browser'], absWorkingDir: root,
}).outputFiles[0].text;

/** This worker, pinned, with files deployed. */
export async function startPhala({ args = [], data } = {}) {
  const owner = new Owner();
  const worker = await startWorker(null, { wrapper: ['taskset', '-c', serverCore], args, data });
  const deploy = async (file, { name = file.replace(/.*\/|\.js$/g, ''), manifest = {} } = {}) => {
    const { response, body, id } = await owner.deploy(worker, name, { 'worker.js': script({ file }) }, manifest);
    if (!response.ok) throw new Error(`deploy ${name}: ${response.status} ${JSON.stringify(body)}`);
    return { id, url: `${worker.url}/p/${id}`, tlsUrl: worker.tlsUrl && `${worker.tlsUrl}/p/${id}` };
  };
  return { ...worker, owner, deploy };
}

/** The same file on workerd (npm @cloudflare/workerd-linux-64), pinned, plain and TLS. */
export async function startWorkerd(file) {
  const dir = await mkdtemp(join(tmpdir(), 'phala-bench-workerd-'));
  await writeFile(join(dir, 'worker.js'), moduleOf(file));
  const made = await runTool('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30',
    '-subj', '/CN=localhost', '-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')]);
  if (made.code !== 0) throw new Error(made.stderr);
  await writeFile(join(dir, 'config.capnp'), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main)],
  sockets = [
    (name = "http", address = "127.0.0.1:0", http = (), service = "main"),
    (name = "https", address = "127.0.0.1:0", service = "main",
     https = (options = (), tlsOptions = (keypair = (privateKey = embed "key.pem", certificateChain = embed "cert.pem")))),
  ],
);
const main :Workerd.Worker = (modules = [(name = "worker.js", esModule = embed "worker.js")], compatibilityDate = "2025-01-01");
`);
  const child = spawn('taskset', ['-c', serverCore, join(root, 'node_modules/@cloudflare/workerd-linux-64/bin/workerd'), 'serve', '--control-fd=3', join(dir, 'config.capnp')],
    { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
  const exited = new Promise((resolve) => child.on('exit', resolve));
  const ports = await new Promise((resolve, reject) => {
    let text = '';
    exited.then(() => reject(new Error('workerd ended before it listened')));
    child.stdio[3].setEncoding('utf8').on('data', (data) => {
      text += data;
      const found = Object.fromEntries(text.split('\n').filter(Boolean).map((line) => { try { return JSON.parse(line); } catch { return {}; } })
        .filter(({ event }) => event === 'listen').map(({ socket, port }) => [socket, port]));
      if (found.http && found.https) resolve(found);
    });
  });
  const stop = async () => { child.kill('SIGKILL'); await exited; };
  return { url: `http://127.0.0.1:${ports.http}`, tlsUrl: `https://127.0.0.1:${ports.https}`, stop, pid: child.pid };
}

/** One run of wrk: {rps, p50, p99} with times in milliseconds. Throws on answers that are not 2xx. */
export async function wrk(url, { seconds = 8, connections = 64, script } = {}) {
  const { code, stdout, stderr } = await runTool('taskset', ['-c', loadCore, 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', ...(script ? ['-s', script] : []), url], { timeoutMs: (seconds + 30) * 1000 });
  if (code !== 0) throw new Error(`wrk: ${stderr || stdout}`);
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(stdout);
  if (bad) throw new Error(`${bad[1]} answers of ${url} were not 2xx`);
  const ms = (text) => { const [, n, unit] = /([\d.]+)(us|ms|s|m)\b/.exec(text); return Number(n) * { us: 1e-3, ms: 1, s: 1e3, m: 6e4 }[unit]; };
  return { rps: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]), p50: ms(/^\s+50%\s+(\S+)$/m.exec(stdout)[1]), p99: ms(/^\s+99%\s+(\S+)$/m.exec(stdout)[1]) };
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
/** One request; milliseconds to the first byte and to the end. */
export function timed(url, { headers, method = 'GET' } = {}) {
  return new Promise((resolve, reject) => {
    const from = process.hrtime.bigint();
    const since = () => Number(process.hrtime.bigint() - from) / 1e6;
    const request = http.request(url, { agent, headers, method }, (response) => {
      const first = since();
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, first, ms: since(), body: Buffer.concat(chunks).toString() }));
    });
    request.on('error', reject);
    request.end();
  });
}

/** Process ids of a process and all below it. */
export async function processTree(top) {
  const parents = new Map();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    const fields = /^\d+ \((.*)\) \S (\d+)/s.exec(stat);
    if (fields) parents.set(Number(entry), { parent: Number(fields[2]), name: fields[1] });
  }
  const found = [];
  const visit = (pid) => {
    found.push({ pid, name: parents.get(pid)?.name ?? '?' });
    for (const [child, { parent }] of parents) if (parent === pid) visit(child);
  };
  visit(top);
  return found;
}

/** Proportional set size in KiB. */
export async function pss(pid) {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
}

export { program, sleep, runTool, root };
