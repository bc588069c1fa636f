// Contracts ask phats: real contracts on anvil, a real worker. Every request is answered once, whatever dies meanwhile.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { hexToString, toHex } from 'viem';

import { accounts, startAnvil } from './lib/anvil.mjs';
import { deployNetwork } from './lib/network.mjs';
import { Owner } from './lib/owner.mjs';
import { tempDir, until } from './lib/proc.mjs';
import { phat } from './lib/script.mjs';

const handlers = phat(`
  chain(request, env, ctx) {
    const text = request.text();
    if (text === 'throw') throw new Error('as asked');
    if (text === 'facts') return [request.chainId, request.requestId, request.app, request.consumer].join(' ');
    return text.toUpperCase();
  },
  fetch() { return new Response('also here'); }
`);

async function startNetwork(t) {
  const anvil = await startAnvil(t);
  const dir = await tempDir(t);
  const net = await deployNetwork(anvil, dir);
  net.begin = (data = join(dir, 'data'), operator = accounts[0]) => net.start(t, data, { operator });
  /** Deploys the phat to the worker, and its contract. */
  net.shout = async (worker) => {
    const { body } = await worker.phat('shout', handlers, {}, new Owner(net.account.secret));
    return net.app('shout', body.bundle_hash);
  };
  return net;
}

const mine = (net) => net.anvil.send('anvil_mine', '0x1');
const fulfilled = (net, cnt) => until(async () => {
  await mine(net);
  const events = await net.events('Fulfilled');
  return events.length >= cnt && events;
}, { what: `${cnt} answers`, timeoutMs: 120_000, everyMs: 100 });

test('a contract asks, and the phat answers with a signature of its worker', async (t) => {
  const net = await startNetwork(t);
  const worker = await net.begin();
  await net.enter(worker);
  const app = await net.shout(worker);
  const id = await net.ask(app, toHex('hello'));
  const facts = await net.ask(app, toHex('facts'));
  const failed = await net.ask(app, toHex('throw'));
  const events = await fulfilled(net, 3);
  const of = (wanted) => events.find(({ args }) => args.id === wanted).args;
  assert.equal(hexToString(of(id).result), 'HELLO');
  assert.equal(of(id).outcome, 0);
  assert.equal(hexToString(of(facts).result), `31337 ${facts} ${app.toLowerCase()} ${net.account.address.toLowerCase()}`);
  assert.equal(of(failed).outcome, 1);
  assert.equal(hexToString(of(failed).result), 'exception');
});

test('with three replicas, two workers of different operators must answer the same', async (t) => {
  const net = await startNetwork(t);
  const workers = [await net.begin(), await net.begin(join(await tempDir(t), 'data'), accounts[1])];
  for (const [slot, worker] of workers.entries()) await net.enter(worker, { slot });
  const app = await net.shout(workers[0]);
  const one = await net.ask(app, toHex('two heads'), { replicas: 3 });
  await until(async () => { await mine(net); return (await net.events('Proposed')).length > 0; }, { what: 'the first answer is shown', timeoutMs: 120_000 });
  assert.equal((await net.events('Fulfilled')).length, 0, 'one answer is not enough');
  await workers[1].phat('shout', handlers, {}, new Owner(net.account.secret));
  const [answer] = await fulfilled(net, 1);
  assert.equal(answer.args.id, one);
  assert.equal(hexToString(answer.args.result), 'TWO HEADS');
});

test('through kill -9 at any point, every request is answered once', async (t) => {
  const net = await startNetwork(t);
  let worker = await net.begin();
  await net.enter(worker);
  const app = await net.shout(worker);
  let asked = 0;
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 12; i++) await net.ask(app, toHex(`request ${asked++}`));
    const enough = asked - 12 + 2 * round;
    await until(async () => (await net.events('Fulfilled')).length >= enough, { timeoutMs: 120_000 });
    await worker.stop({ signal: 'SIGKILL' });
    worker = await net.begin();
  }
  const events = await fulfilled(net, asked);
  assert.equal(events.length, asked);
  assert.deepEqual(events.map(({ args }) => hexToString(args.result)).sort(), Array.from({ length: asked }, (_, i) => `REQUEST ${i}`).sort());
});
