// A phat sends transactions of its own: real anvil, a real worker, the policy of its phat.json. Once each, over kill -9 too.
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseEther } from 'viem';

import { accounts, putEmitter, startAnvil } from './lib/anvil.mjs';
import { Owner } from './lib/owner.mjs';
import { root, tempDir, until } from './lib/proc.mjs';
import { phat } from './lib/script.mjs';
import { startSource } from './lib/sources.mjs';
import { startWorker } from './lib/worker.mjs';

const soon = (probe, more) => until(probe, { timeoutMs: 60_000, ...more });
/** What a day may have is counted by days of UTC: none begins during the test. */
const withinADay = () => until(() => Date.now() % 86_400_000 < 86_340_000, { what: 'midnight is over', timeoutMs: 90_000 });

const nowhere = `0x${'11'.repeat(20)}`;
const poke = '0x7b7b7b7b'; // the selector that the policy lists; the emitter takes the first 32 bytes of a call for a topic
const call = (word, selector = poke) => `${selector}${'00'.repeat(28)}${word.toString(16).padStart(64, '0')}`;

// Runs what it is sent, and tells what comes of it.
const agent = phat(`
  async fetch(request, env) {
    const { ask, args = [] } = await request.json();
    try {
      const member = env.WALLET[ask];
      const got = await (typeof member === 'function' ? member.apply(env.WALLET, args) : member);
      return Response.json({ got: typeof got === 'bigint' ? String(got) : got });
    } catch (error) {
      return Response.json({ name: error.name, code: error.code, message: error.message });
    }
  }
`);

const policyFor = (worker, emitter, more = {}) => ({
  chainId: 31337, worker: worker.signer, contracts: [{ address: emitter, selectors: [poke, '0x'] }],
  maxValueWei: '1000', maxValueWeiPerDay: '2500', maxTransactionsPerDay: 50, maxGas: 100000, maxFeePerGasWei: '100000000000', ...more,
});

async function start(t, { policy = {}, anvilArgs, args = [] } = {}) {
  const anvil = await startAnvil(t, anvilArgs);
  const data = await tempDir(t);
  const network = join(data, 'network.json');
  await writeFile(network, JSON.stringify({ chainId: 31337, contracts: { anchor: nowhere, beacon: nowhere, registry: nowhere } }));
  const emitter = await putEmitter(anvil);
  const open = () => startWorker(t, { data, args: ['--chain', anvil.url, '--network', network, '--confirmations', '2', ...args] });
  const s = { anvil, data, emitter, worker: await open(), owner: new Owner() };
  const { id } = await s.worker.phat('agent', agent, { wallet: policyFor(s.worker, emitter, policy), limits: { wallMs: 120_000 } }, s.owner);
  s.ask = async (ask, ...args) => (await fetch(`${s.worker.url}/p/${id}/`, { method: 'POST', body: JSON.stringify({ ask, args }) })).json();
  s.send = (what) => s.ask('send', { to: emitter, data: call(1), ...what });
  s.again = async () => { s.worker = await open(); };
  s.kill = async () => { process.kill(s.worker.pid, 'SIGKILL'); await s.worker.exited; };
  s.id = id;
  s.address = (await s.ask('address')).got;
  await anvil.client.setBalance({ address: s.address, value: parseEther('1') });
  s.nonce = () => anvil.client.getTransactionCount({ address: s.address });
  s.mine = (blocks = 1) => anvil.client.mine({ blocks });
  s.words = async () => (await anvil.client.getLogs({ address: emitter, fromBlock: 0n })).map(({ data: word }) => Number(`0x${word.slice(-8)}`));
  return s;
}

