// SQL that wants all memory of its process, or of the machine: the call fails with its reason, the phat is there for the next one, and
// its neighbours never notice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const asks = `export default { async fetch(request, env) {
  env.DB.exec('CREATE TABLE IF NOT EXISTS kept(x)');
  const sql = await request.text();
  if (!sql) { env.DB.exec('INSERT INTO kept VALUES(1)'); return Response.json(env.DB.prepare('SELECT count(*) AS n FROM kept').first('n')); }
  env.DB.exec('INSERT INTO kept VALUES(1)');
  return Response.json(env.DB.prepare(sql).raw());
} };`;
const endless = (n) => `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${n})`;
const bombs = {
  'a sort': `SELECT count(*) FROM (${endless(200_000)} SELECT randomblob(1000) AS b FROM n ORDER BY b LIMIT 9 OFFSET 199990)`,
  'one long value': `${endless(200_000)} SELECT length(group_concat(hex(zeroblob(1000)), '')) FROM n`,
  'a set': `${endless(200_000)} SELECT count(DISTINCT randomblob(1000)) FROM n`,
  'one value at once': 'SELECT length(zeroblob(900000000))',
};

test('SQL that takes all memory', async (t) => {
  const worker = await startWorker(t);
  const phat = await worker.phat('bomb', asks, { state: { maxMiB: 16 }, limits: { memoryMiB: 64, cpuMs: 30000, wallMs: 120000 } });
  const neighbour = await worker.phat('neighbour', asks, { state: { maxMiB: 4 } }, phat.owner);
  const reasons = async () => {
    const authorization = await phat.owner.authorization({ action: 'logs', name: 'bomb', cluster: worker.cluster });
    const text = await (await fetch(`${worker.url}/v1/phats/${phat.id}/logs`, { headers: { authorization } })).text();
    return text.match(/call failed \([a-z-]+\): .*(out of memory|too big|memoryMiB)/g)?.length ?? 0;
  };
  let writes = 0;
  for (const [what, sql] of Object.entries(bombs)) {
    await t.test(`${what} fails, says why, and changes nothing`, async () => {
      assert.equal(await (await phat()).json(), ++writes);
      const before = await reasons();
      const bomb = phat('/', { method: 'POST', body: sql });
      assert.ok((await neighbour()).ok);
      const failed = await bomb;
      const { error } = await failed.json();
      assert.ok((failed.status === 500 && error.code === 'exception') || (failed.status === 503 && error.code === 'memory-limit'), JSON.stringify(error));
      await until(async () => (await reasons()) > before, { what: 'the reason in the log' });
      const after = await until(async () => { const r = await phat(); return r.ok && r; }, { what: 'the phat after it' });
      assert.equal(await after.json(), ++writes); // its own INSERT was rolled back
      assert.ok((await neighbour()).ok);
    });
  }
});
