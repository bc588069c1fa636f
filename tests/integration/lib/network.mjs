// Phala's contracts on a chain of one's own: deployed by the script that deploys them anywhere. Workers are of the
// simulators' two kinds, each judged from its quotes as hardware is, with collateral of its own root.
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { encodeFunctionData, parseEther, toHex, zeroHash } from 'viem';

import { bundleOf, giveCollateral, sender } from '../../../contracts/collateral.mjs';
import { accounts, foundryTool } from './anvil.mjs';
import { signConsent } from './consent.mjs';
import { root, runTool, until } from './proc.mjs';
import { sameSimulator, startWorker } from './worker.mjs';

const profile = { FOUNDRY_PROFILE: 'devnet' };
/** The simulators' kinds: vendor, and who judges. */
const kinds = { 255: { vendor: 'SIMULATED_A', verifier: 'dcap' }, 254: { vendor: 'SIMULATED_B', verifier: 'simulator' } };
const year = 365n * 86400n;

/** What addImage takes of a TDX quote, version 4: the evidence's kind and the whole measurement tuple (TeeImage). */
const tupleOf = (quote) => `0x0002${Buffer.from(quote, 'base64').subarray(48 + 136, 48 + 520).toString('hex')}`;

/** A simulator under a root of its own, and what it says of itself. */
async function makeSimulator(data) {
  const worker = await startWorker(null, { data });
  const doc = await (await fetch(`${worker.url}/v1/attestation`)).json();
  await worker.stop();
  return bundleOf(doc);
}

async function tool(command, args, env) {
  const { code, stdout, stderr } = await runTool(command, args, { env, timeoutMs: 900_000 });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
}
const artifact = async (file, name = file) => JSON.parse(await readFile(join(root, 'build-contracts', 'devnet', 'out', `${file}.sol`, `${name}.json`), 'utf8'));

const filesOf = (dir) => ({ 255: join(dir, 'network.json'), 254: join(dir, 'network254.json') });
const simulatorOf = (dir, kind) => join(dir, `simulator${kind}`);
const collateralOf = ({ contracts }) => ({ 255: contracts.intelCollateral, 254: contracts.intelCollateral254 });

/** Puts everything on the chain; `dir` gets the scripts' files and the simulators. `rules` are for all kinds, `rules[kind]` for one. */
async function deploy(anvil, dir, rules) {
  const [account] = accounts;
  const simulators = {};
  for (const kind of Object.keys(kinds)) simulators[kind] = await makeSimulator(simulatorOf(dir, kind));

  await tool(foundryTool('forge'), ['build', 'contracts/script/Deploy.s.sol', 'contracts/test/lib/Consumers.sol'], profile);
  const plan = JSON.parse(await readFile(join(root, 'contracts', 'networks', 'devnet.json'), 'utf8'));
  plan.kinds = Object.entries(kinds).map(([kind, { vendor, verifier }]) => (
    { kind: Number(kind), verifier, mode: 'ONCHAIN', vendor, perPlatform: 8, leaseS: 86400, tcb: ['UpToDate'], maxEvidenceAgeS: 43200, ...rules, ...rules[kind] }));
  plan.images = Object.keys(kinds).map((kind) => ({ kind: Number(kind), tuple: tupleOf(simulators[kind].quote) }));
  await writeFile(join(dir, 'plan.json'), JSON.stringify(plan));
  const files = filesOf(dir);
  await tool('node', ['contracts/deploy.mjs', join(dir, 'plan.json'), files[255], '--rpc', anvil.url, '--profile', 'devnet'], { PHALA_DEPLOY_KEY: account.secret });
  const network = JSON.parse(await readFile(files[255], 'utf8'));
  const { contracts } = network;
  // Workers of the second simulator have a file that names its collateral.
  const other = { ...network, contracts: { ...contracts, intelCollateral: contracts.intelCollateral254 } };
  await writeFile(files[254], JSON.stringify(other));
  const collateral = collateralOf(network);
  for (const kind of Object.keys(kinds)) await giveCollateral(sender(anvil.client, account, collateral[kind]), simulators[kind]);
}

/** A network of one's own in `dir`. The first account pays, owns phats, and asks. */
export async function deployNetwork(anvil, dir, rules = {}) {
  await deploy(anvil, dir, rules);
  return handle(anvil, dir);
}

const kept = new Map();

/** The same on a fresh chain for each test of a file, which deploys once for each set of rules. */
export async function sameNetwork(anvil, rules = {}) {
  const key = JSON.stringify(rules);
  if (kept.has(key)) {
    await anvil.send('anvil_loadState', kept.get(key).state);
  } else {
    const dir = await mkdtemp(join(tmpdir(), 'phala-network-'));
    process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
    await deploy(anvil, dir, rules);
    kept.set(key, { dir, state: await anvil.send('anvil_dumpState') });
  }
  return handle(anvil, kept.get(key).dir);
}

