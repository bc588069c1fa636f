// Oblivious HTTP's envelopes (RFC 9458), the client's side. HPKE is @hpke/core's.
import { Aes128Gcm, Aes256Gcm, CipherSuite, HkdfSha256 } from '@hpke/core';
import { DhkemX25519HkdfSha256 } from '@hpke/dhkem-x25519';
import { concat } from './bhttp.js';

const KEM_X25519 = 0x0020, KDF_SHA256 = 0x0001;
const AEADS = { 1: { Aead: Aes128Gcm, keyLength: 16 }, 2: { Aead: Aes256Gcm, keyLength: 32 } };
const text = new TextEncoder();
const u16 = (n) => Uint8Array.of(n >> 8, n & 0xff);

/** The first usable configuration of an application/ohttp-keys list: { keyId, publicKey, aeadId }. */
export function parseKeys(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const end = at + 2 + view.getUint16(at);
    if (end > bytes.length) throw new SyntaxError('the key configuration is cut off');
    const kem = view.getUint16(at + 3), suites = at + 5 + 32;
    if (kem === KEM_X25519) {
      for (let s = suites + 2; s + 4 <= end; s += 4) {
        if (view.getUint16(s) === KDF_SHA256 && AEADS[view.getUint16(s + 2)])
          return { keyId: bytes[at + 2], publicKey: bytes.slice(at + 5, suites), aeadId: view.getUint16(s + 2) };
      }
    }
    at = end;
  }
  throw new Error('the key configuration names no suite that this client has');
}

/** Seals one request; yields the envelope, and what opens its response. */
export async function seal({ keyId, publicKey, aeadId }, request) {
  const { Aead, keyLength } = AEADS[aeadId];
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aead() });
  const hdr = concat(Uint8Array.of(keyId), u16(KEM_X25519), u16(KDF_SHA256), u16(aeadId));
  const sender = await suite.createSenderContext({
    recipientPublicKey: await suite.kem.deserializePublicKey(publicKey.slice().buffer),
    info: concat(text.encode('message/bhttp request'), Uint8Array.of(0), hdr).buffer,
  });
  const enc = new Uint8Array(sender.enc);
  const sealed = new Uint8Array(await sender.seal(request.slice().buffer));
  const secret = await sender.export(text.encode('message/bhttp response').buffer, keyLength);
  return { envelope: concat(hdr, enc, sealed), open: (response) => open(response, enc, secret, keyLength) };
}

async function open(response, enc, secret, keyLength) {
  const nonce = response.subarray(0, keyLength), { subtle } = globalThis.crypto;
  if (response.length < keyLength + 16) throw new SyntaxError('the sealed response is cut off');
  const ikm = await subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
  const derive = (info, length) => subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: concat(enc, nonce), info: text.encode(info) }, ikm, length * 8);
  const key = await subtle.importKey('raw', await derive('key', keyLength), 'AES-GCM', false, ['decrypt']);
  const iv = await derive('nonce', 12);
  try {
    return new Uint8Array(await subtle.decrypt({ name: 'AES-GCM', iv }, key, response.subarray(keyLength)));
  } catch {
    throw new Error('the response was not sealed by the worker for this request');
  }
}
