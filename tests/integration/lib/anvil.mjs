// A real chain of one's own: anvil on a free port of loopback, ended with the test.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { createTestClient, http, publicActions, walletActions } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';

import { atEnd, root } from './proc.mjs';

/** The ELF file itself: the package's own start script needs a post-install step that is not run. */
export const foundryTool = (name) => join(root, 'node_modules', '@foundry-rs', `${name}-linux-amd64`, 'bin', name);

/** Anvil's first accounts, each with 10,000 ether: "test test … junk". */
export const accounts = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
].map((secret) => Object.assign(privateKeyToAccount(secret), { secret }));

/** Starts anvil; `args` beside port and silence. Yields its URL and viem's client with everything a test may do. */
export async function startAnvil(t, args = []) {
  const child = spawn(foundryTool('anvil'), ['--port', '0', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise((resolve) => child.on('exit', resolve));
  if (t) atEnd(t, () => { child.kill('SIGKILL'); return exited; });
  const url = await new Promise((resolve, reject) => {
    let output = '';
    const see = (text) => {
      output = (output + text).slice(-20_000);
      const at = /Listening on (\S+)/.exec(output);
      if (at) resolve(`http://${at[1]}`);
    };
    child.stdout.setEncoding('utf8').on('data', see);
    child.stderr.setEncoding('utf8').on('data', see);
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`anvil ended before it listened\n${output}`)));
  });
  // A test mines at once: viem's default of asking for receipts every 4 s would be what takes the time.
  const client = createTestClient({ chain: foundry, mode: 'anvil', transport: http(url), pollingInterval: 20 })
    .extend(publicActions).extend(walletActions);
  const stop = () => { child.kill('SIGKILL'); return exited; };
  return { url, client, child, stop, send: (method, ...params) => client.request({ method, params }) };
}

/** A contract whose every call is a log: the first 32 bytes are its topic, the rest its data. */
export async function putEmitter(anvil, address = '0x00000000000000000000000000000000000e3177') {
  // calldatacopy(0, 0, calldatasize); log1(32, calldatasize - 32, mload(0))
  await anvil.client.setCode({ address, bytecode: '0x365f5f375f51602036036020a100' });
  return address;
}
