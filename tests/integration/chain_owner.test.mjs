// Operators that are contracts: their consent is theirs if they say so on chain (ERC-1271).
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';

import { concatHex, hashTypedData, keccak256, pad, toHex } from 'viem';

import { accounts, startAnvil } from './lib/anvil.mjs';
import { deployNetwork } from './lib/network.mjs';
import { atEnd, tempDir, until } from './lib/proc.mjs';

const wallet = '0x00000000000000000000000000000000000e1271';
// Its signatures are of 100 bytes, of which the first 32 are what is signed; all others it refuses by reverting with nothing,
// or, those of 101 bytes, with another value.
const walletCode = '0x6004356064351460443560641416631626ba7e60e01b025f5260205ff3';

/** What a consent says, as the contract's signers would see it. */
function digestOf(net, worker, { kind, slot = 0, nonce = 0n, deadline }) {
  const types = { Register: [['kind', 'uint16'], ['slot', 'uint8'], ['signKey', 'address'], ['nonce', 'uint256'], ['deadline', 'uint256']].map(([name, type]) => ({ name, type })) };
  const domain = { name: 'PhalaWorkerRegistry', version: '1', chainId: 31337, verifyingContract: net.registry.address };
  return hashTypedData({ domain, types, primaryType: 'Register', message: { kind, slot, signKey: worker.signer, nonce, deadline } });
}

const give = async (worker, consent) => {
  const response = await fetch(`${worker.url}/v1/chain/consent`, { method: 'PUT', body: JSON.stringify(consent) });
  return response.status === 204 ? 204 : `${response.status} ${(await response.json()).error.code}`;
};

async function setUp(t, more = {}) {
  const anvil = await startAnvil(t);
  const dir = await tempDir(t);
  const net = await deployNetwork(anvil, dir);
  await anvil.client.setCode({ address: wallet, bytecode: walletCode });
  const operator = { ...accounts[1], address: wallet };
  const begin = () => net.start(t, join(dir, 'data'), { operator, ...more });
  const worker = await begin();
  const deadline = (await anvil.client.getBlock()).timestamp + 86_400n * 30n;
  const words = { kind: worker.kind, slot: 0, nonce: 0n, deadline };
  const consent = (more = {}) => ({ kind: worker.kind, slot: 0, nonce: 0, deadline: Number(deadline), signature: pad(digestOf(net, worker, words), { dir: 'right', size: 100 }), ...more });
  return { anvil, net, worker, begin, consent };
}

test('a contract consents, and its worker registers, and is live again after a restart', async (t) => {
  const { net, worker, begin, consent } = await setUp(t);
  assert.equal(await give(worker, consent()), 204);
  await net.live(worker);
  await worker.stop({ signal: 'SIGKILL' });
  await net.live(await begin());
});

test('what a contract does not call its signature is refused', async (t) => {
  const { net, worker, consent } = await setUp(t);
  const good = consent().signature;
  assert.equal(await give(worker, consent({ slot: 1 })), '403 consent-refused');
  assert.equal(await give(worker, consent({ signature: `${good}00` })), '403 consent-refused');
  assert.equal(await give(worker, consent({ signature: concatHex([keccak256(good), `0x${good.slice(66)}`]) })), '403 consent-refused');
  const account = await net.sign(worker, { operator: accounts[1] });
  assert.equal(await give(worker, account), '403 consent-refused', 'an account is not the contract');
  assert.equal(await give(worker, consent({ signature: '0x' })), '400 bad-consent');
  assert.equal(await give(worker, consent({ signature: toHex(new Uint8Array(1025)) })), '400 bad-consent');
  await until(async () => /has not consented/.test((await net.registration(worker)).why), { what: 'it still waits for consent' });
});

test('consent that was kept is proved again after a restart, by the chain as it is then', async (t) => {
  const { anvil, net, worker, begin, consent } = await setUp(t, { coin: false }); // it cannot enter: it cannot pay
  assert.equal(await give(worker, consent()), 204);
  await worker.stop();
  await anvil.client.setCode({ address: wallet, bytecode: '0x5f5f5260205ff3' }); // says zero to all
  const second = await begin();
  await until(async () => /has not consented/.test((await net.registration(second)).why), { what: 'the contract has changed its mind', timeoutMs: 60_000 });
  await second.stop();
  await anvil.client.setCode({ address: wallet, bytecode: walletCode });
  const third = await begin();
  await until(async () => !/has not consented/.test((await net.registration(third)).why) && (await net.registration(third)).why, { what: 'it consents again', timeoutMs: 60_000 });
});

test('one node that says yes for the contract is no quorum', async (t) => {
  const anvil = await startAnvil(t);
  const yes = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const asked = JSON.parse(body);
    const honest = await (await fetch(anvil.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json();
    const answers = honest.map((answer) => {
      const call = asked.find(({ id }) => id === answer.id);
      const forged = call.method === 'eth_call' && call.params[0].data.startsWith('0x1626ba7e');
      return forged ? { jsonrpc: '2.0', id: answer.id, result: pad('0x1626ba7e', { dir: 'right', size: 32 }) } : answer;
    });
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answers));
  });
  await new Promise((done) => yes.listen(0, '127.0.0.1', done));
  atEnd(t, () => { yes.closeAllConnections(); yes.close(); });
  const dir = await tempDir(t);
  const net = await deployNetwork(anvil, dir);
  await anvil.client.setCode({ address: wallet, bytecode: walletCode });
  const worker = await net.start(t, join(dir, 'data'), {
    operator: { ...accounts[1], address: wallet }, args: ['--chain', `http://127.0.0.1:${yes.address().port}`, '--chain', `${anvil.url}/?again`],
  });
  const forged = { kind: worker.kind, slot: 0, nonce: 0, deadline: 2_000_000_000, signature: toHex(new Uint8Array(100)) };
  assert.equal(await give(worker, forged), '403 consent-refused');
});
