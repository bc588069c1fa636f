// The chain client as a process of its own, with a real anvil under it.
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { concatHex, keccak256, numberToHex, toHex } from 'viem';

import { accounts, putEmitter, startAnvil } from './anvil.mjs';
import { atEnd, root, tempDir, until } from './proc.mjs';

const rigPath = resolve(root, process.env.PHALA_BUILD ?? 'build', 'src', 'node', 'test_chain_rig');
export const sender = accounts[1];
export const key = (name) => keccak256(toHex(name));

/** The client as a process; what it says, kept in the form that a user would hold it. */
export function startRig(t, dir, contract, urls, { confirmations = 2, quorum = 0, chainId = 31337, pollMs = 50 } = {}) {
  const child = spawn(rigPath, [dir, chainId, sender.secret, confirmations, quorum, pollMs, contract, ...urls].map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise((done) => child.on('exit', done));
  child.stdin.on('error', () => {});
  const rig = { child, lines: [], logs: [], txs: new Map(), head: 0, final: 0, said: (text) => rig.lines.some((line) => line.startsWith(text)) };
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [what, ...rest] = line.split(' ');
    rig.lines.push(line);
    if (what === 'head') [rig.head, rig.final] = rest.map(Number);
    else if (what === 'log') rig.logs.push({ block: Number(rest[0]), tx: rest[2], topic: rest[3], data: rest[4] });
    else if (what === 'undone') rig.logs = rig.logs.filter((log) => log.block < Number(rest[0]));
    else if (what === 'tx') rig.txs.set(rest[0], { state: rest[1], ok: rest[2] === '1', hash: rest[3], block: Number(rest[4]), nonce: Number(rest[5]) });
  });
  rig.write = (line) => child.stdin.write(`${line}\n`);
  rig.submit = (k, { to = contract, gas = 100_000, data = concatHex([k, '0xabcd']) } = {}) => rig.write(`submit ${k} ${to} ${gas} ${data}`);
  rig.state = (k) => rig.txs.get(k)?.state;
  rig.kill = () => { child.kill('SIGKILL'); return exited; };
  rig.exited = exited;
  atEnd(t, rig.kill);
  return rig;
}

export async function setUp(t, { args = [], ...options } = {}) {
  const anvil = await startAnvil(t, args);
  const contract = await putEmitter(anvil);
  const dir = await tempDir(t);
  return { anvil, contract, dir, rig: (urls = [anvil.url], more = {}) => startRig(t, dir, contract, urls, { ...options, ...more }) };
}

export const mine = (anvil, blocks = 1) => anvil.send('anvil_mine', numberToHex(blocks));
/** Blocks until `probe` is true: finality needs some on top. */
export const mineUntil = (anvil, probe, what) => until(async () => { await mine(anvil); return probe(); }, { what, everyMs: 40, timeoutMs: 30_000 });

export async function logsOnChain(anvil, contract) {
  return (await anvil.client.getLogs({ address: contract, fromBlock: 0n })).map((log) => log.topics[0]);
}

/** What a node may say in place of the truth, by what it is about; nothing: it gives no answer to that. */
export const lies = {
  'a head far ahead': (call, answer) => call.method === 'eth_blockNumber' ? { ...answer, result: '0xffffff' } : answer,
  'a head at the beginning': (call, answer) => call.method === 'eth_blockNumber' ? { ...answer, result: '0x0' } : answer,
  'logs that are not there': (call, answer) => call.method === 'eth_getLogs' ? { ...answer, result: [] } : answer,
  'logs that never were': (call, answer) => call.method === 'eth_getLogs' && answer.result?.length > 0
    ? { ...answer, result: answer.result.map((log) => ({ ...log, data: '0x666f72676564' })) } : answer,
  'other blocks': (call, answer) => call.method === 'eth_getBlockByNumber' && answer.result ? { ...answer, result: { ...answer.result, hash: keccak256(answer.result.hash) } } : answer,
  'receipts of what was never mined': (call, answer) => call.method === 'eth_getTransactionReceipt'
    ? { ...answer, result: { transactionHash: call.params[0], blockHash: key('x'), blockNumber: '0x1', gasUsed: '0x1', status: '0x1' } } : answer,
  'a nonce from the future': (call, answer) => call.method === 'eth_getTransactionCount' ? { ...answer, result: '0x99' } : answer,
  'another chain': (call, answer) => call.method === 'eth_chainId' ? { ...answer, result: '0x1' } : answer,
  'errors': (call, answer) => ({ jsonrpc: '2.0', id: answer.id, error: { code: -32000, message: 'no' } }),
  'nothing': () => undefined,
};
