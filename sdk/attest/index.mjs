// In the browser, and wherever there is fetch.
import { makeVerifier } from './verifier.mjs';

export { EvidenceError } from './verifier.mjs';

export async function load(source = new URL('./phala_attest.wasm', import.meta.url)) {
  if (typeof source === 'string' || source instanceof URL) {
    const answer = await fetch(source);
    if (!answer.ok) throw new Error(`${source}: status ${answer.status}`);
    source = await answer.arrayBuffer();
  }
  return makeVerifier(source);
}