test('a phat has an address, sends a transaction and sees it final', async (t) => {
  const { anvil, ask, send, mine, address, emitter } = await start(t);
  assert.match(address, /^0x[0-9a-f]{40}$/);
  const { got: { hash, nonce } } = await send({ data: call(5), value: 7 });
  assert.equal(nonce, 0);
  const receipt = await anvil.client.waitForTransactionReceipt({ hash });
  const sent = await anvil.client.getTransaction({ hash });
  assert.deepEqual([sent.from, sent.to, sent.value, sent.input, sent.type], [address, emitter, 7n, call(5), 'eip1559']);
  assert.ok(sent.gas > 21_000n && sent.gas < 60_000n, `${sent.gas} is what it takes and a quarter`);
  await mine(3);
  assert.deepEqual((await ask('wait', hash)).got, { hash, success: true, blockNumber: Number(receipt.blockNumber), nonce: 0, final: true });
  assert.equal((await ask('receipt', hash)).got.final, true);
  assert.equal((await ask('receipt', `0x${'12'.repeat(32)}`)).code, 'wallet-unknown');
  await soon(async () => BigInt((await ask('balance')).got ?? parseEther('1')) < parseEther('1'), { what: 'what it cost shows in the balance' });
});

describe('what phat.json does not allow is refused, and nothing leaves', () => {
  const refused = async ({ send, nonce }, what, code, text) => {
    const got = await send(what);
    assert.deepEqual([got.name, got.code], ['TypeError', code], JSON.stringify(got));
    assert.match(got.message, text);
    assert.equal(await nonce(), 0);
  };

  test('contract, function, value, gas', async (t) => {
    const s = await start(t);
    await refused(s, { to: accounts[1].address }, 'wallet-denied', /does not list the contract 0x70997970c51812dc3a010c7d01b50e0d17dc79c8/);
    await refused(s, { data: call(1, '0x095ea7b3') }, 'wallet-denied', /does not list the selector 0x095ea7b3/);
    await refused(s, { data: '0x7b' }, 'wallet-denied', /1 to 3 bytes/);
    await refused(s, { value: 1001 }, 'wallet-limit', /maxValueWei of 1000 wei/);
    await refused(s, { gas: 100_001 }, 'wallet-limit', /maxGas 100000/);
    for (const what of [{ to: '0x12' }, { data: '0x1' }, { data: 'ab' }, { gas: 5 }, { idempotencyKey: 'k'.repeat(300) }]) {
      assert.equal((await s.send(what)).code, 'wallet-question', JSON.stringify(what));
    }
    assert.equal((await s.send({ to: undefined })).code, 'wallet-question'); // no contract is created
    for (const gas of [undefined, 90_000]) { // also where nodes are not asked first
      await refused(s, { value: 1001, gas }, 'wallet-limit', /maxValueWei of 1000 wei/);
      await refused(s, { data: call(1, '0x095ea7b3'), gas }, 'wallet-denied', /selector 0x095ea7b3/);
    }
  });

  test('arguments that the policy binds', async (t) => {
    const bound = { selector: poke, words: [null, { max: '9' }] };
    const fixed = { selector: poke, words: [{ is: `0x${'00'.repeat(31)}07` }] };
    const emitter = '0x00000000000000000000000000000000000e3177';
    const s = await start(t, { policy: { contracts: [{ address: emitter, selectors: [bound, fixed] }] } });
    const words = (first, second) => `${poke}${[first, second].map((word) => word.toString(16).padStart(64, '0')).join('')}`;
    for (const gas of [undefined, 90_000]) {
      await refused(s, { data: words(1, 10), gas }, 'wallet-denied', /words after the selector 0x7b7b7b7b/);
      await refused(s, { data: call(1), gas }, 'wallet-denied', /words after/); // too short for either
    }
    for (const data of [words(1, 9), words(7, 10)]) assert.ok((await s.send({ data })).got);
    const { wallet } = await (await fetch(`${s.worker.url}/v1/phats/${s.id}`)).json();
    assert.deepEqual(wallet.contracts, [{ address: emitter, selectors: [bound, fixed] }]);
  });

  test('what a day may have, also of a phat that asks for much at once, and over a restart', async (t) => {
    await withinADay();
    const s = await start(t, { policy: { maxTransactionsPerDay: 4 } });
    const all = await Promise.all(Array.from({ length: 8 }, (_, i) => s.send({ data: call(i), value: 1000 })));
    assert.deepEqual(all.map(({ code }) => code ?? 'sent').sort(), [...Array(2).fill('sent'), ...Array(6).fill('wallet-limit')]);
    assert.match(all.find(({ code }) => code).message, /maxValueWeiPerDay of 2500 wei/);
    const more = await Promise.all(Array.from({ length: 8 }, (_, i) => s.send({ data: call(i) })));
    assert.equal(more.filter(({ got }) => got).length, 2);
    assert.match(more.find(({ code }) => code).message, /maxTransactionsPerDay of 4/);
    await soon(async () => await s.nonce() === 4, { what: 'four are mined' });

    await s.kill();
    await s.again();
    assert.equal((await s.send({ value: 1 })).code, 'wallet-limit');
    assert.equal(await s.nonce(), 4);
    assert.equal((await s.words()).length, 4);
  });

  test('an operator who takes the ledger away gains nothing', async (t) => {
    const s = await start(t, { policy: { maxTransactionsPerDay: 3 } });
    for (let i = 0; i < 2; i++) assert.ok((await s.send({ value: 1000, idempotencyKey: `${i}` })).got);
    await soon(async () => await s.nonce() === 2, { what: 'both are mined' });
    await s.kill();
    await rm(join(s.data, 'wallets', `${s.id}.ledger`));
    await s.again();
    const got = await s.send({ value: 1000 });
    assert.equal(got.code, 'wallet-denied');
    assert.match(got.message, /nonce 2 is asked for, but 0 is the next/);
    await s.kill();
    await writeFile(join(s.data, 'wallets', `${s.id}.ledger`), Buffer.alloc(1117, 1));
    await s.again();
    assert.match((await s.send()).message, /ledger is not one of this cluster/);
  });

  test('a phat without a wallet, one of another worker, chain or none, and an empty policy', async (t) => {
    const s = await start(t);
    const ask = async (name, wallet, what = 'send', worker = s.worker) => {
      const run = await worker.phat(name, agent, wallet === undefined ? {} : { wallet });
      return (await run('/', { method: 'POST', body: JSON.stringify({ ask: what, args: what === 'send' ? [{ to: s.emitter, data: call(1) }] : [] }) })).json();
    };
    assert.equal((await ask('none')).code, 'wallet-denied');
    assert.equal((await ask('none', undefined, 'address')).code, 'wallet-denied');
    const elsewhere = policyFor({ signer: accounts[1].address }, s.emitter);
    assert.equal((await ask('elsewhere', elsewhere)).code, 'wallet-elsewhere');
    assert.match((await ask('elsewhere', elsewhere, 'address')).got, /^0x/);
    assert.equal((await ask('far', policyFor(s.worker, s.emitter, { chainId: 1 }))).code, 'wallet-unavailable');
    assert.equal((await ask('empty', {})).code, 'wallet-elsewhere');
    const nothing = { chainId: 31337, worker: s.worker.signer };
    assert.equal((await ask('nothing', nothing)).code, 'wallet-denied');
    const alone = await startWorker(t);
    assert.equal((await ask('alone', nothing, 'address', alone)).code, 'wallet-unavailable');
    const { response, body } = await s.owner.deploy(s.worker, 'typo', { 'worker.js': agent }, { wallet: { ...nothing, maxValue: '5' } });
    assert.equal(response.status, 422);
    assert.match(JSON.stringify(body), /phat\.json: wallet.*maxValue/);
  });

  test('a new bundle has its own policy from then on, and the day goes on', async (t) => {
    await withinADay();
    const s = await start(t);
    assert.ok((await s.send({ value: 1000 })).got);
    await s.worker.phat('agent', agent, { wallet: policyFor(s.worker, s.emitter, { maxValueWeiPerDay: '1500', maxValueWei: '5000' }) }, s.owner);
    assert.match((await s.send({ value: 1000 })).message, /maxValueWeiPerDay of 1500/);
    assert.ok((await s.send({ value: 500 })).got);
    await s.worker.phat('agent', agent, { wallet: policyFor({ signer: accounts[1].address }, s.emitter) }, s.owner);
    assert.equal((await s.send()).code, 'wallet-elsewhere');
    assert.equal((await s.ask('address')).got, s.address);
  });
});

