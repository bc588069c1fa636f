// A whole network on this machine: node tools/devnet.mjs [--once]
//
// Starts anvil, deploys the contracts, starts three workers of three operators with simulators of two vendors, which
// enter themselves with their operators' consent, deploys a phat to each, and has a contract ask it with two answers of
// different vendors. Prints one JSON line with the answer and who signed it, each checked here. Then it stays up until
// Ctrl-C; with --once it ends.
//
// INSECURE: simulators prove nothing. Their quotes are judged like hardware's, under roots of their own, which contracts
// take on chain 31337 only.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { decodeFunctionData, encodeAbiParameters, hexToString, keccak256, recoverTypedDataAddress, toHex } from 'viem';

import { accounts, startAnvil } from '../tests/integration/lib/anvil.mjs';
import { deployNetwork } from '../tests/integration/lib/network.mjs';
import { Owner } from '../tests/integration/lib/owner.mjs';
import { until } from '../tests/integration/lib/proc.mjs';
import { phat } from '../tests/integration/lib/script.mjs';

const once = process.argv.includes('--once');
const say = (text) => process.stderr.write(`devnet: ${text}\n`);
const running = [];
const dir = await mkdtemp(join(tmpdir(), 'phala-devnet-'));

async function stop() {
  for (const end of running.reverse()) await end();
  await rm(dir, { recursive: true, force: true });
}

const greeter = phat(`
  chain(request) { return 'hello, ' + request.text(); },
  fetch() { return new Response('ask me on chain'); }
`);

/** Who signed the answer, and whether each was a live worker's key. */
async function prove(net, fulfilled) {
  const { input } = await net.anvil.client.getTransaction({ hash: fulfilled.transactionHash });
  const [terms, reply, signatures] = decodeFunctionData({ abi: net.anchor.abi, data: input }).args;
  const components = net.anchor.abi.find(({ name }) => name === 'isOpen').inputs[0].components;
  const message = { requestId: terms.id, terms: keccak256(encodeAbiParameters([{ type: 'tuple', components }], [terms])), codeHash: reply.codeHash, outcome: reply.outcome, resultHash: keccak256(reply.result) };
  const types = { Answer: [['requestId', 'uint64'], ['terms', 'bytes32'], ['codeHash', 'bytes32'], ['outcome', 'uint8'], ['resultHash', 'bytes32']].map(([name, type]) => ({ name, type })) };
  const domain = { name: 'PhalaPhatAnchor', version: '1', chainId: 31337, verifyingContract: net.anchor.address };
  return Promise.all(signatures.map(async (signature) => {
    const signer = await recoverTypedDataAddress({ domain, types, primaryType: 'Answer', message, signature });
    const { live, owner, kind, vendor } = await net.read(net.registry, 'signerOf', [signer]);
    return { signer, live, operator: owner, kind, vendor };
  }));
}

async function main() {
  say('starts a chain and deploys the contracts; the first time that compiles them');
  const anvil = await startAnvil(null);
  running.push(anvil.stop);
  const net = await deployNetwork(anvil, dir);
  // From here on a block a second, as a rollup has; the deployment had one for each transaction.
  await anvil.send('evm_setAutomine', false);
  await anvil.send('evm_setIntervalMining', 1);
  say(`the chain is at ${anvil.url}; the anchor at ${net.anchor.address}`);

  const workers = [];
  for (const [i, kind] of [255, 254, 255].entries()) {
    const worker = await net.start(null, join(dir, `worker${i}`), { kind, operator: accounts[i] });
    running.push(() => worker.stop());
    workers.push(worker);
    await net.enter(worker, { slot: i });
    say(`worker ${i + 1} at ${worker.url}, kind ${kind}, INSECURE-SIMULATOR: registered with its own evidence`);
  }
  const owner = new Owner(net.account.secret);
  let deployed;
  for (const worker of workers) deployed = await worker.phat('greeter', greeter, {}, owner);
  const app = await net.app('greeter', deployed.body.bundle_hash);
  const consumer = await net.consumer();
  say(`the phat greeter is ${deployed.id}, its contract ${app}; a contract that asks is at ${consumer.address}`);

  const { timestamp } = await anvil.client.getBlock();
  await net.send(consumer, 'ask', [app, toHex('world'), 150_000, Number(timestamp) + 3600, 3, 1]);
  const [fulfilled] = await until(async () => { const events = await net.events('Fulfilled'); return events.length > 0 && events; }, { timeoutMs: 120_000, everyMs: 200, what: 'the answer' });
  const { args } = fulfilled;
  const proof = await prove(net, fulfilled);
  const kept = await net.read(consumer, 'answered') === args.id;
  process.stdout.write(`${JSON.stringify({
    request: Number(args.id), answer: hexToString(args.result), outcome: args.outcome, codeHash: args.codeHash, calledBack: args.calledBack && kept,
    transaction: fulfilled.transactionHash, signers: proof, rpc: anvil.url, workers: workers.map(({ url }) => url), network: net.file,
  })}\n`);
  if (proof.length < 2 || proof.some(({ live }) => !live)) throw new Error('not every signature is a live worker\'s');
}

try {
  await main();
  if (!once) {
    say('stays up; Ctrl-C ends it');
    await new Promise((done) => { process.once('SIGINT', done); process.once('SIGTERM', done); });
  }
} finally {
  await stop();
}
