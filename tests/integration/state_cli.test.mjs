// `phala state`: export, open, import, as an owner uses them, and what the CLI refuses by itself.
import assert from 'node:assert/strict';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { json, makeHome, refused } from './lib/home.mjs';
import { openExport, recipient } from './lib/state_file.mjs';
import { startWorker } from './lib/worker.mjs';

const script = `export default { fetch(request, env) {
  env.DB.exec('CREATE TABLE IF NOT EXISTS t(v TEXT)');
  if (new URL(request.url).pathname === '/add') for (let i = 0; i < 2000; i++)
    env.DB.prepare('INSERT INTO t VALUES(?)').bind(i + ' marker-of-the-state ' + crypto.randomUUID()).run();
  return Response.json(env.DB.prepare('SELECT count(*) AS n FROM t').first('n'));
} };`;
const exists = (file) => stat(file).then(() => true, () => false);

describe('phala state', () => {
  let worker;
  before(async () => { worker = await startWorker(null); });
  after(async () => {
    await worker.stop();
    await rm(worker.dir, { recursive: true, force: true });
  });

  test('exports, opens and imports; refuses files that were altered, other keys, other commits', async (t) => {
    const { cli, dir } = await makeHome(t, { PHALA_WORKER: worker.url });
    for (const name of ['one', 'two']) {
      await writeFile(join(dir, `${name}.js`), script);
      await writeFile(join(dir, 'phat.json'), JSON.stringify({ name, main: `${name}.js`, state: { maxMiB: 32 } }));
      assert.equal((await cli(['deploy', '.'])).code, 0);
    }
    const call = async (name, path = '/') => JSON.parse((await cli(['call', name, path])).stdout);
    assert.equal(await call('one', '/add'), 2000);

    const shown = json(await cli(['state', 'show', 'one', '--json']));
    const taken = await cli(['state', 'export', 'one', 'one.state', '--json']);
    assert.equal(taken.code, 0, taken.stdout + taken.stderr);
    const { ok, phat, index, root } = json(taken);
    assert.deepEqual({ ok, phat, index, root }, { ok: true, phat: shown.phat, index: shown.index, root: shown.root });
    assert.equal((await stat(join(dir, 'one.state'))).mode & 0o777, 0o600);
    assert.ok(!(await readFile(join(dir, 'one.state'))).includes('marker-of-the-state'));
    const receipt = await cli(['verify', 'one.state.receipt', '--accept-simulator-insecure', '--json']);
    assert.match(receipt.stdout, new RegExp(shown.root), receipt.stdout + receipt.stderr);

    const opened = await cli(['state', 'open', 'one.state', '--out', 'one.sqlite', '--json']);
    assert.equal(json(opened).root, shown.root, opened.stdout + opened.stderr);
    const database = await readFile(join(dir, 'one.sqlite'));
    assert.ok(database.includes('marker-of-the-state') && database.length === json(taken).bytes);
    refused(await cli(['state', 'open', 'one.state', '--out', 'one.sqlite', '--json']), 1, 'io');

    const insecure = '--unverified-worker-insecure';
    refused(await cli(['state', 'import', 'two', 'one.state', '--json']), 1, 'unverified-worker');
    const put = await cli(['state', 'import', 'two', 'one.state', insecure, '--json']);
    assert.deepEqual([json(put).ok, json(put).index], [true, 1], put.stdout + put.stderr);
    assert.equal(await call('two'), 2000);
    assert.equal(await call('one', '/add'), 4000);
    const brought = await cli(['state', 'import', 'one', 'one.sqlite', insecure, '--json']);
    assert.equal(brought.code, 0, brought.stdout + brought.stderr);
    assert.equal(await call('one'), 2000);
    refused(await cli(['state', 'import', 'one', 'one.state', insecure, '--over', `${shown.index}:${shown.hash}`, '--json']), 1, 'state-changed');
    assert.equal((await cli(['state', 'import', 'one', 'one.state', insecure, '--over', '7'])).code, 2);

    const file = await readFile(join(dir, 'one.state'));
    const refusedFiles = { short: file.subarray(0, 200), cut: file.subarray(0, file.length - 1), long: Buffer.concat([file, Buffer.alloc(1)]), head: file, piece: file, noise: Buffer.alloc(9000, 3) };
    const at = { head: 20, piece: file.length - 30 };
    for (const [what, bytes] of Object.entries(refusedFiles)) {
      const copy = Buffer.from(bytes);
      if (at[what]) copy[at[what]] ^= 1;
      await writeFile(join(dir, what), copy);
      const error = refused(await cli(['state', 'open', what, '--out', 'out.sqlite', '--json']), 1);
      assert.ok(['bad-state-file', 'wrong-identity'].includes(error.code), `${what}: ${error.code}`);
      assert.ok(!(await exists(join(dir, 'out.sqlite'))), what);
    }

    // A key of another machine: the keystore that took it cannot open it.
    const key = recipient();
    const other = await cli(['state', 'export', 'two', 'two.state', '--to', Buffer.from(key.public).toString('hex')]);
    assert.equal(other.code, 0, other.stderr);
    assert.ok((await openExport(await readFile(join(dir, 'two.state')), key)).database.includes('marker-of-the-state'));
    refused(await cli(['state', 'open', 'two.state', '--json']), 1, 'wrong-identity');
    await writeFile(join(dir, 'identity'), Buffer.from(key.secret).toString('hex'), { mode: 0o600 });
    assert.equal((await cli(['state', 'open', 'two.state', '--identity', 'identity'])).code, 0);
    assert.equal((await cli(['state', 'import', 'one', 'two.state', '--identity', 'identity', insecure])).code, 0);
    assert.match((await cli(['state', 'key'])).stdout, /^[0-9a-f]{64}\n$/);
    assert.equal((await cli(['state', 'export', 'one'])).code, 2);
    assert.equal((await cli(['state', 'steal', 'one'])).code, 2);
    refused(await cli(['state', 'export', 'nothing', 'x.state', '--json']), 1, 'not-found');
  });
});
