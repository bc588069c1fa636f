// A worker's key is replaced: real contracts on anvil, which judge the evidence of the new key; a real worker that dies at each step.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { hexToString, toHex } from 'viem';

import { accounts, startAnvil } from './lib/anvil.mjs';
import { json, makeHome, refused } from './lib/home.mjs';
import { deployNetwork } from './lib/network.mjs';
import { Owner } from './lib/owner.mjs';
import { tempDir, until } from './lib/proc.mjs';
import { phat } from './lib/script.mjs';

const [, operator, stranger] = accounts;
const LONG = { timeoutMs: 120_000, everyMs: 100 };
const shout = phat(`
  chain(request) { return request.text().toUpperCase(); },
  fetch() { return new Response('here'); }
`);

async function startNetwork(t) {
  const anvil = await startAnvil(t);
  const net = await deployNetwork(anvil, await tempDir(t));
  net.mine = (blocks = 1) => anvil.send('anvil_mine', toHex(blocks));
  net.info = async (worker) => (await fetch(`${worker.url}/v1/info`)).json();
  net.place = async (key) => net.read(net.registry, 'workerOf', [await net.read(net.registry, 'idOfKey', [key])]);
  /** The worker's next key, made if there is none. */
  net.next = async (worker) => {
    const response = await fetch(`${worker.url}/v1/chain/next-key`, { method: 'POST' });
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()).next_signer;
  };
  /** The operator has the key replaced; yields the next one. */
  net.rotate = async (worker) => {
    const next = await net.next(worker);
    assert.equal((await net.consent(worker, { signKey: next })).status, 204);
    return next;
  };
  net.signsWith = (worker, key) => until(async () => {
    const { signer, chain } = await net.info(worker);
    if (signer !== key) throw new Error(`${signer}, not ${key}: ${JSON.stringify(chain.registration)}`);
    return true;
  }, { ...LONG, what: 'the worker signs with the other key' });
  /** Mines until the change is final and the key before is gone. */
  net.forgets = (worker) => until(async () => {
    await net.mine();
    const { previous_signer: previous, why } = (await net.info(worker)).chain.registration;
    if (previous) throw new Error(`still has ${previous}: ${why}`);
    return true;
  }, { ...LONG, what: 'the previous key is forgotten' });
  net.rotations = () => net.anvil.client.getContractEvents({ ...net.registry, eventName: 'KeyRotated', fromBlock: 0n });
  /** Transactions of the worker's account that were reverted. */
  net.reverted = async (worker) => {
    const { client } = net.anvil;
    const last = await client.getBlockNumber();
    let cnt = 0;
    for (let blockNumber = 0n; blockNumber <= last; blockNumber++) {
      for (const { from, hash } of (await client.getBlock({ blockNumber, includeTransactions: true })).transactions) {
        if (from.toLowerCase() === worker.info.chain.account && (await client.getTransactionReceipt({ hash })).status !== 'success') cnt++;
      }
    }
    return cnt;
  };
  net.shout = async (worker, make = true) => {
    const { body } = await worker.phat('shout', shout, {}, new Owner(net.account.secret));
    return make && net.app('shout', body.bundle_hash);
  };
  net.answered = (cnt) => until(async () => {
    await net.mine();
    const events = await net.events('Fulfilled');
    if (events.length < cnt) throw new Error(`${events.length} of ${cnt}`);
    return events;
  }, { ...LONG, what: `${cnt} answers` });
  return net;
}

const eachOnce = (events, cnt) => {
  assert.deepEqual(events.map(({ args }) => hexToString(args.result)).sort(), Array.from({ length: cnt }, (_, i) => `REQUEST ${i}`).sort());
};