describe('once', () => {
  test('an idempotency key sends once, and says so for another transaction', async (t) => {
    const s = await start(t);
    const many = await Promise.all(Array.from({ length: 5 }, () => s.send({ data: call(9), idempotencyKey: 'pay' })));
    assert.equal(new Set(many.map(({ got }) => got.hash)).size, 1);
    assert.equal((await s.send({ data: call(8), idempotencyKey: 'pay' })).code, 'wallet-key-reused');
    await soon(async () => { await s.mine(); return (await s.ask('receipt', many[0].got.hash)).got?.final; }, { what: 'it is final' });
    assert.equal((await s.send({ data: call(9), idempotencyKey: 'pay' })).got.hash, many[0].got.hash);
    await s.kill();
    await s.again();
    assert.equal((await s.send({ data: call(9), idempotencyKey: 'pay' })).got.hash, many[0].got.hash);
    assert.equal((await s.send({ data: call(8), idempotencyKey: 'pay' })).code, 'wallet-key-reused');
    assert.deepEqual(await s.words(), [9]);
  });

  test('what was refused may be sent later with its key', async (t) => {
    const s = await start(t);
    assert.equal((await s.send({ value: 1001, idempotencyKey: 'a' })).code, 'wallet-limit');
    assert.equal((await s.send({ value: 1001, idempotencyKey: 'a' })).code, 'wallet-limit');
    await s.kill();
    await s.again();
    assert.ok((await s.send({ value: 1000, idempotencyKey: 'a' })).got);
  });

  test('through kill -9 between sending and the block', async (t) => {
    const s = await start(t, { anvilArgs: ['--no-mining'] });
    await s.mine();
    const { got: { hash } } = await s.send({ data: call(3), idempotencyKey: 'three' });
    await s.kill();
    await s.anvil.send('anvil_dropTransaction', hash); // the node forgets it meanwhile
    await s.again();
    await soon(async () => Number((await s.anvil.send('txpool_status')).pending), { what: 'it is sent again without being asked for' });
    assert.equal((await s.send({ data: call(3), idempotencyKey: 'three' })).got.hash, hash);
    await soon(async () => { await s.mine(); return (await s.ask('receipt', hash)).got?.final; }, { what: 'it is final' });
    assert.deepEqual(await s.words(), [3]);
  });

  test('through kill -9 at any point of thirty', async (t) => {
    // What was signed and not kept counts although it never left.
    const s = await start(t, { policy: { maxTransactionsPerDay: 1000 } });
    const keys = Array.from({ length: 30 }, (_, i) => i + 1);
    const sent = new Set();
    for (let round = 0; sent.size < keys.length; round++) {
      const tries = keys.filter((n) => !sent.has(n)).map(async (n) => {
        const { got } = await s.send({ data: call(n), idempotencyKey: `n${n}` });
        if (got) sent.add(n);
      });
      if (round < 4) {
        await Promise.race([Promise.all(tries), soon(() => sent.size > 7 * round + round, { what: 'some are sent' })]).catch(() => {});
        await s.kill();
        await Promise.allSettled(tries);
        await s.again();
      } else {
        await Promise.all(tries);
      }
    }
    await soon(async () => { await s.mine(); return (await s.words()).length >= keys.length; }, { what: 'all are mined' });
    assert.deepEqual((await s.words()).sort((a, b) => a - b), keys);
  });
});

