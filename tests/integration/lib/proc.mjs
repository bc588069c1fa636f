// Processes for tests: started on loopback with port 0, ended by id, never left behind.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** Path of a program of the build; PHALA_BUILD names another build directory. */
export const program = (name) => resolve(root, process.env.PHALA_BUILD ?? 'build', 'apps', name, name);

const endings = new WeakMap();

/**
 * Runs `end` when test `t` is over, the last one registered first: a daemon ends before its folder goes.
 * (Hooks given to `t.after` run the other way round, and one that fails keeps the rest from running.)
 */
export function atEnd(t, end) {
  if (!endings.has(t)) {
    endings.set(t, []);
    t.after(async () => {
      const failed = [];
      for (const one of endings.get(t).reverse()) await Promise.resolve().then(one).catch((error) => failed.push(error));
      endings.delete(t);
      if (failed.length > 0) throw new AggregateError(failed, failed.map(({ message }) => message).join('; '));
    });
  }
  endings.get(t).push(end);
}

/** A directory that is gone when the test is. */
export async function tempDir(t) {
  const dir = await mkdtemp(join(tmpdir(), 'phala-test-'));
  atEnd(t, () => rm(dir, { recursive: true, force: true }));
  return dir;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Process id of the child of `pid` that has this name. */
export async function childOf(pid, name) {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
  const names = await Promise.all(children.map((child) => readFile(`/proc/${child}/comm`, 'utf8')));
  const at = names.indexOf(`${name}\n`);
  if (at < 0) throw new Error(`${pid} has no child ${name}`);
  return Number(children[at]);
}

/** Waits until `probe` gives something true; what it threw last is the error when time runs out. */
export async function until(probe, { timeoutMs = 10_000, everyMs = 20, what = 'the condition' } = {}) {
  const deadline = Date.now() + timeoutMs;
  let last;
  for (;;) {
    try {
      const got = await probe();
      if (got) return got;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`${what} did not come true in ${timeoutMs} ms${last ? `: ${last.message}` : ''}`, { cause: last });
    await sleep(everyMs);
  }
}

/** Runs a program to its end. */
export function runTool(command, args, { input, env, cwd = root, timeoutMs = 60_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => { stdout += text; });
    child.stderr.setEncoding('utf8').on('data', (text) => { stderr += text; });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
  });
}

/**
 * Starts a daemon that takes `--ready-fd N` and writes one JSON line there when it serves.
 * `t` may be null (benchmarks): then the caller stops it.
 */
export async function startDaemon(t, command, args, { env, readyMs = 30_000, cwd = root } = {}) {
  const child = spawn(command, [...args, '--ready-fd', '3'], {
    cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe', 'pipe'], detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { output = (output + text).slice(-200_000); });
  const exited = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
  const group = (signal) => {
    try { process.kill(-child.pid, signal); } catch { /* the group is gone */ }
  };
  const stop = async ({ signal = 'SIGTERM', timeoutMs = 15_000 } = {}) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    let timer;
    const ended = await Promise.race([exited, new Promise((resolve) => { timer = setTimeout(resolve, timeoutMs, null); })]);
    clearTimeout(timer);
    group('SIGKILL');
    if (!ended) throw new Error(`${command} did not end ${timeoutMs} ms after ${signal}\n${output}`);
    return ended;
  };
  const daemon = { child, pid: child.pid, exited, stop, output: () => output };
  if (t) atEnd(t, () => stop().catch(() => group('SIGKILL')));

  daemon.ready = await new Promise((resolve, reject) => {
    let line = '';
    const timer = setTimeout(() => fail(new Error(`${command} was not ready in ${readyMs} ms\n${output}`)), readyMs);
    const fail = (error) => { clearTimeout(timer); group('SIGKILL'); reject(error); };
    child.on('error', fail);
    child.on('exit', (code, signal) => setTimeout(() => fail(new Error(`${command} ended before it was ready (${signal ?? code})\n${output}`)), 50));
    child.stdio[3].setEncoding('utf8').on('data', (text) => {
      line += text;
      if (!line.includes('\n')) return;
      clearTimeout(timer);
      resolve(JSON.parse(line.slice(0, line.indexOf('\n'))));
    });
  });
  return daemon;
}