test('an operator has a worker\'s key replaced, from the command line', async (t) => {
  const net = await startNetwork(t);
  const data = join(await tempDir(t), 'data');
  const { cli, address } = await makeHome(t);
  const start = () => net.start(t, data, { operator: { address } });
  let worker = await start();
  const at = () => ['--worker', worker.url, '--json'];
  assert.equal((await cli(['worker', 'consent', ...at(), '--kind', '255'])).code, 0);
  await net.live(worker);
  const before = await net.place(worker.signer);
  const { signer } = json(await cli(['worker', 'rotate', ...at(), '--kind', '255']));
  assert.notEqual(signer, worker.signer);
  await net.signsWith(worker, signer);
  const after = await net.place(worker.signer);
  assert.equal(after.signKey.toLowerCase(), signer);
  assert.equal(after.index, before.index);
  assert.ok(await net.read(net.registry, 'keySlashableUntil', [worker.signer]) > 0, 'the key before answers for what it signed');
  await net.forgets(worker);
  assert.equal((await net.rotations()).length, 1);
  const doc = await (await fetch(`${worker.url}/v1/attestation`)).json();
  assert.ok(JSON.stringify(doc).toLowerCase().includes(signer.slice(2)), 'evidence names the new key');
  // It is the worker's for good, and comes back by itself: the consent that replaced it is to that key.
  await worker.stop({ signal: 'SIGKILL' });
  await net.anvil.send('evm_increaseTime', 25 * 3600);
  await net.mine();
  await net.send(net.registry, 'invalidate', [await net.read(net.registry, 'idOfKey', [signer])]);
  worker = await start();
  assert.equal(worker.signer, signer);
  await net.live(worker);
  assert.equal((await net.place(signer)).state, 1);
  refused(await cli(['worker', 'turn', ...at()]), 2);
});

test('contracts are answered while the key is replaced: none of their requests is lost, none answered twice', async (t) => {
  const net = await startNetwork(t);
  const worker = await net.start(t, join(await tempDir(t), 'data'), { operator });
  await net.enter(worker);
  const app = await net.shout(worker);
  let asked = 0;
  for (let round = 0; round < 3; round++) {
    const { signer } = await net.info(worker);
    for (let i = 0; i < 6; i++) await net.ask(app, toHex(`request ${asked++}`));
    const next = await net.rotate(worker);
    for (let i = 0; i < 6; i++) await net.ask(app, toHex(`request ${asked++}`));
    await net.signsWith(worker, next);
    assert.notEqual(next, signer);
    await net.forgets(worker);
  }
  eachOnce(await net.answered(asked), asked);
  assert.equal((await net.rotations()).length, 3);
  assert.equal(await net.reverted(worker), 0, 'no answer came too late for its key');
});

test('what a key showed for others before it was replaced is shown again', async (t) => {
  const net = await startNetwork(t);
  const dirs = [join(await tempDir(t), 'data'), join(await tempDir(t), 'data')];
  const workers = [await net.start(t, dirs[0], { operator }), await net.start(t, dirs[1], { operator: stranger })];
  for (const [slot, worker] of workers.entries()) await net.enter(worker, { slot });
  const app = await net.shout(workers[0]);
  await net.ask(app, toHex('request 0'), { replicas: 3 });
  await until(async () => { await net.mine(); return (await net.events('Proposed')).length === 1; }, { ...LONG, what: 'the first answer is shown' });
  await net.signsWith(workers[0], await net.rotate(workers[0]));
  await until(async () => { await net.mine(); return (await net.events('Proposed')).length === 2; }, { ...LONG, what: 'it is shown again' });
  await net.shout(workers[1], false);
  eachOnce(await net.answered(1), 1);
});