test('a transaction that offers too little pays more, and any of its names is good', async (t) => {
  const s = await start(t, { anvilArgs: ['--no-mining'] });
  await s.mine();
  const { got: { hash } } = await s.send({ data: call(4) });
  await soon(async () => {
    await s.anvil.client.setNextBlockBaseFeePerGas({ baseFeePerGas: 20_000_000_000n });
    await s.mine();
    return (await s.ask('receipt', hash)).got;
  }, { what: 'it is mined' });
  const { got: receipt } = await s.ask('wait', hash, { final: false });
  assert.notEqual(receipt.hash, hash);
  assert.equal(receipt.success, true);
  assert.deepEqual(await s.words(), [4]);
  assert.equal((await s.ask('receipt', receipt.hash)).got.hash, receipt.hash);
});

test('what would revert is not sent, unless the phat gives the gas', async (t) => {
  const s = await start(t);
  assert.equal((await s.send({ data: '0x' })).code, 'wallet-estimate'); // the emitter has nothing to copy
  assert.equal(await s.nonce(), 0);
  const { got: { hash } } = await s.send({ data: '0x', gas: 90_000 });
  assert.equal((await s.ask('wait', hash, { final: false })).got.success, false);
  await s.anvil.client.setBalance({ address: s.address, value: 5n });
  assert.equal((await s.send({ value: 1000 })).code, 'wallet-estimate');
});

