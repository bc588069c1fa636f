// Two receipts prove that storage was rolled back under a restarted worker together with all that it knew, or that the state's
// history was split.
import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { program, runTool, tempDir } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const ledger = `export default { fetch(request, env) {
  const url = new URL(request.url);
  env.DB.exec('CREATE TABLE IF NOT EXISTS paid(amount INTEGER)');
  if (url.searchParams.has('pay')) env.DB.prepare('INSERT INTO paid VALUES(?)').bind(+url.searchParams.get('pay')).run();
  return Response.json(env.DB.prepare('SELECT sum(amount) AS n FROM paid').first('n'));
} };`;
const phala = (args) => runTool(program('phala'), args);

describe('a rollback of a state', () => {
  test('is proved by a receipt from before and one from after, and so is a fork', async (t) => {
    const data = await tempDir(t);
    const kept = await tempDir(t);
    let worker = await startWorker(t, { data });
    const { id } = await worker.phat('ledger', ledger, { state: { maxMiB: 4 } });
    const call = async (name, query) => {
      const file = join(kept, `${name}.json`);
      const got = await phala(['call', id, `/${query}`, '--worker', worker.url, '--receipt', file]);
      assert.equal(got.code, 0, got.stdout + got.stderr);
      return file;
    };
    const compare = async (file, other) => {
      const got = await phala(['verify', file, '--fresher-than', other, '--accept-simulator-insecure', '--json']);
      const { checks, ok, receipt } = JSON.parse(got.stdout);
      assert.equal(got.code, ok ? 0 : 1, got.stderr);
      assert.deepEqual(checks.filter((c) => c.result === 'FAIL').map((c) => c.check), ok ? [] : ['fresher-than']);
      return { index: receipt.commit_index, says: checks.find((c) => c.check === 'fresher-than').says };
    };

    const first = await call('first', '?pay=1');
    await worker.stop();
    const all = ['state-log', 'state-pages', 'keyd.state', 'keyd.state.marks'];
    for (const name of all) await cp(join(data, name), join(kept, name), { recursive: true });
    worker = await startWorker(t, { data });
    const second = await call('second', '?pay=20');
    const read = await call('read', '');
    const third = await call('third', '?pay=300');
    assert.match((await compare(second, first)).says, /later than/);
    assert.match((await compare(read, second)).says, /the same as/);
    assert.match((await compare(first, second)).says, /^rollback: .*came later/);

    // The host stops everything, puts the whole disk back, and starts again with the same keys.
    await worker.stop();
    for (const name of all) {
      await rm(join(data, name), { recursive: true });
      await cp(join(kept, name), join(data, name), { recursive: true });
    }
    worker = await startWorker(t, { data });
    const after = await call('after', '');
    const proof = await compare(after, third);
    assert.equal(proof.index, 1);
    assert.match(proof.says, /^rollback: this answer was made from commit 1, the other one was already made from commit 3$/);
    assert.match((await compare(after, first)).says, /the same as/);
    const other = await call('other', '?pay=4000');
    assert.match((await compare(other, second)).says, /^fork: both answers were made from commit 2, and it has two different roots$/);
  });
});
