// The commit log over a real PostgreSQL: the same cases as over files, and a server that dies under it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { postgresBin, startPostgres } from './lib/postgres.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const build = join(root, process.env.PHALA_BUILD ?? 'build');
const skip = postgresBin() ? false : 'PostgreSQL is not installed';
let server;

before(async () => {
  if (!skip) server = await startPostgres();
});
after(async () => {
  await server?.stop();
});

const run = (program, filter) => spawnSync(join(build, program), [], {
  encoding: 'utf8', timeout: 240_000,
  env: {
    ...process.env, CMOCKA_MESSAGE_OUTPUT: 'TAP', CMOCKA_TEST_FILTER: filter, PHALA_TEST_POSTGRES: server.url,
    PHALA_KEYD: join(build, 'apps/phala-keyd/phala-keyd'),
  },
});

test('commits keep their order, and of two writers one is finished', { skip }, () => {
  const out = run('src/store/store_commit_log_test', '*');
  assert.equal(out.status, 0, out.stdout + out.stderr);
  assert.match(out.stdout, /^ok \d+ - postgresql_keeps_commits_in_order$/m);
  assert.match(out.stdout, /^ok \d+ - of_two_writers_in_postgresql_one_is_finished$/m);
  assert.match(out.stdout, /^ok \d+ - postgresql_keeps_the_newest_pages/m);
  assert.doesNotMatch(out.stdout, /SKIP/);
});

test('pages beside a short log bring states back, with or without the folder of this machine', { skip }, () => {
  const out = run('apps/phala-keyd/state_server_test', 'postgresql_*');
  assert.equal(out.status, 0, out.stdout + out.stderr);
  assert.match(out.stdout, /^ok \d+ - postgresql_alone_brings_a_state_back/m);
  assert.doesNotMatch(out.stdout, /SKIP/);
  const phats = "phat = decode('0509050000000000000000000000000000000000', 'hex')";
  const [commits, tip, last] = server.query(`SELECT count(*), (SELECT index FROM phala_tips WHERE ${phats}), max(index) FROM phala_commits WHERE ${phats}`).split('|').map(Number);
  assert.equal(last, 300);
  assert.ok(commits < 100 && tip > last - commits, `${commits} commits in the log, pages at ${tip}`);
});

test('what was committed survives the server\'s death by SIGKILL', { skip }, async () => {
  const rows = 'SELECT count(*), max(index), md5(string_agg(record, \'\' ORDER BY index)) FROM phala_commits WHERE get_byte(phat, 0) = 90 AND get_byte(phat, 1) = 90';
  const there = server.query(rows);
  assert.match(there, /^\d+\|20\|/);
  await server.kill('SIGKILL');
  await server.start();
  assert.equal(server.query(rows), there);
});