test('through kill -9 at each step, the key is replaced once and every request answered once', async (t) => {
  const net = await startNetwork(t);
  const data = join(await tempDir(t), 'data');
  const start = () => net.start(t, data, { operator, confirmations: 4 });
  let worker = await start();
  await net.enter(worker);
  const app = await net.shout(worker);
  const first = worker.signer;
  let asked = 0;
  const again = async () => {
    await worker.stop({ signal: 'SIGKILL' });
    worker = await start();
  };
  const ask = () => net.ask(app, toHex(`request ${asked++}`));
  await ask();
  const next = await net.next(worker);
  await again();
  assert.equal(await net.next(worker), next, 'the next key was kept');
  assert.equal(worker.signer, first);
  await net.anvil.send('evm_setAutomine', false);
  assert.equal((await net.consent(worker, { signKey: next })).status, 204);
  await again(); // with the operator's word, perhaps before the transaction
  const inPool = async (cnt) => Number((await net.anvil.send('txpool_status')).pending) >= cnt;
  const account = worker.info.chain.account;
  await until(async () => {
    const { pending } = await net.anvil.send('txpool_content');
    const mine = Object.entries(pending).find(([from]) => from.toLowerCase() === account);
    return mine && Object.values(mine[1]).some(({ to }) => to.toLowerCase() === net.registry.address.toLowerCase());
  }, { ...LONG, what: 'the change is on its way' });
  assert.ok(await inPool(1));
  await again(); // before its block
  await net.anvil.send('evm_setAutomine', true);
  await net.mine();
  await ask();
  await again(); // after its block
  await net.signsWith(worker, next);
  await again(); // not final yet
  assert.equal(worker.signer, next);
  await ask();
  await net.forgets(worker);
  await again(); // the key before is gone
  assert.equal(worker.signer, next);
  assert.equal(worker.info.chain.registration.previous_signer, null);
  await ask();
  eachOnce(await net.answered(asked), asked);
  assert.equal((await net.rotations()).length, 1);
  assert.equal((await net.place(first)).signKey.toLowerCase(), next);
});

test('a change that a reorganisation took away is undone, and made again', async (t) => {
  const net = await startNetwork(t);
  const worker = await net.start(t, join(await tempDir(t), 'data'), { operator, confirmations: 64 });
  await net.enter(worker);
  const first = worker.signer;
  const next = await net.rotate(worker);
  await net.signsWith(worker, next);
  assert.equal((await net.info(worker)).chain.registration.previous_signer, first);
  assert.equal((await fetch(`${worker.url}/v1/chain/next-key`, { method: 'POST' })).status, 409, 'one change at a time');
  await net.anvil.send('evm_setAutomine', false); // the transaction is sent again at once, and waits
  await net.anvil.send('anvil_reorg', 1, []);
  assert.equal((await net.place(first)).signKey.toLowerCase(), first);
  await net.signsWith(worker, first);
  assert.equal((await net.info(worker)).chain.registration.next_signer, next);
  await net.anvil.send('evm_setAutomine', true);
  await until(async () => {
    await net.mine();
    const { signKey } = await net.place(first);
    if (signKey.toLowerCase() !== next) throw new Error(JSON.stringify((await net.info(worker)).chain.registration));
    return true;
  }, { ...LONG, what: 'it is made again' });
  await net.signsWith(worker, next);
  await net.mine(70);
  await net.forgets(worker);
});

test('nobody but the operator has a key replaced, and nothing but its next key', async (t) => {
  const net = await startNetwork(t);
  const worker = await net.start(t, join(await tempDir(t), 'data'), { operator });
  await net.enter(worker);
  const next = await net.next(worker);
  assert.equal(await net.next(worker), next, 'asking again makes no other');
  const give = async (more) => {
    const response = await fetch(`${worker.url}/v1/chain/consent`, { method: 'PUT', body: JSON.stringify(await net.sign(worker, { signKey: next, ...more })) });
    return response.ok ? response.status : `${response.status} ${(await response.json()).error.message}`;
  };
  assert.match(await give({ operator: stranger }), /^403 not signed by/);
  assert.match(await give({ signKey: stranger.address }), /^403 not signed by/);
  assert.match(await give({ deadline: 1n }), /^403 its deadline has passed/);
  assert.equal((await net.info(worker)).chain.registration.next_signer, next);
  // What the chain does not take is said, and tried again until it goes.
  await net.setKind(255, { minEvalNo: 18 });
  assert.equal(await give({}), 204);
  await until(async () => {
    const { why, live } = await net.registration(worker);
    if (!/EvalNoTooLow\(uint32,uint32\): 17, 18$/.test(why) || !live) throw new Error(why);
    return true;
  }, { ...LONG, what: 'why' });
  assert.equal((await net.info(worker)).signer, worker.signer);
  await net.setKind(255, { minEvalNo: 17 });
  await net.signsWith(worker, next);
});
