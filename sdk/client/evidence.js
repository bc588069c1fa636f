// What a worker's evidence must be about: the report data of its identity and our nonce (docs/receipts.md, section 5).
import { crypto } from '#webcrypto';
import { concat } from './bhttp.js';

const text = new TextEncoder();
const SPKI_P256 = '3059301306072a8648ce3d020106082a8648ce3d03010703420004';

export const toHex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
export function fromHex(hex, length) {
  const digits = String(hex).replace(/^0x/, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits) || (length !== undefined && digits.length !== 2 * length))
    throw new SyntaxError('the attestation document holds a value of the wrong form');
  return Uint8Array.from(digits.match(/../g) ?? [], (d) => Number.parseInt(d, 16));
}
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest('SHA-256', concat(...parts)));

/** The 64 bytes that the quote must carry; `nonce` is 32 bytes. */
export async function reportData(identity, nonce) {
  const chainId = new Uint8Array(32);
  if (!Number.isSafeInteger(identity.chain_id) || identity.chain_id < 0) throw new SyntaxError('chain_id is not a number that can be bound');
  new DataView(chainId.buffer).setBigUint64(24, BigInt(identity.chain_id));
  const bind = await sha256(text.encode('phala.bind.v3'), nonce, await sha256(fromHex(SPKI_P256), fromHex(identity.tls_pub, 64)),
    fromHex(identity.cluster, 20), await sha256(fromHex(identity.ohttp_keys)));
  const hash = await sha256(text.encode('phala.worker.v1'), chainId, fromHex(identity.registry, 20), fromHex(identity.signer, 20),
    fromHex(identity.caller_x25519, 32), fromHex(identity.operator, 20), bind);
  return concat(hash, new Uint8Array(32));
}
