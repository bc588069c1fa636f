// A backup of a cluster's keys (src/keys/escrow.h), read, opened and combined apart from the C code.
import { createDecipheriv, createHash } from 'node:crypto';
import { keccak256, recoverAddress } from 'viem';
import { open, seal } from './hpke.mjs';

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const shareLength = 81;

/** Takes a backup apart; throws unless the cluster that it names has signed it. */
export async function readBackup(raw) {
  let at = 0;
  const take = (length) => raw.subarray(at, at += length);
  const backup = { magic: take(16).toString('latin1'), cluster: `0x${take(20).toString('hex')}`, epoch: take(4).readUInt32BE(), time: take(8).readBigUInt64BE(), id: take(16) };
  const [needed, count] = take(2);
  backup.needed = needed;
  backup.commit = take(32);
  backup.holders = Array.from({ length: count }, () => ({ key: take(32), commit: take(32) }));
  backup.head = sha256(raw.subarray(0, at));
  backup.keys = take(take(2).readUInt16BE());
  for (const holder of backup.holders) holder.share = take(shareLength);
  const hash = keccak256(raw.subarray(0, at));
  const signer = await recoverAddress({ hash, signature: `0x${take(65).toString('hex')}` });
  if (at !== raw.length || backup.magic !== 'phala-backup-v1\n' || signer.toLowerCase() !== backup.cluster) throw new Error('no backup');
  return backup;
}

/** The share of the holder with this secret: x and 32 bytes. */
export function openShare(backup, secret, index) {
  const share = open(secret, 'phala-backup-share-v1', backup.head, backup.holders[index].share);
  if (!sha256(Buffer.from('phala-backup-share-v1'), backup.id, share).equals(backup.holders[index].commit)) throw new Error('another share');
  return share;
}

/** Seals a share for the phala-keyd with this key. */
export const returnShare = (backup, share, key) => seal(key, 'phala-backup-return-v1', backup.head, share);

/** The body of POST /v1/restore. */
export function shareMessage(raw, sealed) {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(raw.length);
  return Buffer.concat([length, raw, sealed]);
}

// GF(256) by tables of powers of 3, unlike src/keys/shamir.c.
const exp = new Uint8Array(510);
const log = new Uint8Array(256);
for (let i = 0, v = 1; i < 255; i++) {
  exp[i] = exp[i + 255] = v;
  log[v] = i;
  v ^= (v << 1) ^ (v & 0x80 ? 0x11b : 0);
}
export const multiply = (a, b) => (a && b ? exp[log[a] + log[b]] : 0);
const divide = (a, b) => (a ? exp[log[a] + 255 - log[b]] : 0);

/** What shares (x, then 32 bytes) say about the value at 0. */
export function combine(shares) {
  return Buffer.from(Array.from({ length: 32 }, (_, byte) => shares.reduce((sum, mine) => {
    const weight = shares.reduce((product, other) => (other === mine ? product : multiply(product, divide(other[0], other[0] ^ mine[0]))), 1);
    return sum ^ multiply(weight, mine[1 + byte]);
  }, 0)));
}

/** The bytes of the cluster's keys under K; throws if K is another. */
export function openKeys(backup, key) {
  if (!sha256(Buffer.from('phala-backup-key-v1'), backup.id, key).equals(backup.commit)) throw new Error('another key');
  const decipher = createDecipheriv('aes-256-gcm', key, backup.keys.subarray(0, 12));
  decipher.setAAD(backup.head);
  decipher.setAuthTag(backup.keys.subarray(-16));
  return Buffer.concat([decipher.update(backup.keys.subarray(12, -16)), decipher.final()]);
}
