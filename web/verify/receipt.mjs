// Receipts by their documentation (docs/receipts.md): hashes, the path to the root, the signature over it.
import { secp256k1 } from '@noble/curves/secp256k1';
import { sha256 } from '@noble/hashes/sha2';
import { keccak_256 as keccak256 } from '@noble/hashes/sha3';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils';

export const hex = bytesToHex;
const outcomes = ['answered', 'failed', 'cut'];
const receiptMembers = {
  '': ['format', 'leaf', 'batch'],
  leaf: ['version', 'outcome', 'status', 'phat', 'bundle_hash', 'commit_index', 'state_root', 'request_hash', 'response_hash', 'nonce', 'time_ms'],
  batch: ['index', 'count', 'path', 'time_ms', 'signature'],
};

const fail = (what) => { throw new Error(what); };

function membersAre(object, names, what) {
  if (object === null || typeof object !== 'object' || Array.isArray(object)) fail(`${what}: expected an object`);
  for (const name of names) if (!Object.hasOwn(object, name)) fail(`${what}: ${name} is missing`);
  for (const name of Object.keys(object)) if (!names.includes(name)) fail(`${what}: ${name} is not known`);
}

export function unhex(text, len, what) {
  const digits = typeof text === 'string' ? text.replace(/^0x/, '') : '';
  if (!/^[0-9a-fA-F]*$/.test(digits) || digits.length !== 2 * len) fail(`${what}: expected ${len} bytes in hexadecimal`);
  return hexToBytes(digits.toLowerCase());
}

export function unbase64(text, what) {
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    return fail(`${what}: expected base64`);
  }
}

function number(value, max, what) {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) fail(`${what}: expected an integer from 0 to ${max}`);
  return value;
}

function uint(value, len) {
  const bytes = new Uint8Array(len);
  for (let i = len - 1, rest = BigInt(value); i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 255n);
  return bytes;
}

/** A receipt's leaf as bytes, and its batch, checked for form. */
export function readReceipt(receipt) {
  membersAre(receipt, receiptMembers[''], 'receipt');
  if (receipt.format !== 'phala-receipt-v1') fail('receipt: format is not phala-receipt-v1');
  const { leaf, batch } = receipt;
  membersAre(leaf, receiptMembers.leaf, 'leaf');
  membersAre(batch, receiptMembers.batch, 'batch');
  if (leaf.version !== 2) fail(`leaf.version: ${leaf.version} is not known here`);
  if (!outcomes.includes(leaf.outcome)) fail('leaf.outcome: expected answered, failed or cut');
  const bytes = concatBytes(
    utf8ToBytes('phala-leaf'), uint(2, 1), unhex(leaf.phat, 20, 'leaf.phat'), unhex(leaf.bundle_hash, 32, 'leaf.bundle_hash'),
    uint(number(leaf.commit_index, Number.MAX_SAFE_INTEGER, 'leaf.commit_index'), 8), unhex(leaf.state_root, 32, 'leaf.state_root'), new Uint8Array(24),
    uint(outcomes.indexOf(leaf.outcome), 1), uint(number(leaf.status, 999, 'leaf.status'), 2),
    uint(number(leaf.time_ms, Number.MAX_SAFE_INTEGER, 'leaf.time_ms'), 8), unhex(leaf.request_hash, 32, 'leaf.request_hash'),
    unhex(leaf.response_hash, 32, 'leaf.response_hash'), unhex(leaf.nonce, 32, 'leaf.nonce'));
  const count = number(batch.count, 1024, 'batch.count');
  const index = number(batch.index, 1023, 'batch.index');
  if (index >= count) fail('batch.index: not below count');
  if (!Array.isArray(batch.path)) fail('batch.path: expected an array');
  return {
    leaf: bytes, index, count, path: batch.path.map((one, i) => unhex(one, 32, `batch.path[${i}]`)),
    time: number(batch.time_ms, Number.MAX_SAFE_INTEGER, 'batch.time_ms'), signature: unhex(batch.signature, 65, 'batch.signature'),
  };
}

