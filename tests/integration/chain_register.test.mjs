// A worker keeps its own place in the registry: real contracts on anvil, which judge its quotes; real workers.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { accounts, startAnvil } from './lib/anvil.mjs';
import { json, makeHome, refused } from './lib/home.mjs';
import { sameNetwork } from './lib/network.mjs';
import { tempDir, until } from './lib/proc.mjs';

const [, operator, stranger] = accounts;
const [ACTIVE, DRAINING, RESTING] = [1, 2, 5];

async function startNetwork(t, rules) {
  const anvil = await startAnvil(t);
  const net = await sameNetwork(anvil, rules);
  /** Time goes on by so many seconds. */
  net.travel = async (seconds) => {
    await anvil.send('evm_increaseTime', seconds);
    await anvil.send('anvil_mine', '0x1');
  };
  net.mine = () => anvil.send('anvil_mine', '0x1');
  net.place = async (worker) => net.read(net.registry, 'workerOf', [await net.read(net.registry, 'idOfKey', [worker.signer])]);
  net.now = async () => Number((await anvil.client.getBlock()).timestamp);
  /** Waits until the worker says why it is not in order. */
  net.why = (worker, pattern) => until(async () => {
    const { why } = await net.registration(worker);
    if (!pattern.test(why)) throw new Error(why);
    return why;
  }, { timeoutMs: 120_000, everyMs: 100, what: `why: ${pattern}` });
  return net;
}

test('a worker enters with its own evidence and its operator\'s consent', async (t) => {
  const net = await startNetwork(t);
  const worker = await net.start(t, join(await tempDir(t), 'data'), { operator, coin: false });
  assert.match(await net.why(worker, /./), new RegExp(`${operator.address} has not consented`, 'i'));
  assert.equal((await net.consent(worker, { slot: 3 })).status, 204);
  await net.why(worker, new RegExp(`${worker.info.chain.account} pays .* too little`));
  await net.fund(worker);
  await net.live(worker);
  const place = await net.place(worker);
  assert.equal(place.owner, operator.address);
  assert.equal(place.signKey.toLowerCase(), worker.signer);
  assert.equal(place.ecdhKey, `0x${worker.info.caller_x25519}`);
  assert.equal(place.slot, 3);
  assert.equal(place.state, ACTIVE);
  assert.notEqual(worker.info.chain.account, operator.address.toLowerCase(), 'the worker pays from an account of its own');
});

test('an operator consents from the command line', async (t) => {
  const net = await startNetwork(t);
  const { cli, address } = await makeHome(t);
  const worker = await net.start(t, join(await tempDir(t), 'data'), { operator: { address } });
  const at = ['--worker', worker.url, '--json'];
  refused(await cli(['worker', 'status', ...at]), 1, 'not-live');
  assert.equal((await cli(['worker', 'consent', ...at, '--kind', '255', '--slot', '2'])).code, 0);
  await net.live(worker);
  assert.equal((await net.place(worker)).owner.toLowerCase(), address.toLowerCase());
  const { registration } = json(await cli(['worker', 'status', ...at]));
  assert.equal(registration.state, 'active');
  const other = await makeHome(t);
  refused(await other.cli(['worker', 'consent', ...at]), 1, 'other-operator');
  assert.equal((await cli(['worker', 'consent', ...at, '--slot', '256'])).code, 2);
});

test('a lease is renewed before it ends, with new evidence', async (t) => {
  const net = await startNetwork(t);
  const worker = await net.start(t, join(await tempDir(t), 'data'), { operator });
  await net.enter(worker);
  const before = await net.place(worker);
  await net.travel(13 * 3600);
  const after = await until(async () => {
    const place = await net.place(worker);
    return place.leaseUntil > before.leaseUntil && place;
  }, { timeoutMs: 120_000, everyMs: 100, what: 'the lease is renewed' });
  assert.ok(after.attestedAt > before.attestedAt);
  await until(async () => {
    const text = await (await fetch(`${worker.url}/metrics`)).text();
    return Number(/^phala_chain_lease_seconds (\d+)$/m.exec(text)[1]) > 12 * 3600;
  }, { what: 'the worker knows' });
});

test('a worker whose lease ran out comes back by itself, also when it was ended', async (t) => {
  const net = await startNetwork(t);
  const data = join(await tempDir(t), 'data');
  let worker = await net.start(t, data, { operator });
  await net.enter(worker);
  await worker.stop({ signal: 'SIGKILL' });
  await net.travel(25 * 3600);
  worker = await net.start(t, data, { operator });
  await net.live(worker);
  await worker.stop({ signal: 'SIGKILL' });
  await net.travel(25 * 3600);
  await net.send(net.registry, 'invalidate', [await net.read(net.registry, 'idOfKey', [worker.signer])]);
  worker = await net.start(t, data, { operator });
  await net.live(worker);
  assert.equal((await net.place(worker)).state, ACTIVE);
});