test('everybody may read the account and its policy', async (t) => {
  const s = await start(t);
  const shown = async (id) => (await (await fetch(`${s.worker.url}/v1/phats/${id}`)).json()).wallet;
  assert.deepEqual(await shown(s.id), { ...policyFor(s.worker, s.emitter), firstNonce: 0, address: s.address, sends: true });
  const { id } = await s.worker.phat('plain', agent);
  assert.equal(await shown(id), undefined);
  const { id: other } = await s.worker.phat('other', agent, { wallet: policyFor({ signer: accounts[1].address.toLowerCase() }, s.emitter) });
  assert.equal((await shown(other)).sends, false);
});

test('the ledger on the disk says nothing of the key or the day', async (t) => {
  const s = await start(t);
  await s.send({ value: 999 });
  const ledger = await readFile(join(s.data, 'wallets', `${s.id}.ledger`));
  assert.equal(ledger.length, 1 + 12 + 64 + 32 * 32 + 16);
});

test('the template price-pusher brings a price on chain, once for a key', async (t) => {
  const source = await startSource(t, (request, response) => response.end(JSON.stringify({ data: { amount: '3120.5' } })));
  const place = `localhost:${source.port}`;
  const s = await start(t, { args: ['--private-host-insecure', place] });
  const read = (name) => readFile(join(root, 'templates/price-pusher', name), 'utf8');
  const manifest = JSON.parse(await read('phat.json'));
  manifest.egress = [`http://${place}`];
  manifest.env = { ...manifest.env, FEED: s.emitter, SOURCE: `http://${place}` };
  manifest.wallet = { ...manifest.wallet, worker: s.worker.signer, contracts: manifest.wallet.contracts.map((contract) => ({ ...contract, address: s.emitter })) };
  const pusher = await s.worker.phat('price-pusher', await read('worker.js'), manifest);
  await s.mine(5);
  const { account, wei } = await soon(async () => { const shown = await pusher('/'); return shown.ok && shown.json(); }, { what: 'a final block is known' });
  assert.equal(wei, '0');
  await s.anvil.client.setBalance({ address: account, value: parseEther('1') });
  const push = async () => (await pusher('/', { method: 'POST', headers: { 'idempotency-key': 'one' } })).json();
  const { price, hash } = await push();
  assert.equal(price, 3120.5);
  assert.equal((await push()).hash, hash);
  await soon(async () => (await (await pusher(`/?hash=${hash}`)).json())?.success, { what: 'it is in a block' });
  const word = (3_120_500_000).toString(16).padStart(64, '0');
  const [log, ...more] = await s.anvil.client.getLogs({ address: s.emitter, fromBlock: 0n });
  assert.deepEqual([more.length, log.topics[0], log.data], [0, `0x91b7f5ed${word.slice(0, 56)}`, `0x${word.slice(-8)}`]);
});
