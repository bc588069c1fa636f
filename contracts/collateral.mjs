// Gives a network the collateral that evidence is judged with: node contracts/collateral.mjs NETWORK.json EVIDENCE.json [--rpc URL]
// [--collateral 0x…] (key: PHALA_DEPLOY_KEY).
//
// NETWORK.json is what contracts/deploy.mjs wrote; EVIDENCE.json a bundle with collateral (phala-evidence-v1, as `phala collateral
// fetch` completes it) or a worker's answer to GET /v1/attestation. Anybody may send these: Intel's signatures count. What the
// chain has already, or has newer, is left alone, so the same command is what renews it.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createPublicClient, createWalletClient, defineChain, http, keccak256, toHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

const abi = JSON.parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), 'abi', 'IntelCollateral.json'), 'utf8'));
const root = `0x${'0'.repeat(64)}`;
const SERIALS_A_TIME = 40n;

/** DER of each certificate of a text with PEM in it. */
export const ders = (text) => [...text.matchAll(/-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/g)]
  .map(([, base64]) => toHex(Buffer.from(base64, 'base64')));

/** The bundle of a worker's attestation document, or the bundle itself. */
export const bundleOf = (doc) => doc.evidence ?? doc;

/** A signed document: exact bytes of its member, and the signature. */
function signedPart(text, member) {
  const start = text.indexOf(`"${member}":`) + member.length + 3;
  const end = text.lastIndexOf(',"signature"');
  const { signature } = JSON.parse(text);
  return [toHex(Buffer.from(text.slice(start, end))), `0x${signature}`];
}

/**
 * Sends what the chain lacks, in the order that it needs.
 * `send(functionName, args)` sends a call and waits for it; it throws viem's error when the contract refuses.
 */
export async function giveCollateral(send, bundle) {
  const { collateral } = bundle;
  const quote = Buffer.from(bundle.quote, 'base64').toString('latin1');
  const [, ca, rootCert] = ders(collateral.pck_chain ?? quote);
  const [signer] = ders(collateral.tcb_info_chain);
  const given = [];
  const give = async (functionName, args, known) => {
    try {
      given.push([functionName, await send(functionName, args)]);
    } catch (error) {
      const name = error.walk?.((e) => e.data?.errorName)?.data?.errorName;
      if (!known.includes(name)) throw error;
    }
  };
  const list = async (issuer, base64) => {
    const der = toHex(Buffer.from(base64, 'base64'));
    await give('beginCrl', [issuer, der], ['CollateralNotNewer']);
    while (await send('isIndexing', [issuer])) await give('indexCrl', [issuer, der, SERIALS_A_TIME], []);
  };
  await give('addRoot', [rootCert], ['RootKnown']);
  await give('addCa', [ca], []);
  await give('addCa', [signer], []);
  await list(root, collateral.root_ca_crl);
  await list(keccak256(ca), collateral.pck_crl);
  await give('upsertTcbInfo', [keccak256(signer), ...signedPart(collateral.tcb_info, 'tcbInfo')], ['CollateralNotNewer']);
  await give('upsertQeIdentity', [keccak256(signer), ...signedPart(collateral.qe_identity, 'enclaveIdentity')], ['CollateralNotNewer']);
  return given.map(([name]) => name);
}

/** `send` of giveCollateral with viem's clients. */
export function sender(client, account, address) {
  return async (functionName, args) => {
    const views = abi.find((entry) => entry.name === functionName && entry.stateMutability === 'view');
    if (views) return client.readContract({ address, abi, functionName, args });
    const { request } = await client.simulateContract({ account, address, abi, functionName, args });
    const receipt = await client.waitForTransactionReceipt({ hash: await client.writeContract(request) });
    if (receipt.status !== 'success') throw new Error(`${functionName} was reverted: ${receipt.transactionHash}`);
    return receipt;
  };
}

async function main(args) {
  const option = (name, otherwise) => {
    const at = args.indexOf(name);
    return at < 0 ? otherwise : args.splice(at, 2)[1];
  };
  const rpc = option('--rpc', 'http://127.0.0.1:8545');
  const named = option('--collateral');
  const [networkPath, evidencePath] = args;
  if (!evidencePath || !/^0x[0-9a-f]{64}$/i.test(process.env.PHALA_DEPLOY_KEY ?? '')) {
    throw new Error('usage: PHALA_DEPLOY_KEY=0x… node contracts/collateral.mjs NETWORK.json EVIDENCE.json [--rpc URL] [--collateral 0x…]');
  }
  const network = JSON.parse(readFileSync(networkPath, 'utf8'));
  const chain = defineChain({ id: network.chainId, name: 'network', nativeCurrency: { name: 'coin', symbol: 'COIN', decimals: 18 }, rpcUrls: { default: { http: [rpc] } } });
  const account = privateKeyToAccount(process.env.PHALA_DEPLOY_KEY);
  const reader = createPublicClient({ chain, transport: http(rpc) });
  const writer = createWalletClient({ account, chain, transport: http(rpc) });
  const client = Object.assign(reader, { writeContract: (request) => writer.writeContract(request) });
  const given = await giveCollateral(sender(client, account, named ?? network.contracts.intelCollateral), bundleOf(JSON.parse(readFileSync(evidencePath, 'utf8'))));
  process.stdout.write(`${given.length > 0 ? given.join(', ') : 'nothing was newer'}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    process.stderr.write(`collateral: ${error.shortMessage ?? error.message}\n`);
    process.exitCode = 1;
  });
}