test('through kill -9 at any point, a worker enters once', async (t) => {
  const net = await startNetwork(t);
  const data = join(await tempDir(t), 'data');
  const start = () => net.start(t, data, { operator, confirmations: 4 });
  let worker = await start();
  const nonce = () => net.anvil.client.getTransactionCount({ address: worker.info.chain.account });
  assert.equal((await net.consent(worker)).status, 204);
  await worker.stop({ signal: 'SIGKILL' });
  // Platform's certificate and registration are two transactions; each end may be before its block or after.
  for (const sent of [1, 2, 2]) {
    await net.anvil.send('evm_setAutomine', false);
    worker = await start();
    await until(async () => (await net.anvil.send('txpool_status')).pending !== '0x0' || await nonce() >= sent, { timeoutMs: 120_000, what: `transaction ${sent}` });
    await worker.stop({ signal: 'SIGKILL' });
    await net.anvil.send('evm_setAutomine', true);
    await net.mine();
  }
  worker = await start();
  await net.live(worker);
  assert.equal((await net.anvil.client.getContractEvents({ ...net.registry, eventName: 'Registered', fromBlock: 0n })).length, 1);
  assert.equal(await nonce(), 2);
});

test('a stopped worker rests on chain, and wakes when it is back', async (t) => {
  const net = await startNetwork(t);
  const data = join(await tempDir(t), 'data');
  let worker = await net.start(t, data, { operator });
  await net.enter(worker);
  await worker.stop();
  assert.equal((await net.place(worker)).state, RESTING);
  assert.equal(await net.read(net.registry, 'isLive', [0]), false);
  worker = await net.start(t, data, { operator });
  await until(async () => (await net.place(worker)).state === ACTIVE, { timeoutMs: 120_000, what: 'it wakes' });
  // What its owner says stays.
  await net.send(net.registry, 'drain', [await net.read(net.registry, 'idOfKey', [worker.signer])], { account: operator });
  await until(async () => (await net.registration(worker)).state === 'draining', { timeoutMs: 120_000, what: 'it knows' });
  await worker.stop();
  worker = await net.start(t, data, { operator });
  await until(async () => (await net.registration(worker)).state === 'draining', { timeoutMs: 120_000, what: 'it still is' });
  assert.equal((await net.place(worker)).state, DRAINING);
});

test('what the contracts refuse is said, and tried again until it goes', async (t) => {
  const net = await startNetwork(t);
  const worker = await net.start(t, join(await tempDir(t), 'data'), { operator });
  await net.setKind(255, { minEvalNo: 18 });
  assert.equal((await net.consent(worker)).status, 204);
  assert.match(await net.why(worker, /refuses/), /EvalNoTooLow\(uint32,uint32\): 17, 18$/);
  assert.match(await (await fetch(`${worker.url}/metrics`)).text(), /^phala_chain_refused_total [1-9]/m);
  assert.match(await (await fetch(`${worker.url}/metrics`)).text(), /^phala_chain_live 0$/m);
  await net.setKind(255, { minEvalNo: 17, tcbMask: 0x20 }); // nothing but OutOfDate
  await net.why(worker, /TcbRefused\(uint8\): 1$/);
  await net.setKind(255, { tcbMask: 2, open: false });
  await net.why(worker, /KindClosed/);
  await net.setKind(255, { open: true });
  await net.live(worker);
  assert.equal((await net.registration(worker)).why, '');
});

test('an image that is revoked ends its workers, and they say so', async (t) => {
  const net = await startNetwork(t);
  const worker = await net.start(t, join(await tempDir(t), 'data'), { operator });
  await net.enter(worker);
  const { imageId } = await net.place(worker);
  await net.send(net.policy, 'revokeImage', [await net.read(net.policy, 'imageById', [imageId])]);
  await net.send(net.registry, 'invalidate', [await net.read(net.registry, 'idOfKey', [worker.signer])]);
  await net.why(worker, /ImageRevoked/);
  assert.equal((await net.registration(worker)).live, false);
});

test('an owner takes a worker away, and it comes back with new consent alone', async (t) => {
  const net = await startNetwork(t);
  const worker = await net.start(t, join(await tempDir(t), 'data'), { operator });
  await net.enter(worker);
  await net.send(net.registry, 'retire', [await net.read(net.registry, 'idOfKey', [worker.signer])], { account: operator });
  await net.why(worker, /OwnerSignatureInvalid/);
  await net.enter(worker, { nonce: 1n });
});

test('consent that is another\'s, or no consent, is not taken', async (t) => {
  const net = await startNetwork(t);
  const worker = await net.start(t, join(await tempDir(t), 'data'), { operator });
  const give = async (consent) => (await fetch(`${worker.url}/v1/chain/consent`, { method: 'PUT', body: JSON.stringify(consent) })).status;
  assert.equal(await give(await net.sign(worker, { operator: stranger })), 403);
  assert.equal(await give({ ...await net.sign(worker), slot: 1 }), 403);
  assert.equal(await give({ ...await net.sign(worker), more: 1 }), 400);
  assert.equal(await give({}), 400);
  assert.equal((await net.consent(worker, { deadline: 1n })).status, 204);
  await net.why(worker, /ended at 1:/);
});

test('a registration that a reorganisation took away is sent again', async (t) => {
  const net = await startNetwork(t);
  const worker = await net.start(t, join(await tempDir(t), 'data'), { operator, confirmations: 64 });
  await net.enter(worker);
  await net.anvil.send('anvil_reorg', 2, []); // platform's certificate and registration
  assert.equal((await net.place(worker)).state, 0);
  await net.fund(worker); // what the test gave it can go with the blocks
  await until(async () => {
    await net.mine();
    const { live, why } = await net.registration(worker);
    if (!live) throw new Error(why);
    return true;
  }, { timeoutMs: 120_000, everyMs: 200, what: 'it is in again' });
});
