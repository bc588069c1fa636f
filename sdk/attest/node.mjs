// In node.
import { readFile } from 'node:fs/promises';
import { makeVerifier } from './verifier.mjs';

export { EvidenceError } from './verifier.mjs';

export async function load(source = new URL('./phala_attest.wasm', import.meta.url)) {
  return makeVerifier(typeof source === 'string' || source instanceof URL ? await readFile(source) : source);
}
