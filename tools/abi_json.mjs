// The ABI of the contracts that C talks to, out of forge's build into contracts/abi/: node tools/abi_json.mjs [--check]
//
// The files are in the repository so that building a worker needs no Solidity compiler. With --check nothing is
// written; a file that is not what forge built ends with an error.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const names = ['DcapVerifier', 'EpochBeacon', 'IERC1271', 'IntelCollateral', 'Lens', 'PhatAnchor', 'PhatApp', 'TeePolicy', 'VerifierCommittee', 'WorkerRegistry'];
const check = process.argv.includes('--check');
let stale = 0;

mkdirSync(join(root, 'contracts', 'abi'), { recursive: true });
for (const name of names) {
  const { abi } = JSON.parse(readFileSync(join(root, 'build-contracts', 'out', `${name}.sol`, `${name}.json`), 'utf8'));
  const text = `[\n${abi.map((entry) => JSON.stringify(entry)).join(',\n')}\n]\n`;
  const path = join(root, 'contracts', 'abi', `${name}.json`);
  if (!check) writeFileSync(path, text);
  else if (readFileSync(path, 'utf8') !== text) {
    console.error(`${path} is not what forge built: node tools/abi_json.mjs`);
    stale++;
  }
}
process.exitCode = stale > 0 ? 1 : 0;
