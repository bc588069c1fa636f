// A disk on which a sync takes long: calls wait for it, and that is all that happens to them.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { controlFaults, noSlowDisk } from './lib/faults.mjs';
import { tempDir } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

test('calls that wait for one commit do not add up to a limit that none of them reached', { skip: noSlowDisk() }, async (t) => {
  const faults = controlFaults(t, join(await tempDir(t), 'faults'), { seed: 7 });
  const worker = await startWorker(t, { env: faults.env });
  const busy = `export default { fetch(request, env) {
    const from = Date.now();
    let n = 0;
    while (Date.now() - from < 30) n++;
    env.KV.put(request.url, String(n));
    return new Response('ok');
  } };`;
  const phat = await worker.phat('busy', busy, { state: { maxMiB: 16 }, limits: { cpuMs: 60, wallMs: 60_000 } });
  assert.equal((await phat('/')).status, 200);
  faults.set({ syncMaxMs: 1500 });
  const answers = await Promise.all(Array.from({ length: 16 }, async (_, i) => {
    const response = await phat(`/${i}`);
    return `${response.status} ${await response.text()}`;
  }));
  assert.ok(faults.get('slowSyncs') > 0);
  assert.deepEqual([...new Set(answers)], ['200 ok']);
});
