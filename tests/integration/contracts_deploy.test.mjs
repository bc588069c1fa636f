// A network deployed to a real chain by contracts/deploy.mjs: everything is there, and who deployed it may do nothing.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { createPublicClient, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { atEnd, root, tempDir } from './lib/proc.mjs';

// Anvil's second account.
const key = '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d';
const devnet = join(root, 'contracts/networks/devnet.json');

function startChain(t, args = []) {
  const child = spawn(join(root, 'node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil'), ['--port', '0', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.on('exit', resolve));
  atEnd(t, () => { child.kill('SIGKILL'); return exited; });
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      said += text;
      const listening = /Listening on (\S+)/.exec(said);
      if (listening) resolve(`http://${listening[1]}`);
    });
    child.on('exit', () => reject(new Error(`anvil ended: ${said}`)));
    child.on('error', reject);
  });
}

function deploy(network, out, url) {
  const child = spawn(process.execPath, ['contracts/deploy.mjs', network, out, '--rpc', url, '--profile', 'devnet'],
    { cwd: root, env: { ...process.env, PHALA_DEPLOY_KEY: key }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { said += text; });
  return new Promise((resolve) => child.on('exit', (code) => resolve({ code, said })));
}

test('a network is deployed and its deployer has no right left', async (t) => {
  const url = await startChain(t);
  const out = join(await tempDir(t), 'addresses.json');
  const { code, said } = await deploy(devnet, out, url);
  assert.equal(code, 0, said);
  const { chainId, contracts } = JSON.parse(await readFile(out, 'utf8'));
  assert.equal(chainId, 31337);
  const chain = createPublicClient({ transport: http(url) });
  for (const name of ['pha', 'manager', 'policy', 'registry', 'committee', 'phats', 'anchor', 'lens']) {
    assert.ok(await chain.getCode({ address: contracts[name] }), name);
  }
  const view = (name, types, ...outputs) => [{ type: 'function', name, stateMutability: 'view', inputs: types.map((type) => ({ type })), outputs: outputs.map((type) => ({ type })) }];
  const has = (role, account) => chain.readContract({
    address: contracts.manager, abi: view('hasRole', ['uint64', 'address'], 'bool', 'uint32'), functionName: 'hasRole', args: [role, account],
  });
  for (const role of [0n, 1n, 2n, 3n, 4n, 5n]) assert.equal((await has(role, privateKeyToAccount(key).address))[0], false);
  assert.equal((await has(0n, contracts.upgradeTimelock))[0], true);
  const policy = await chain.readContract({ address: contracts.registry, abi: view('policy', [], 'address'), functionName: 'policy' });
  assert.equal(policy.toLowerCase(), contracts.policy.toLowerCase());
});

test('a network for one chain is not deployed to another', async (t) => {
  const url = await startChain(t, ['--chain-id', '2035']);
  const dir = await tempDir(t);
  const { code, said } = await deploy(devnet, join(dir, 'out.json'), url);
  assert.equal(code, 1);
  assert.match(said, /is chain 2035, .* is for chain 31337/);
  // Nor with simulators or without delays, where people's money is.
  const real = { ...JSON.parse(await readFile(devnet, 'utf8')), chainId: 2035 };
  await writeFile(join(dir, 'real.json'), JSON.stringify(real));
  const quick = await deploy(join(dir, 'real.json'), join(dir, 'out.json'), url);
  assert.equal(quick.code, 1);
  assert.match(quick.said, /DelayTooShort/);
  await assert.rejects(readFile(join(dir, 'out.json')), { code: 'ENOENT' });
});
