// RFC 9180 base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, single shot: the owner's
// side of a secrets envelope, written apart from src/keys/hpke.c so that the two check each other.
import { createCipheriv, createDecipheriv, createHmac, createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';

const text = (string) => Buffer.from(string);
const u16 = (n) => Buffer.from([n >> 8, n & 255]);
const hmac = (key, data) => createHmac('sha256', key).update(data).digest();
const kem = Buffer.concat([text('KEM'), u16(0x20)]);
const suite = Buffer.concat([text('HPKE'), u16(0x20), u16(1), u16(2)]);
const extract = (id, salt, label, ikm) => hmac(salt, Buffer.concat([text('HPKE-v1'), id, text(label), ikm]));
const expand = (id, prk, label, info, length) =>
  hmac(prk, Buffer.concat([u16(length), text('HPKE-v1'), id, text(label), info, Buffer.from([1])])).subarray(0, length);
const spki = Buffer.from('302a300506032b656e032100', 'hex');

const pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const publicOf = (raw) => createPublicKey({ key: Buffer.concat([spki, raw]), format: 'der', type: 'spki' });
const rawOf = (key) => key.export({ format: 'der', type: 'spki' }).subarray(spki.length);

/** Key and nonce of the one message. */
function schedule(dh, enc, recipient, info) {
  const none = Buffer.alloc(0);
  const shared = expand(kem, extract(kem, none, 'eae_prk', dh), 'shared_secret', Buffer.concat([enc, recipient]), 32);
  const context = Buffer.concat([Buffer.from([0]), extract(suite, none, 'psk_id_hash', none), extract(suite, none, 'info_hash', text(info))]);
  const secret = extract(suite, shared, 'secret', none);
  return [expand(suite, secret, 'key', context, 32), expand(suite, secret, 'base_nonce', context, 12)];
}

/** `recipient`: 32 bytes. Yields enc || ciphertext || tag. */
export function seal(recipient, info, aad, plain) {
  const ephemeral = generateKeyPairSync('x25519');
  const enc = rawOf(ephemeral.publicKey);
  const dh = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: publicOf(recipient) });
  const cipher = createCipheriv('aes-256-gcm', ...schedule(dh, enc, recipient, info));
  cipher.setAAD(aad);
  return Buffer.concat([enc, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** The public half of a secret of 32 bytes. */
export const publicKey = (secret) => rawOf(createPublicKey(createPrivateKey({ key: Buffer.concat([pkcs8, secret]), format: 'der', type: 'pkcs8' })));

/** Opens what was sealed to the public half of `secret`; throws if it was not. */
export function open(secret, info, aad, sealed) {
  const enc = sealed.subarray(0, 32);
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8, secret]), format: 'der', type: 'pkcs8' });
  const dh = diffieHellman({ privateKey, publicKey: publicOf(enc) });
  const decipher = createDecipheriv('aes-256-gcm', ...schedule(dh, enc, publicKey(secret), info));
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(32, -16)), decipher.final()]);
}
