// The chain client with a real anvil: transactions are sent once, whatever happens to them, to the process and to the
// chain; logs are given once, and taken back when their block is; nodes that lie are not believed.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { accounts } from './lib/anvil.mjs';
import { key, lies, logsOnChain, mine, mineUntil, sender, setUp } from './lib/chain_rig.mjs';
import { atEnd, until } from './lib/proc.mjs';

test('a transaction is sent, mined and final, and its log is given', async (t) => {
  const { anvil, contract, rig } = await setUp(t);
  const one = rig();
  await until(() => one.said('ready'));
  one.submit(key('a'));
  await until(() => one.state(key('a')) === 'mined');
  assert.deepEqual(await logsOnChain(anvil, contract), [key('a')]);
  await until(() => one.logs.length === 1);
  assert.equal(one.logs[0].topic, key('a'));
  assert.equal(one.logs[0].data, '0xabcd');
  await mineUntil(anvil, () => one.state(key('a')) === 'done', 'it is final');
  assert.equal(one.txs.get(key('a')).ok, true);
  one.submit(key('a'));
  await until(() => one.said(`conflict ${key('a')}`));
});

test('a transaction that reverts is done, and not ok', async (t) => {
  const { anvil, rig } = await setUp(t);
  const reverter = '0x00000000000000000000000000000000000e3178';
  await anvil.client.setCode({ address: reverter, bytecode: '0x5f5ffd' });
  const one = rig();
  one.submit(key('r'), { to: reverter });
  await mineUntil(anvil, () => one.state(key('r')) === 'done', 'it is final');
  assert.equal(one.txs.get(key('r')).ok, false);
});

test('logs of a block that is taken back are taken back, and its transactions are sent again', async (t) => {
  const { anvil, contract, rig } = await setUp(t, { confirmations: 20 });
  await mine(anvil, 30);
  const one = rig();
  for (const name of ['a', 'b', 'c']) one.submit(key(name));
  await until(() => ['a', 'b', 'c'].every((name) => one.state(key(name)) === 'mined') && one.logs.length === 3);
  const before = await anvil.client.getBlockNumber();
  await anvil.send('anvil_reorg', 5, []);
  await until(() => one.said('undone'), { what: 'the reorganisation is seen' });
  await mineUntil(anvil, () => ['a', 'b', 'c'].every((name) => one.state(key(name)) === 'mined'), 'all are mined again');
  await until(() => one.logs.length === 3);
  assert.deepEqual(one.logs.map((log) => log.topic).sort(), ['a', 'b', 'c'].map(key).sort());
  assert.deepEqual((await logsOnChain(anvil, contract)).sort(), ['a', 'b', 'c'].map(key).sort());
  assert.ok(await anvil.client.getBlockNumber() >= before);
});

test('a transaction that a node dropped is sent again', async (t) => {
  const { anvil, contract, rig } = await setUp(t, { args: ['--no-mining'] });
  await mine(anvil);
  const one = rig();
  one.submit(key('d'));
  const hash = await until(async () => Number((await anvil.send('txpool_status')).pending) && one.txs.get(key('d'))?.hash);
  await anvil.send('anvil_dropTransaction', hash);
  await mineUntil(anvil, () => one.state(key('d')) === 'done', 'it is final');
  assert.deepEqual(await logsOnChain(anvil, contract), [key('d')]);
});

test('a transaction that offers too little pays more', async (t) => {
  const { anvil, contract, rig } = await setUp(t, { args: ['--no-mining'] });
  await mine(anvil);
  const one = rig();
  one.submit(key('s'));
  await until(() => one.state(key('s')) === 'sent');
  const first = one.txs.get(key('s')).hash;
  await until(async () => {
    await anvil.client.setNextBlockBaseFeePerGas({ baseFeePerGas: 20_000_000_000n }); // more than twice what it was
    await mine(anvil);
    return ['mined', 'done'].includes(one.state(key('s')));
  }, { what: 'it is mined', timeoutMs: 30_000 });
  assert.notEqual(one.txs.get(key('s')).hash, first);
  assert.deepEqual(await logsOnChain(anvil, contract), [key('s')]);
});

