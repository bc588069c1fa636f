// Deploys a network to any EVM chain: node contracts/deploy.mjs NETWORK.json OUT.json [--rpc URL] (key: PHALA_DEPLOY_KEY).
//
// NETWORK.json says who governs and which kinds and images there are; contracts/networks/ has examples, contracts/README.md
// every member. OUT.json gets the chain, the block and each address. The deployer's key ends with no right, which is read
// back from the chain before OUT.json is written.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createPublicClient, encodeFunctionData, http, isAddress, stringToHex, zeroAddress } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const forge = join(root, 'node_modules/@foundry-rs/forge-linux-amd64/bin/forge');
const modes = { ONCHAIN: 1, COMMITTEE: 2, ONCHAIN_AND_COMMITTEE: 3 };
const judges = { committee: 1, dcap: 2, simulator: 3 };
const vendors = { INTEL: 1, AMD: 2, NVIDIA: 3, AWS: 4, ARM: 5, SIMULATED_A: 6, SIMULATED_B: 7 };
const statuses = ['', 'UpToDate', 'SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate',
  'OutOfDateConfigurationNeeded', 'TD_RELAUNCH_ADVISED', 'TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED'];

function fail(text) {
  process.stderr.write(`deploy: ${text}\n`);
  process.exit(1);
}

/** A member of the network's file, or what stands for it. */
function take(object, name, otherwise, where = 'the network') {
  const value = object[name] ?? otherwise;
  if (value === undefined) fail(`${where} has no "${name}": add it`);
  return value;
}
function oneOf(table, name, where) {
  if (!(name in table)) fail(`${where}: "${name}" is none of ${Object.keys(table).join(', ')}`);
  return table[name];
}

function kindPlan(k) {
  const where = `kind ${k.kind}`;
  const mask = take(k, 'tcb', ['UpToDate'], where).reduce((sum, name) => {
    if (statuses.indexOf(name) < 1) fail(`${where}: "${name}" is none of ${statuses.slice(1).join(', ')}`);
    return sum | (1 << statuses.indexOf(name));
  }, 0);
  const judge = take(k, 'verifier', undefined, where);
  if (!(judge in judges) && !isAddress(judge)) fail(`${where}: "verifier" is an address, "committee", "dcap" or "simulator"`);
  return {
    kind: take(k, 'kind'),
    judge: judges[judge] ?? 0,
    rules: {
      verifier: judge in judges ? zeroAddress : judge,
      mode: oneOf(modes, take(k, 'mode', undefined, where), where),
      vendor: oneOf(vendors, take(k, 'vendor', undefined, where), where),
      open: k.open ?? true,
      attachment: k.attachment ?? false,
      perPlatform: k.perPlatform ?? 1,
      leaseS: take(k, 'leaseS', undefined, where),
      tcbMask: mask,
      k: k.k ?? 0,
      maxEvidenceAgeS: take(k, 'maxEvidenceAgeS', undefined, where),
      tcbGraceS: k.tcbGraceS ?? 0,
      minEvalNo: k.minEvalNo ?? 0,
      committee: k.committee ?? zeroAddress,
    },
  };
}

function makePlan(network) {
  const governance = take(network, 'governance');
  return {
    config: {
      governance,
      council: take(network, 'council'),
      delayS: BigInt(take(network, 'delayS')),
      upgradeDelayS: BigInt(take(network, 'upgradeDelayS')),
      holder: network.holder ?? governance,
      supply: BigInt(network.supply ?? 0),
      bridge: network.bridge ?? zeroAddress,
      remotePha: network.remotePha ?? zeroAddress,
      committee: take(network, 'committee'),
      bond: BigInt(take(network, 'bond')),
    },
    kinds: (network.kinds ?? []).map(kindPlan),
    images: (network.images ?? []).map((image) => ({
      kind: take(image, 'kind', undefined, 'an image'),
      tuple: take(image, 'tuple', undefined, 'an image'),
      family: stringToHex(take(image, 'family', 'worker'), { size: 32 }),
      from: image.from ?? 0,
    })),
  };
}

const artifact = (file, name) => JSON.parse(readFileSync(join(root, 'build-contracts', profile, 'out', file, `${name}.json`), 'utf8'));

