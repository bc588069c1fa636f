// The published vectors of every derivation, computed with node's crypto, @noble and viem; and the document and the unit tests, which must have the same.
import assert from 'node:assert/strict';
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { x25519 } from '@noble/curves/ed25519';
import { secp256k1 } from '@noble/curves/secp256k1';
import { keccak_256 } from '@noble/hashes/sha3';
import { hashTypedData } from 'viem';
import { codeFile } from './lib/code.mjs';
import { combine, multiply } from './lib/escrow.mjs';
import { open } from './lib/hpke.mjs';
import { actBytes } from './lib/keys.mjs';
import { ownerRequest } from './lib/owner.mjs';
import { root } from './lib/proc.mjs';

const vectors = JSON.parse(readFileSync(join(root, 'tests/vectors/keys.json'), 'utf8'));
const bytes = (hex) => Buffer.from(hex, 'hex');
const secret = bytes(vectors.secret);
const hkdf = (ikm, salt, info) => Buffer.from(hkdfSync('sha256', ikm, salt, info, 32));
const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts.map((part) => Buffer.from(part)))).digest('hex');
const derive = (label, context = Buffer.alloc(0)) => hkdf(secret, 'phala-keys-v1', Buffer.concat([Buffer.from(label), context, Buffer.from([0])]));

test('keys, addresses and public keys', () => {
  for (const { label, phat, context, key, address, x25519: point } of vectors.keys) {
    const made = derive(label, context ? bytes(context) : phat && bytes(vectors.phat));
    assert.equal(made.toString('hex'), key, label);
    if (address) assert.equal(Buffer.from(keccak_256(secp256k1.getPublicKey(made, false).subarray(1)).subarray(12)).toString('hex'), address, label);
    if (point) assert.equal(Buffer.from(x25519.getPublicKey(made)).toString('hex'), point, label);
  }
  assert.equal(new Set(vectors.keys.map(({ key }) => key)).size, vectors.keys.length);
});

test('keys of a state', () => {
  const state = derive('phala/state/hkdf', bytes(vectors.phat));
  assert.equal(hkdf(state, bytes(vectors.state.session), 'phala-state-page-v1').toString('hex'), vectors.state.page);
  const mac = createHmac('sha256', hkdf(state, Buffer.alloc(0), 'phala-state-mac-v1')).update(Buffer.alloc(236)).digest('hex');
  assert.equal(mac, vectors.state.mac_of_zeros);
});

test('what evidence binds in a hand-over and in a restoration', () => {
  const common = [x25519.getPublicKey(bytes(vectors.handover.secret)), Buffer.alloc(32, 2), Buffer.alloc(32, 3), Buffer.alloc(32, 7), Buffer.alloc(32, 8)];
  assert.equal(sha256('phala-cluster-join-v3', ...common, Buffer.alloc(20, 4)), vectors.handover.join);
  assert.equal(sha256('phala-cluster-give-v3', ...common, Buffer.alloc(20, 5), Buffer.alloc(20, 6), bytes(sha256('sealed'))), vectors.handover.give);
  assert.equal(sha256('phala-restore-v1', Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(20, 3), Buffer.alloc(20, 4)), vectors.restore);
});

test('what owners of the keys sign', () => {
  const act = actBytes({ nonce: '11'.padEnd(64, '0'), worker: '22'.padEnd(40, '0'), epoch: 3 });
  assert.equal(sha256(act), vectors.act.content);
  const message = { action: 'keys-rotate', name: '', content: `0x${vectors.act.content}`, cluster: `0x${'c1'.padEnd(40, '0')}`, sequence: 3n, expires: 1700000300n };
  assert.equal(hashTypedData(ownerRequest(message)), `0x${vectors.act.digest}`);
});

test('encrypted code', () => {
  const { bundle_hash: hash, key, nonce, epoch, bundle, wrapped, sealed } = vectors.code;
  const file = codeFile({ epoch, phat: vectors.phat, hash, key: bytes(key), wrapped: bytes(wrapped), plain: bundle, nonce: bytes(nonce) });
  const head = Buffer.concat([Buffer.from('PHCODE1\n'), bytes(hash), Buffer.from([0, 0, 0, epoch]), bytes(wrapped), bytes(nonce)]);
  assert.equal(file.toString('hex'), Buffer.concat([head, bytes(sealed)]).toString('hex'));
  const aad = Buffer.concat([bytes(vectors.phat), bytes(hash), Buffer.from([0, 0, 0, epoch])]);
  assert.equal(open(derive('phala/caller/x25519'), 'phala-code-key-v1', aad, bytes(wrapped)).toString('hex'), key);
});

test('shares of a secret', () => {
  const random = Buffer.from(Array.from({ length: 64 }, (_, i) => (0x40 + 3 * i) & 255));
  const shares = [1, 2, 3].map((x) => Buffer.from([x, ...secret.map((byte, i) => byte ^ multiply(random[i], x) ^ multiply(random[32 + i], multiply(x, x)))]));
  assert.deepEqual(shares.map((share) => share.subarray(1).toString('hex')), vectors.shamir);
  assert.ok(combine(shares).equals(secret));
});

test('the document and the unit tests have every one of them', () => {
  const document = readFileSync(join(root, 'docs/keys.md'), 'utf8');
  const tests = ['src/codec', 'src/keys', 'src/state'].flatMap((folder) => readdirSync(join(root, folder)).filter((name) => name.endsWith('_test.c')).map((name) => readFileSync(join(root, folder, name), 'utf8')))
    .join('\n').replace(/"\s+"/g, '');
  const all = JSON.stringify({ ...vectors, about: '', secret: '', phat: '', keys: vectors.keys.map((one) => ({ ...one, context: '' })), state: { ...vectors.state, session: '' }, handover: { ...vectors.handover, secret: '' }, code: { ...vectors.code, bundle_hash: '', key: '' } }).match(/\b[0-9a-f]{40,}\b/g);
  assert.ok(all.length > 20);
  for (const hex of all) {
    assert.ok(document.includes(hex), `docs/keys.md lacks ${hex}`);
    assert.ok(tests.includes(hex), `no unit test has ${hex}`);
  }
});
