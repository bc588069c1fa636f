// A real worker for a test: phalad, phala-keyd and phala-run on loopback with the TEE simulator.
import assert from 'node:assert/strict';
import { copyFile, cp, mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { script } from './bundle.mjs';
import { Owner } from './owner.mjs';
import { freePort } from './postgres.mjs';
import { program, startDaemon, tempDir } from './proc.mjs';

/**
 * `args` are added to the command line of phalad. `data` keeps a directory over restarts; without it
 * the worker gets one that is gone with the test. `t` null: the caller stops it.
 */
export async function startWorker(t, { args = [], data, env, open = true, wrapper = [], readyMs } = {}) {
  const dir = data ?? (t ? await tempDir(t) : await mkdtemp(join(tmpdir(), 'phala-worker-')));
  const command = [...wrapper, program('phalad'), '--data', dir, '--listen', '127.0.0.1:0', '--tee', 'simulator', ...(open ? ['--open'] : []),
    '--keyd', program('phala-keyd'), '--run', program('phala-run'), ...args];
  const daemon = await startDaemon(t, command[0], command.slice(1), { env, readyMs });
  const url = urlOf(daemon.ready, 'http');
  const info = await (await fetch(`${url}/v1/info`)).json();
  const worker = { ...daemon, url, dir, info, signer: info.signer, cluster: info.cluster };
  worker.tlsUrl = urlOf(daemon.ready, 'https');
  /** Deploys a module's text and yields a function that calls it. */
  worker.phat = async (name, text, manifest = {}, owner = new Owner()) => {
    const { response, body, id } = await owner.deploy(worker, name, { 'worker.js': script({ text }) }, manifest);
    assert.ok(response.ok, `deploy: ${response.status} ${JSON.stringify(body)}`);
    const call = (path = '/', init) => fetch(`${url}/p/${id}${path}`, init);
    return Object.assign(call, { id, owner, body });
  };
  return worker;
}

/** A worker that shares the state in a database with others, which reach it where it listens. */
export async function startMember(t, database, data, args = []) {
  for (let tries = 0; ; tries++) {
    const port = await freePort(); // another process may take it meanwhile
    const url = `http://127.0.0.1:${port}`;
    try {
      return await startWorker(t, { data, args: ['--listen', `127.0.0.1:${port}`, '--state', database, '--cluster-url', url, ...args] });
    } catch (error) {
      if (tries === 5 || !/cannot listen/.test(error.message)) throw error;
    }
  }
}

/** Puts all that the phala-keyd of a worker that is stopped remembers into `to`, a data directory: its keys, and what it holds storage against. */
export async function copyKeys(from, to) {
  const here = await readdir(from);
  for (const name of ['keyd.state', 'keyd.state.marks', 'simulator'].filter((name) => here.includes(name))) await cp(join(from, name), join(to, name), { recursive: true, force: true });
}

/** Puts the simulator of `to`, a data directory without one, under the root of `from`'s: a development policy names one root. */
export async function sameSimulator(from, to) {
  await mkdir(join(to, 'simulator'), { recursive: true, mode: 0o700 });
  for (const name of await readdir(join(from, 'simulator'))) {
    if (name.includes('seed')) await copyFile(join(from, 'simulator', name), join(to, 'simulator', name));
  }
}

const urlOf = (ready, scheme) => ready.urls?.find((url) => url.startsWith(`${scheme}:`))?.replace(/\/$/, '');
