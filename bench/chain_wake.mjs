// How long a new block stays unseen by a worker's client of a chain: from when anvil has mined it to when its logs are given.
// Over HTTP that is the next look (every 500 ms in a worker), over a WebSocket what waking takes. JSON lines; by hand.
//   node bench/chain_wake.mjs [TIMES]    default 40 of each
import { median, percentile } from './lib.mjs';
import { mine, setUp } from '../tests/integration/lib/chain_rig.mjs';
import { sleep, until } from '../tests/integration/lib/proc.mjs';

const times = Number(process.argv[2] ?? 40);
const ends = [];
const t = { after: (end) => ends.push(end) };
try {
  for (const scheme of ['http', 'ws']) {
    const { anvil, rig } = await setUp(t);
    const one = rig([anvil.url.replace('http:', `${scheme}:`)], { pollMs: 500 });
    await until(() => one.said('head'));
    const waits = [];
    for (let i = 0; i < times; i++) {
      await sleep(37 * (i % 14)); // blocks come at no fixed distance from a look
      await mine(anvil);
      const at = performance.now();
      const height = Number(await anvil.client.getBlockNumber());
      await until(() => one.head >= height, { everyMs: 1 });
      waits.push(performance.now() - at);
    }
    console.log(JSON.stringify({ scheme, times, medianMs: +median(waits).toFixed(1), p95Ms: +percentile(waits, 95).toFixed(1) }));
  }
} finally {
  for (const end of ends.reverse()) await end();
}