test('when something else takes its nonce, a transaction gets another one', async (t) => {
  const { anvil, contract, rig } = await setUp(t, { args: ['--no-mining'] });
  await mine(anvil);
  const one = rig();
  one.submit(key('n'));
  await until(async () => Number((await anvil.send('txpool_status')).pending));
  const { hash, nonce } = one.txs.get(key('n'));
  await anvil.send('anvil_dropTransaction', hash);
  const foreign = await anvil.client.sendTransaction({
    account: sender, to: accounts[0].address, value: 1n, nonce, maxFeePerGas: 300_000_000_000n, maxPriorityFeePerGas: 90_000_000_000n, gas: 21_000n,
  });
  await mineUntil(anvil, () => one.state(key('n')) === 'done', 'it is final');
  assert.notEqual(one.txs.get(key('n')).nonce, nonce);
  assert.equal((await anvil.client.getTransactionReceipt({ hash: foreign })).status, 'success');
  assert.deepEqual(await logsOnChain(anvil, contract), [key('n')]);
});

test('through kill -9 at any point, and reorganisations, each is sent once', async (t) => {
  const { anvil, contract, rig } = await setUp(t, { confirmations: 6 });
  const names = Array.from({ length: 150 }, (_, i) => key(`k${i}`));
  await mine(anvil, 10);
  let random = 7;
  const chance = (n) => { random = (random * 1103515245 + 12345) % 2147483648; return random % n; };
  let one;
  for (let round = 0; round < 12; round++) {
    one = rig();
    // The whole list each time: what a user does that cannot know what went through.
    for (const k of names.slice(0, (round + 1) * 15)) one.submit(k);
    const enough = chance(25);
    await until(() => one.lines.filter((line) => line.startsWith('tx')).length > enough || one.said('conflict'), { timeoutMs: 20_000 });
    if (chance(3) === 0) await mine(anvil, 1 + chance(3));
    if (chance(3) === 0) await anvil.send('anvil_reorg', 1 + chance(3), []);
    await one.kill();
  }
  one = rig();
  for (const k of names) one.submit(k);
  await mineUntil(anvil, async () => new Set(await logsOnChain(anvil, contract)).size === names.length, 'all are on the chain');
  const got = await logsOnChain(anvil, contract);
  assert.equal(got.length, names.length, 'none twice');
  one.write('status');
  await mineUntil(anvil, () => one.logs.length >= 0 && one.final > 0, 'it is final');
});

test('logs come again from where their user was done with them, over a restart', async (t) => {
  const { anvil, rig } = await setUp(t);
  const one = rig();
  one.submit(key('1'));
  await mineUntil(anvil, () => one.state(key('1')) === 'done' && one.logs.length === 1, 'the first is final');
  one.write(`done ${one.logs[0].block}`);
  one.submit(key('2')); // makes the note durable
  await mineUntil(anvil, () => one.state(key('2')) === 'done', 'the second is final');
  await one.kill();
  const two = rig();
  await until(() => two.logs.length === 1);
  assert.equal(two.logs[0].topic, key('2'));
});

/** A node that says what `lie` makes of an honest one's answers. */
async function startLiar(t, url, lie) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const asked = JSON.parse(body);
    const honest = await (await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json();
    const answers = honest.map((answer) => lie(asked.find(({ id }) => id === answer.id), answer)).filter(Boolean);
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answers));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  atEnd(t, () => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${server.address().port}`;
}

test('one liar among three nodes changes nothing', async (t) => {
  for (const [name, lie] of Object.entries(lies)) {
    await t.test(name, async (t) => {
      const { anvil, contract, rig } = await setUp(t);
      const liar = await startLiar(t, anvil.url, lie);
      const one = rig([liar, anvil.url, `${anvil.url}/?again`]);
      one.submit(key('q'));
      await mineUntil(anvil, () => one.state(key('q')) === 'done' && one.logs.length === 1, `final in spite of ${name}`);
      assert.equal(one.logs[0].data, '0xabcd');
      assert.deepEqual(await logsOnChain(anvil, contract), [key('q')]);
      assert.ok(one.head <= Number(await anvil.client.getBlockNumber()));
    });
  }
});

test('two liars of three are not a chain', async (t) => {
  const { anvil, rig } = await setUp(t);
  const liars = await Promise.all([1, 2].map((n) => startLiar(t, anvil.url, (call, answer) => call.method === 'eth_getLogs' || call.method === 'eth_getBlockByNumber'
    ? { ...answer, result: answer.result?.hash ? { ...answer.result, hash: key(`${n}`) } : answer.result } : answer)));
  const one = rig([...liars, anvil.url]);
  await until(() => one.said('ready'));
  for (let i = 0; i < 10; i++) await mine(anvil);
  one.write('status');
  await until(() => one.said('status'));
  assert.ok(!one.said('head'), 'nothing that they do not agree on is believed');
});

test('nodes of another chain end it', async (t) => {
  const { rig } = await setUp(t, { chainId: 1 });
  const one = rig();
  await until(() => one.said('broken the nodes are of chain 31337, not 1'));
});
