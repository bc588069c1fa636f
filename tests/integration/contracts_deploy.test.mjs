// A network deployed to a real chain by contracts/deploy.mjs: everything is there, and who deployed it may do nothing.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { accounts, startAnvil } from './lib/anvil.mjs';
import { root, tempDir } from './lib/proc.mjs';

const deployer = accounts[1];
const devnet = join(root, 'contracts/networks/devnet.json');

function deploy(network, out, url) {
  const child = spawn(process.execPath, ['contracts/deploy.mjs', network, out, '--rpc', url, '--profile', 'devnet'],
    { cwd: root, env: { ...process.env, PHALA_DEPLOY_KEY: deployer.secret }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { said += text; });
  return new Promise((resolve) => child.on('exit', (code) => resolve({ code, said })));
}

test('a network is deployed and its deployer has no right left', async (t) => {
  const { url, client } = await startAnvil(t);
  const out = join(await tempDir(t), 'addresses.json');
  const { code, said } = await deploy(devnet, out, url);
  assert.equal(code, 0, said);
  const { chainId, contracts } = JSON.parse(await readFile(out, 'utf8'));
  assert.equal(chainId, 31337);
  for (const name of ['pha', 'manager', 'policy', 'registry', 'committee', 'phats', 'anchor', 'lens']) {
    assert.ok(await client.getCode({ address: contracts[name] }), name);
  }
  const view = (name, types, ...outputs) => [{ type: 'function', name, stateMutability: 'view', inputs: types.map((type) => ({ type })), outputs: outputs.map((type) => ({ type })) }];
  const has = (role, account) => client.readContract({
    address: contracts.manager, abi: view('hasRole', ['uint64', 'address'], 'bool', 'uint32'), functionName: 'hasRole', args: [role, account],
  });
  for (const role of [0n, 1n, 2n, 3n, 4n, 5n]) assert.equal((await has(role, deployer.address))[0], false);
  assert.equal((await has(0n, contracts.upgradeTimelock))[0], true);
  const policy = await client.readContract({ address: contracts.registry, abi: view('policy', [], 'address'), functionName: 'policy' });
  assert.equal(policy.toLowerCase(), contracts.policy.toLowerCase());
});

test('a network for one chain is not deployed to another', async (t) => {
  const { url } = await startAnvil(t, ['--chain-id', '2035']);
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
