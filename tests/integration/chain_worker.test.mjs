// Contracts ask phats: real contracts on anvil, a real worker. Every request is answered once, whatever dies meanwhile.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { hexToString, toHex } from 'viem';

import { accounts, startAnvil } from './lib/anvil.mjs';
import { sameNetwork } from './lib/network.mjs';
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
  const net = await sameNetwork(anvil);
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

test('what another worker answered first leaves nothing behind', async (t) => {
  const net = await startNetwork(t);
  const dirs = [join(await tempDir(t), 'data'), join(await tempDir(t), 'data')];
  const workers = [await net.begin(dirs[0]), await net.begin(dirs[1], accounts[1])];
  for (const [slot, worker] of workers.entries()) await net.enter(worker, { slot });
  const app = await net.shout(workers[0]);
  await workers[1].phat('shout', handlers, {}, new Owner(net.account.secret));
  const asked = 12;
  for (let i = 0; i < asked; i++) await net.ask(app, toHex(`request ${i}`));
  assert.equal((await fulfilled(net, asked)).length, asked);
  const left = async (worker) => {
    const text = await (await fetch(`${worker.url}/metrics`)).text();
    return ['requests', 'transactions'].map((name) => Number(new RegExp(`^phala_chain_${name} (\\d+)$`, 'm').exec(text)[1]));
  };
  const clean = (worker) => until(async () => {
    await mine(net);
    const now = await left(worker);
    if (now.some((n) => n > 0)) throw new Error(`requests, transactions: ${now}`);
    return true;
  }, { what: 'nothing is left', timeoutMs: 120_000, everyMs: 100 });
  for (const worker of workers) await clean(worker);
  // Nor after a restart.
  await workers[1].stop({ signal: 'SIGKILL' });
  await clean(await net.begin(dirs[1], accounts[1]));
  assert.equal((await net.events('Fulfilled')).length, asked);
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

test('1,000 requests in flight survive kill -9: none is lost, none is answered twice', async (t) => {
  const cnt = 1000;
  const net = await startNetwork(t);
  let worker = await net.begin();
  await net.enter(worker);
  const app = await net.shout(worker);
  const { client } = net.anvil;
  const sent = () => client.getTransactionCount({ address: worker.info.chain.account });
  const before = await sent();
  // All of them in one block, so that all of them are open at once.
  await net.anvil.send('evm_setBlockGasLimit', 1_000_000_000);
  await net.anvil.send('evm_setAutomine', false);
  const deadline = Number((await client.getBlock()).timestamp) + 36_000;
  const nonce = await client.getTransactionCount({ address: net.account.address });
  for (let i = 0; i < cnt; i += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, k) => client.writeContract({
      account: net.account, ...net.anchor, functionName: 'request', args: [app, toHex(`request ${i + k}`), 0, deadline, 1, 0],
      nonce: nonce + i + k, gas: 300_000n, maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1n,
    })));
  }
  await mine(net);
  await net.anvil.send('evm_setAutomine', true);
  assert.equal((await net.events('Requested')).length, cnt);
  await until(async () => (await net.events('Fulfilled')).length >= cnt / 4, { timeoutMs: 300_000, everyMs: 20, what: 'a quarter is answered' });
  await worker.stop({ signal: 'SIGKILL' });
  const atKill = (await net.events('Fulfilled')).length;
  assert.ok(atKill < cnt, 'some are in flight');
  worker = await net.begin();
  const events = await until(async () => {
    await mine(net);
    const all = await net.events('Fulfilled');
    if (all.length < cnt) throw new Error(`${all.length} answered`);
    return all;
  }, { timeoutMs: 300_000, everyMs: 200, what: 'all are answered' });
  assert.equal(new Set(events.map(({ args }) => args.id)).size, cnt);
  assert.deepEqual(new Set(events.map(({ args }) => hexToString(args.result))), new Set(Array.from({ length: cnt }, (_, i) => `REQUEST ${i}`)));
  assert.equal(await sent() - before, cnt, 'one transaction for each');
});
