// The commit log over a real PostgreSQL: the same cases as over files, and a server that dies under it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { postgresBin, startPostgres } from './lib/postgres.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const program = join(root, process.env.PHALA_BUILD ?? 'build', 'src/store/store_commit_log_test');
const skip = postgresBin() ? false : 'PostgreSQL is not installed';
let server;

before(async () => {
  if (!skip) server = await startPostgres();
});
after(async () => {
  await server?.stop();
});

const run = (filter) => spawnSync(program, [], {
  encoding: 'utf8', timeout: 120_000,
  env: { ...process.env, CMOCKA_MESSAGE_OUTPUT: 'TAP', CMOCKA_TEST_FILTER: filter, PHALA_TEST_POSTGRES: server.url },
});

test('commits keep their order, and of two writers one is finished', { skip }, () => {
  const out = run('*');
  assert.equal(out.status, 0, out.stdout + out.stderr);
  assert.match(out.stdout, /^ok \d+ - postgresql_keeps_commits_in_order$/m);
  assert.match(out.stdout, /^ok \d+ - of_two_writers_in_postgresql_one_is_finished$/m);
  assert.doesNotMatch(out.stdout, /SKIP/);
});

test('what was committed survives the server\'s death by SIGKILL', { skip }, async () => {
  const rows = 'SELECT count(*), max(index), md5(string_agg(record, \'\' ORDER BY index)) FROM phala_commits';
  const there = server.query(rows);
  assert.match(there, /^\d+\|20\|/);
  await server.kill('SIGKILL');
  await server.start();
  assert.equal(server.query(rows), there);
});
