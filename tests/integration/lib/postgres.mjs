// A real PostgreSQL of the test's own: a cluster in a temporary folder, on a Unix socket and a loopback port.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Folder of PostgreSQL's programs, or null where none is installed. */
export function postgresBin() {
  const base = '/usr/lib/postgresql';
  if (!existsSync(base)) return null;
  const versions = readdirSync(base).filter((v) => existsSync(join(base, v, 'bin/initdb'))).sort((a, b) => Number(b) - Number(a));
  return versions.length > 0 ? join(base, versions[0], 'bin') : null;
}

export const freePort = () => new Promise((resolve, reject) => {
  const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

// PostgreSQL refuses to run as root: then it runs as the user that Debian's package makes.
function asUser() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u'), gid: id('-g') };
}

/**
 * Start one. `stop()` ends it and removes its folder; `pid` is the postmaster's. `data`: an empty folder for its data
 * that the caller removes; `env` is added to its environment.
 */
export async function startPostgres(settings = {}, { data: given, env } = {}) {
  const bin = postgresBin();
  const folder = mkdtempSync(join(tmpdir(), 'phala-pg-'));
  const user = asUser();
  if (user.uid) chownSync(folder, user.uid, user.gid);
  chmodSync(folder, 0o755);
  const data = given ?? join(folder, 'data');
  if (given && user.uid) chownSync(given, user.uid, user.gid);
  const init = spawnSync(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'phala', '--no-sync', '-E', 'UTF8', '--locale=C'], { ...user, encoding: 'utf8', cwd: folder });
  if (init.status !== 0) throw new Error(`initdb: ${init.stderr}`);
  const port = await freePort();
  const options = { listen_addresses: '127.0.0.1', port, unix_socket_directories: folder, logging_collector: 'off', ...settings };
  let child;
  const server = {
    folder, data, port, url: `postgresql://phala@127.0.0.1:${port}/postgres`,
    get pid() { return child.pid; },
    get running() { return child.exitCode === null && child.signalCode === null; },
    async start() {
      let said = '';
      const spawnServer = () => {
        said = '';
        child = spawn(join(bin, 'postgres'), ['-D', data, ...Object.entries(options).flatMap(([k, v]) => ['-c', `${k}=${v}`])], { ...user, cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
        child.stderr.on('data', (chunk) => { said = (said + chunk).slice(-4096); });
      };
      spawnServer();
      for (let i = 0; i < 200; i++) {
        const ready = spawnSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port), '-q']);
        if (ready.status === 0) return;
        await new Promise((r) => setTimeout(r, 100));
        if (child.exitCode === null) continue;
        // The processes of a server that was killed end a little later than it.
        if (!said.includes('pre-existing shared memory block')) break;
        spawnServer();
      }
      throw new Error(`PostgreSQL did not come up (exit ${child.exitCode}): ${said}`);
    },
    async kill(signal) {
      const ended = new Promise((r) => { child.once('exit', r); });
      child.kill(signal);
      await ended;
    },
    query(sql) {
      const out = spawnSync(join(bin, 'psql'), ['-h', '127.0.0.1', '-p', String(port), '-U', 'phala', '-d', 'postgres', '-Atc', sql], { encoding: 'utf8' });
      if (out.status !== 0) throw new Error(out.stderr);
      return out.stdout.trim();
    },
    async stop() {
      if (server.running) await server.kill('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}