/** RFC 9162 §2.1; null unless the path has exactly as many hashes as it takes. */
export function rootOf({ leaf, index, count, path }) {
  let hash = sha256(concatBytes(uint(0, 1), leaf));
  let used = 0;
  for (; count > 1; index >>= 1, count = (count + 1) >> 1) {
    if ((index ^ 1) >= count) continue;
    if (used === path.length) return null;
    const other = path[used++];
    hash = sha256(index % 2 === 0 ? concatBytes(uint(1, 1), hash, other) : concatBytes(uint(1, 1), other, hash));
  }
  return used === path.length ? hash : null;
}

const typeHash = (text) => keccak256(utf8ToBytes(text));
const domain = keccak256(concatBytes(typeHash('EIP712Domain(string name,string version)'), typeHash('Phala'), typeHash('1')));

/** The address whose key signed the batch; null if none did. */
export function signerOf({ count, time, signature }, root) {
  const message = keccak256(concatBytes(typeHash('ReceiptBatch(bytes32 root,uint32 count,uint64 time)'), root, uint(count, 32), uint(time, 32)));
  const v = signature[64];
  if (v !== 27 && v !== 28) return null;
  try {
    const parsed = secp256k1.Signature.fromCompact(signature.subarray(0, 64));
    if (parsed.hasHighS()) return null;
    const point = parsed.addRecoveryBit(v - 27).recoverPublicKey(keccak256(concatBytes(Uint8Array.of(0x19, 1), domain, message)));
    return `0x${hex(keccak256(point.toRawBytes(false).subarray(1)).subarray(12))}`;
  } catch {
    return null;
  }
}

function hashLines(tag, lines, body) {
  for (const line of lines) if (typeof line !== 'string' || /[\x00-\x08\x0a-\x1f\x7f]/.test(line)) fail('a header is no line of text');
  return sha256(concatBytes(utf8ToBytes([tag, ...lines, ''].join('\n')), body));
}

export const requestHash = ({ method, target, content_type: type, body }) =>
  hashLines('phala-request-v1', [method, target, type], unbase64(body, 'request.body'));

export const responseHash = ({ status, content_type: type, content_encoding: encoding, location, body }) =>
  hashLines('phala-response-v1', [String(status), type, encoding, location], unbase64(body, 'response.body'));

/** The 64 bytes that the quote of an attestation must carry: docs/receipts.md, section 5. */
export function reportDataOf({ identity, nonce }) {
  const tls = sha256(concatBytes(hexToBytes('3059301306072a8648ce3d020106082a8648ce3d03010703420004'), unhex(identity.tls_pub, 64, 'identity.tls_pub')));
  const bind = sha256(concatBytes(utf8ToBytes('phala.bind.v2'), unhex(nonce, 32, 'nonce'), tls, unhex(identity.cluster, 20, 'identity.cluster')));
  const of = sha256(concatBytes(
    utf8ToBytes('phala.worker.v1'), uint(number(identity.chain_id, Number.MAX_SAFE_INTEGER, 'identity.chain_id'), 32),
    unhex(identity.registry, 20, 'identity.registry'), unhex(identity.signer, 20, 'identity.signer'),
    unhex(identity.caller_x25519, 32, 'identity.caller_x25519'), unhex(identity.operator, 20, 'identity.operator'), bind));
  return concatBytes(of, new Uint8Array(32));
}

/** SHA-256 of the root certificate's public key: what a policy names a simulator by. Null if it is not found. */
export function rootKeyOf(evidence) {
  const pems = evidence?.collateral?.tcb_info_chain?.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (!pems) return null;
  try {
    const der = unbase64(pems.at(-1).replace(/-----[^-]+-----|\s/g, ''), 'certificate');
    const at = (from) => { // one TLV: [tag, where its value begins, where it ends]
      let begin = from + 2;
      let len = der[from + 1];
      if (len > 0x80) {
        const size = len & 0x7f;
        len = 0;
        for (let i = 0; i < size; i++) len = len * 256 + der[begin + i];
        begin += size;
      }
      return [der[from], begin, begin + len];
    };
    let from = at(at(0)[1])[1]; // into tbsCertificate
    if (der[from] === 0xa0) from = at(from)[2];
    for (let i = 0; i < 5; i++) from = at(from)[2]; // serial, algorithm, issuer, validity, subject
    return hex(sha256(der.subarray(from, at(from)[2])));
  } catch {
    return null;
  }
}
