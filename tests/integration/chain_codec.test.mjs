// RLP, transactions, contract ABI and Keccak against viem and Foundry's cast, over inputs by chance (one seed).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import { bytesToHex, encodeAbiParameters, encodeEventTopics, encodeFunctionData, keccak256, parseTransaction, recoverTransactionAddress, serializeTransaction, toRlp } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { foundryTool } from './lib/anvil.mjs';
import { atEnd, root, runTool } from './lib/proc.mjs';

const abi = JSON.parse(await readFile(join(root, 'src', 'chain', 'test_contracts', 'Sample.json'), 'utf8'));

/** The filter: asks it a line, gives the words of its answer. */
function startCodec(t) {
  const child = spawn(resolve(root, process.env.PHALA_BUILD ?? 'build', 'src', 'chain', 'test_codec'), [], { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()(line.split(' ')));
  atEnd(t, () => child.stdin.end());
  return (...words) => new Promise((done) => { waiting.push(done); child.stdin.write(`${words.join(' ')}\n`); });
}

/** Numbers by chance that are the same each time. */
function chance(seed) {
  let state = BigInt(seed);
  const next = () => { state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n); return state >> 33n; };
  const below = (n) => Number(next() % BigInt(n));
  const bytes = (n) => bytesToHex(Uint8Array.from({ length: n }, () => below(256)));
  // Edges of widths as often as the middle.
  const uint = (bits) => {
    const value = BigInt(`0x${bytes(32).slice(2)}`) >> BigInt(256 - below(bits + 1));
    return [value, 0n, (1n << BigInt(bits)) - 1n, 127n, 128n][Math.min(below(12), 4) === 4 ? 0 : below(5)] & ((1n << BigInt(bits)) - 1n);
  };
  const list = (n, make) => Array.from({ length: below(n + 1) }, make);
  const letters = [...'aé漢🙂z '];
  const text = () => list(40, () => letters[below(letters.length)]).join('');
  return { below, bytes, uint, list, text };
}

test('Keccak-256 is that of viem and of cast', async (t) => {
  const codec = startCodec(t);
  const { bytes } = chance(1);
  for (let n = 0; n < 300; n++) {
    const input = bytes(n);
    assert.deepEqual(await codec('keccak', input), [keccak256(input)]);
  }
  const input = bytes(137);
  assert.equal((await runTool(foundryTool('cast'), ['keccak', input])).stdout.trim(), (await codec('keccak', input))[0]);
});

test('RLP of trees is read and written as viem and cast do', async (t) => {
  const codec = startCodec(t);
  const { below, bytes, list } = chance(2);
  const tree = (depth) => depth === 0 || below(3) === 0 ? bytes([0, 1, 1, 20, 55, 56, 300][below(7)]) : list(6, () => tree(depth - 1));
  for (let n = 0; n < 300; n++) {
    const encoded = toRlp(tree(4));
    assert.deepEqual(await codec('rlp', encoded), [encoded]);
  }
  const some = toRlp(['0x01', ['0x', '0x0203'], bytes(60)]);
  const { stdout } = await runTool(foundryTool('cast'), ['from-rlp', some]);
  assert.equal((await runTool(foundryTool('cast'), ['to-rlp', stdout.trim()])).stdout.trim(), (await codec('rlp', some))[0]);
});

test('transactions are made, signed and named as viem does, and read from it', async (t) => {
  const codec = startCodec(t);
  const { below, bytes, uint } = chance(3);
  for (let n = 0; n < 200; n++) {
    const priority = uint(40), secret = bytes(32);
    const tx = {
      type: 'eip1559', chainId: Number(uint(52)) || 1, nonce: Number(uint(52)), maxPriorityFeePerGas: priority, maxFeePerGas: priority + uint(40), gas: uint(60),
      to: below(5) === 0 ? undefined : bytes(20), value: uint(256), data: bytes(below(400)),
    };
    const unsigned = serializeTransaction(tx);
    assert.deepEqual(await codec('make', tx.chainId, tx.nonce, tx.maxPriorityFeePerGas, tx.maxFeePerGas, tx.gas, tx.to ?? '-', tx.value, tx.data), [unsigned, keccak256(unsigned)]);
    const account = privateKeyToAccount(secret);
    const signed = await account.signTransaction(tx);
    assert.deepEqual(await codec('sign', secret, unsigned), [signed, keccak256(signed)]);
    assert.deepEqual(await codec('open', signed), [account.address.toLowerCase(), tx.chainId, tx.nonce, tx.maxPriorityFeePerGas, tx.maxFeePerGas, tx.gas, tx.to ?? '0x', tx.value, tx.data].map(String));
    assert.equal((await recoverTransactionAddress({ serializedTransaction: signed })), account.address);
    assert.equal(parseTransaction(signed).nonce ?? 0, tx.nonce);
  }
});

test('a transaction of cast is read, and ours by cast', async (t) => {
  const codec = startCodec(t);
  const secret = `0x${'46'.repeat(32)}`;
  const { stdout } = await runTool(foundryTool('cast'), ['mktx', '--private-key', secret, '--chain', '31337', '--nonce', '9', '--gas-limit', '21000',
    '--gas-price', '20000000000', '--priority-gas-price', '1000000000', '--value', '1ether', `0x${'35'.repeat(20)}`]);
  const opened = await codec('open', stdout.trim());
  assert.deepEqual(opened, [privateKeyToAccount(secret).address.toLowerCase(), '31337', '9', '1000000000', '20000000000', '21000', `0x${'35'.repeat(20)}`, '1000000000000000000', '0x']);
  const [unsigned] = await codec('make', ...opened.slice(1));
  assert.equal((await codec('sign', secret, unsigned))[0], stdout.trim());
  const [signed, hash] = await codec('sign', secret, unsigned);
  const decoded = await runTool(foundryTool('cast'), ['decode-transaction', signed]);
  assert.ok(decoded.stdout.toLowerCase().includes(opened[0]), decoded.stdout);
  assert.equal((await runTool(foundryTool('cast'), ['keccak', signed])).stdout.trim(), hash);
});

test('arguments of every type are read and written as viem does', async (t) => {
  const codec = startCodec(t);
  const { below, bytes, uint, list, text } = chance(4);
  const job = () => ({ id: bytes(32), notes: list(4, text), done: below(2) === 1 });
  for (let n = 0; n < 200; n++) {
    const args = [Number(uint(32)), text(), bytes(4), list(5, () => uint(128)), [uint(64), uint(64)], bytes(below(100)), job(), list(4, job)];
    const data = `0x${encodeFunctionData({ abi, functionName: 'mixed', args }).slice(10)}`;
    assert.deepEqual(await codec('mixed', data), [data]);
    const outputs = abi.find(({ name }) => name === 'mixed').outputs;
    const result = encodeAbiParameters(outputs, [bytes(32), list(5, () => bytes(below(70)))]);
    assert.deepEqual(await codec('mixed_result', result), [result]);
  }
});

test('an event is read as viem writes it', async (t) => {
  const codec = startCodec(t);
  const { below, bytes, uint, text } = chance(5);
  for (let n = 0; n < 100; n++) {
    const args = { who: bytes(20), what: text(), amount: uint(256), data: bytes(below(80)) };
    const topics = encodeEventTopics({ abi, eventName: 'Seen', args });
    const data = encodeAbiParameters([{ type: 'uint256' }, { type: 'bytes' }], [args.amount, args.data]);
    assert.deepEqual(await codec('seen', ...topics, data), [args.who, topics[2], String(args.amount), args.data]);
  }
});