/** What a test does with the network whose files are in `dir`. */
async function handle(anvil, dir) {
  const [account] = accounts;
  const { client } = anvil;
  const files = filesOf(dir);
  const network = JSON.parse(await readFile(files[255], 'utf8'));
  const { contracts } = network;
  const net = { anvil, account, file: files[255], collateral: collateralOf(network) };
  const done = async (hash) => {
    const receipt = await client.waitForTransactionReceipt({ hash });
    if (receipt.status !== 'success') throw new Error(`reverted: ${hash}`);
    return receipt;
  };
  for (const [name, file] of [['beacon', 'EpochBeacon'], ['registry', 'WorkerRegistry'], ['policy', 'TeePolicy'], ['timelock', 'TimelockController'], ['anchor', 'PhatAnchor'], ['phats', 'PhatRegistry']]) {
    net[name] = { address: contracts[name], abi: (await artifact(file)).abi };
  }
  net.send = async (contract, functionName, args, more = {}) => done(await client.writeContract({ account, ...contract, functionName, args, ...more }));
  net.read = (contract, functionName, args = []) => client.readContract({ ...contract, functionName, args });

  /** What governance does, through the timelock, which waits for nothing here. */
  net.govern = async (contract, functionName, args) => {
    const call = [contract.address, 0n, encodeFunctionData({ abi: contract.abi, functionName, args }), zeroHash, toHex(await client.getBlockNumber(), { size: 32 })];
    await net.send(net.timelock, 'schedule', [...call, 0n]);
    await net.send(net.timelock, 'execute', call);
  };
  /** Other rules for a kind. */
  net.setKind = async (kind, more) => net.govern(net.policy, 'setKind', [kind, { ...await net.read(net.policy, 'kindOf', [kind]), ...more }]);

  net.fund = (worker) => client.setBalance({ address: worker.info.chain.account, value: parseEther('10') });
  /** Starts a worker of a kind's simulator, with coin for gas. */
  net.start = async (t, data, { kind = 255, operator = account, confirmations = 1, coin = true, args = [] } = {}) => {
    await sameSimulator(simulatorOf(dir, kind), data);
    const worker = await startWorker(t, { data, args: ['--chain', anvil.url, '--network', files[kind], '--confirmations', `${confirmations}`, '--operator', operator.address, ...args] });
    if (coin) await net.fund(worker);
    return Object.assign(worker, { kind, operator });
  };
  /** What an operator signs for a worker's key. */
  net.sign = async (worker, { operator = worker.operator, kind = worker.kind, deadline, ...more } = {}) => signConsent(operator, {
    registry: net.registry.address, signKey: worker.signer, kind, deadline: deadline ?? (await client.getBlock()).timestamp + year, ...more });
  net.consent = async (worker, more) => fetch(`${worker.url}/v1/chain/consent`, { method: 'PUT', body: JSON.stringify(await net.sign(worker, more)) });
  net.registration = async (worker) => (await (await fetch(`${worker.url}/readyz`)).json()).registration;
  /** Gives a worker its operator's consent and waits until it has entered itself. */
  net.enter = async (worker, more) => {
    const response = await net.consent(worker, more);
    if (!response.ok) throw new Error(`consent: ${response.status} ${await response.text()}`);
    await net.live(worker);
  };
  net.live = (worker) => until(async () => {
    const { live, why } = await net.registration(worker);
    if (!live) throw new Error(why);
    return true;
  }, { timeoutMs: 120_000, everyMs: 100, what: 'the worker is in the registry' });

  /** The contract of a phat that `account` owns. */
  net.app = async (name, bundleHash) => {
    const policy = { kindMask: 0xffffffff, tcbMask: 2, minReplicas: 1, anyImage: true, anyDevice: true, anyCluster: true, delayS: 0 };
    await net.send(net.phats, 'create', [name, policy, [bundleHash], false]);
    return net.read(net.phats, 'appOf', [await net.read(net.phats, 'phatIdOf', [account.address, name])]);
  };

  /** A contract that asks, and keeps the hash of the answer. */
  net.consumer = async () => {
    const { abi, bytecode } = await artifact('Consumers', 'Consumer');
    const { contractAddress: address } = await done(await client.deployContract({ account, abi, bytecode: bytecode.object, args: [net.anchor.address] }));
    return { address, abi };
  };

  /** Asks a phat; yields the request's id. */
  net.ask = async (app, input, { replicas = 1, demand = 0, callbackGas = 0, value = 0n, deadlineS = 3600 } = {}) => {
    const { timestamp } = await client.getBlock();
    const receipt = await net.send(net.anchor, 'request', [app, input, callbackGas, Number(timestamp) + deadlineS, replicas, demand], { value });
    return BigInt(receipt.logs.at(-1).topics[1]);
  };
  net.events = (eventName) => client.getContractEvents({ ...net.anchor, eventName, fromBlock: 0n });
  return net;
}
