// A phat reads the chain: real anvil, a real worker. Final blocks alone, within what its phat.json says.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { accounts, putEmitter, startAnvil } from './lib/anvil.mjs';
import { tempDir, until } from './lib/proc.mjs';
import { phat } from './lib/script.mjs';
import { startWorker } from './lib/worker.mjs';

const answering = '0x00000000000000000000000000000000000e42e4';
const reverting = '0x00000000000000000000000000000000000edead';
const nowhere = `0x${'11'.repeat(20)}`;
const topic = `0x${'7b'.repeat(32)}`;

// Runs what it is sent, and tells what comes of it.
const reader = phat(`
  async fetch(request, env) {
    const { ask, args, times = 1 } = await request.json();
    try {
      let got;
      for (let i = 0; i < times; i++) got = await env.CHAIN[ask](...args);
      return Response.json({ got: typeof got === 'bigint' ? String(got) : got });
    } catch (error) {
      return Response.json({ name: error.name, code: error.code, data: error.data, message: error.message });
    }
  }
`);

async function start(t, manifest = { chain: { read: true } }) {
  const anvil = await startAnvil(t);
  const dir = await tempDir(t);
  const network = join(dir, 'network.json');
  await writeFile(network, JSON.stringify({ chainId: 31337, contracts: { anchor: nowhere, beacon: nowhere, registry: nowhere } }));
  await anvil.client.setCode({ address: answering, bytecode: '0x602a5f5260205ff3' }); // returns 42
  await anvil.client.setCode({ address: reverting, bytecode: '0x63deadbeef5f526004601cfd' }); // reverts with deadbeef
  const emitter = await putEmitter(anvil);
  const hash = await anvil.client.sendTransaction({ account: accounts[0], to: emitter, data: `${topic}beef` });
  const { blockNumber } = await anvil.client.waitForTransactionReceipt({ hash });
  await anvil.send('anvil_mine', '0x5');
  const worker = await startWorker(t, { args: ['--chain', anvil.url, '--network', network, '--confirmations', '2'] });
  const call = await worker.phat('reader', reader, manifest);
  const ask = async (name, args, more) => (await call('/', { method: 'POST', body: JSON.stringify({ ask: name, args, ...more }) })).json();
  const final = async () => (await (await fetch(`${worker.url}/v1/info`)).json()).chain.final;
  await until(async () => await final() > Number(blockNumber), { timeoutMs: 60_000, what: 'a final block is known' });
  return { anvil, ask, emitter, final, blockNumber: Number(blockNumber), hash };
}

test('a phat reads blocks, contracts, balances and logs at final blocks', async (t) => {
  const { anvil, ask, emitter, final, blockNumber, hash } = await start(t);
  const { got: block } = await ask('block', []);
  const theirs = await anvil.client.getBlock({ blockNumber: BigInt(block.number) });
  assert.equal(block.number, await final());
  assert.equal(block.hash, theirs.hash);
  assert.equal(block.timestamp, Number(theirs.timestamp));
  assert.deepEqual(await ask('call', [{ to: answering }]), { got: `0x${'2a'.padStart(64, '0')}` });
  assert.deepEqual(await ask('getBalance', [accounts[1].address]), { got: '10000000000000000000000' });
  const { got: logs } = await ask('getLogs', [{ address: emitter, topics: [[topic]], fromBlock: blockNumber }]);
  assert.deepEqual(logs.map(({ data, topics, transactionHash, blockNumber: at }) => [data, topics, transactionHash, at]), [['0xbeef', [topic], hash, blockNumber]]);
  assert.deepEqual(await ask('getLogs', [{ address: emitter, topics: [`0x${'00'.repeat(32)}`], fromBlock: blockNumber }]), { got: [] });
});

test('what the chain refuses, and what is not final, is told', async (t) => {
  const { ask, final } = await start(t);
  const reverted = await ask('call', [{ to: reverting }]);
  assert.deepEqual([reverted.name, reverted.code, reverted.data], ['ChainError', 'reverted', '0xdeadbeef']);
  const early = await ask('block', [await final() + 1000]);
  assert.deepEqual([early.name, early.code], ['TypeError', 'chain-question']);
  assert.equal((await ask('call', [{ to: '0x12' }])).code, 'chain-question');
  assert.equal((await ask('getLogs', [{ address: nowhere, fromBlock: 0, toBlock: 1e9 }])).code, 'chain-question');
});

test('each question is one of the subrequests of a call', async (t) => {
  const { ask } = await start(t, { chain: { read: true }, limits: { subrequests: 2 } });
  assert.ok((await ask('block', [], { times: 2 })).got);
  assert.equal((await ask('block', [], { times: 3 })).code, 'subrequest-limit');
});

test('a phat that did not ask for it, and a worker on no chain', async (t) => {
  const worker = await startWorker(t);
  const ask = async (manifest, name) => (await (await worker.phat(name, reader, manifest))('/', { method: 'POST', body: JSON.stringify({ ask: 'block', args: [] }) })).json();
  assert.equal((await ask({}, 'none')).code, 'chain-denied');
  assert.equal((await ask({ chain: { read: false } }, 'refused')).code, 'chain-denied');
  assert.equal((await ask({ chain: { read: true } }, 'nowhere')).code, 'chain-unavailable');
});