function runForge(args, env = {}) {
  const { status, stdout, stderr } = spawnSync(forge, args, { cwd: root, env: { ...process.env, FOUNDRY_PROFILE: profile, ...env }, encoding: 'utf8', maxBuffer: 1 << 28 });
  // With --json, lines that begin with a brace are whole traces.
  const told = `${stdout}\n${stderr}`.split('\n').filter((line) => line && !line.startsWith('{')).join('\n');
  if (status !== 0) fail(`forge ${args[0]} ended with ${status}\n${told}`);
  return stdout;
}

const args = process.argv.slice(2);
const option = (name, otherwise) => {
  const at = args.indexOf(name);
  return at < 0 ? otherwise : args.splice(at, 2)[1];
};
const rpc = option('--rpc', 'http://127.0.0.1:8545');
const profile = option('--profile', 'deploy');
const [networkPath, outPath] = args;
const key = process.env.PHALA_DEPLOY_KEY;
if (!outPath) fail('usage: PHALA_DEPLOY_KEY=0x… node contracts/deploy.mjs NETWORK.json OUT.json [--rpc URL] [--profile deploy|devnet]');
if (!/^0x[0-9a-f]{64}$/i.test(key ?? '')) fail('PHALA_DEPLOY_KEY is to be the deployer\'s private key, 0x and 64 hex digits');

const network = JSON.parse(readFileSync(networkPath, 'utf8'));
const chain = createPublicClient({ transport: http(rpc) });
const chainId = await chain.getChainId();
if (chainId !== take(network, 'chainId')) fail(`${rpc} is chain ${chainId}, ${networkPath} is for chain ${network.chainId}`);
const deployer = privateKeyToAccount(key).address;
const plan = makePlan(network);

runForge(['build', 'contracts/script/Deploy.s.sol']);
const { abi } = artifact('Deploy.s.sol', 'Deploy');
const call = encodeFunctionData({ abi, functionName: 'run', args: [plan] });
const said = runForge(['script', 'contracts/script/Deploy.s.sol:Deploy', '--sig', call, '--rpc-url', rpc, '--private-key', key,
  '--sender', deployer, '--broadcast', '--slow', '--non-interactive', '--json']);
const result = said.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)).find(({ returns }) => returns);
if (!result) fail(`forge script told no addresses:\n${said}`);
const names = abi.find(({ name }) => name === 'run').outputs[0].components.map(({ name }) => name);
const found = result.returns.d.value.match(/0x[0-9a-fA-F]{40}/g);
if (found?.length !== names.length) fail(`forge script told ${found?.length} addresses, ${names.length} are expected`);
const contracts = Object.fromEntries(names.map((name, i) => [name, found[i]]));

// A second simulator is judged with collateral of its own.
for (const { kind } of plan.kinds.filter((k) => k.judge === judges.simulator)) {
  const policy = { address: contracts.policy, abi: artifact('TeePolicy.sol', 'TeePolicy').abi };
  const { verifier } = await chain.readContract({ ...policy, functionName: 'kindOf', args: [kind] });
  contracts[`intelCollateral${kind}`] = await chain.readContract({ address: verifier, abi: artifact('DcapVerifier.sol', 'DcapVerifier').abi, functionName: 'COLLATERAL' });
}
for (const [name, address] of Object.entries(contracts)) {
  if (!await chain.getCode({ address })) fail(`${name}: no code at ${address}`);
}
const manager = { address: contracts.manager, abi: artifact('AccessManager.sol', 'AccessManager').abi };
const councils = plan.config.council.toLowerCase() === deployer.toLowerCase() ? [2n, 3n] : [];
for (const role of [0n, 1n, 2n, 3n, 4n, 5n]) {
  const [has] = await chain.readContract({ ...manager, functionName: 'hasRole', args: [role, deployer] });
  if (has !== councils.includes(role)) fail(`the deployer ${deployer} has role ${role}, or lacks what is the council's`);
}
writeFileSync(outPath, `${JSON.stringify({ chainId, block: Number(await chain.getBlockNumber()), contracts }, null, 2)}\n`);
process.stdout.write(`deployed to chain ${chainId}: ${outPath}\n`);
