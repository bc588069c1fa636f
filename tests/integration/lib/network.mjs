// Phala's contracts on a chain of one's own: deployed by the script that deploys them anywhere. Workers are of the
// simulators' two kinds, with a verifier that believes what evidence says: for tests and tools/devnet.mjs.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { encodeAbiParameters, keccak256, toHex, zeroHash } from 'viem';

import { accounts, foundryTool } from './anvil.mjs';
import { root, runTool } from './proc.mjs';

const profile = { FOUNDRY_PROFILE: 'devnet' };
/** The simulators' kinds: vendor, and the image that workers run (the evidence's kind, and something that is not zero). */
const kinds = { 255: { vendor: 'SIMULATED_A', tuple: '0x00ff01' }, 254: { vendor: 'SIMULATED_B', tuple: '0x00fe01' } };
const claimsType = {
  type: 'tuple', components: [
    ['kind', 'uint16'], ['image', 'bytes32'], ['platformId', 'bytes32'], ['tcbStatus', 'uint8'], ['evalNo', 'uint32'],
    ['evidenceTime', 'uint40'], ['validUntil', 'uint40'], ['tcbDate', 'uint40'], ['flags', 'uint32'],
  ].map(([name, type]) => ({ name, type })),
};
const simulated = 0x80000000;

async function tool(command, args, env) {
  const { code, stdout, stderr } = await runTool(command, args, { env, timeoutMs: 900_000 });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
}
const artifact = async (file, name = file) => JSON.parse(await readFile(join(root, 'build-contracts', 'devnet', 'out', `${file}.sol`, `${name}.json`), 'utf8'));

/** Deploys everything; `dir` gets the scripts' files. The first account pays, owns workers and phats, and asks. */
export async function deployNetwork(anvil, dir) {
  const [account] = accounts;
  const { client } = anvil;
  const net = { anvil, account };
  const done = async (hash) => {
    const receipt = await client.waitForTransactionReceipt({ hash });
    if (receipt.status !== 'success') throw new Error(`reverted: ${hash}`);
    return receipt;
  };

  await tool(foundryTool('forge'), ['build', 'contracts/script/Deploy.s.sol', 'contracts/test/lib/FakeVerifier.sol', 'contracts/test/lib/Consumers.sol'], profile);
  const fake = await artifact('FakeVerifier');
  const { contractAddress: verifier } = await done(await client.deployContract({ account, abi: fake.abi, bytecode: fake.bytecode.object }));
  const plan = JSON.parse(await readFile(join(root, 'contracts', 'networks', 'devnet.json'), 'utf8'));
  plan.kinds = Object.entries(kinds).map(([kind, { vendor }]) => (
    { kind: Number(kind), verifier, mode: 'ONCHAIN', vendor, perPlatform: 8, leaseS: 86400, tcb: ['UpToDate'], maxEvidenceAgeS: 43200 }));
  plan.images = Object.entries(kinds).map(([kind, { tuple }]) => ({ kind: Number(kind), tuple }));
  await writeFile(join(dir, 'plan.json'), JSON.stringify(plan));
  net.file = join(dir, 'network.json');
  await tool('node', ['contracts/deploy.mjs', join(dir, 'plan.json'), net.file, '--rpc', anvil.url, '--profile', 'devnet'], { PHALA_DEPLOY_KEY: account.secret });
  const { contracts } = JSON.parse(await readFile(net.file, 'utf8'));
  for (const [name, file] of [['beacon', 'EpochBeacon'], ['registry', 'WorkerRegistry'], ['anchor', 'PhatAnchor'], ['phats', 'PhatRegistry']]) {
    net[name] = { address: contracts[name], abi: (await artifact(file)).abi };
  }
  net.send = async (contract, functionName, args, more = {}) => done(await client.writeContract({ account, ...contract, functionName, args, ...more }));
  net.read = (contract, functionName, args = []) => client.readContract({ ...contract, functionName, args });

  /** Enters a worker by its key, as its operator would. */
  net.register = async (signKey, owner = account, kind = 255) => {
    const registration = {
      kind, slot: 0, owner: owner.address, signKey, ecdhKey: keccak256(toHex('cluster')), beacon: await net.read(net.beacon, 'current'),
      tlsKeyHash: zeroHash, cluster: account.address, ohttpHash: zeroHash, evidence: '0x', certificate: '0x',
    };
    const bind = await net.read(net.registry, 'bindOf', [registration]);
    const now = Number((await client.getBlock()).timestamp);
    const claims = { kind, image: keccak256(kinds[kind].tuple), platformId: keccak256(signKey), tcbStatus: 1, evalNo: 0, evidenceTime: now, validUntil: now + 86400 * 30, tcbDate: 0, flags: simulated };
    registration.evidence = encodeAbiParameters([claimsType, { type: 'bytes32' }], [claims, bind]);
    await net.send(net.registry, 'register', [registration, 0n, '0x'], { account: owner });
  };

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
