// Oblivious HTTP's envelopes (RFC 9458), the client's side. HPKE and its ciphers are @hpke's.
import { Chacha20Poly1305 } from '@hpke/chacha20poly1305';
import { Aes128Gcm, Aes256Gcm, CipherSuite, HkdfSha256 } from '@hpke/core';
import { DhkemX25519HkdfSha256 } from '@hpke/dhkem-x25519';
import { crypto } from '#webcrypto';
import { concat } from './bhttp.js';

const KEM_X25519 = 0x0020, KDF_SHA256 = 0x0001;
const AEADS = { 1: Aes128Gcm, 2: Aes256Gcm, 3: Chacha20Poly1305 };
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
  const aead = new AEADS[aeadId]();
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead });
  const hdr = concat(Uint8Array.of(keyId), u16(KEM_X25519), u16(KDF_SHA256), u16(aeadId));
  const sender = await suite.createSenderContext({
    recipientPublicKey: await suite.kem.deserializePublicKey(publicKey.slice().buffer),
    info: concat(text.encode('message/bhttp request'), Uint8Array.of(0), hdr).buffer,
  });
  const enc = new Uint8Array(sender.enc);
  const sealed = new Uint8Array(await sender.seal(request.slice().buffer));
  const secret = await sender.export(text.encode('message/bhttp response').buffer, aead.keySize);
  return { envelope: concat(hdr, enc, sealed), open: (response) => open(response, enc, secret, aead) };
}

async function open(response, enc, secret, aead) {
  const length = aead.keySize, nonce = response.subarray(0, length), { subtle } = crypto;
  if (response.length < length + aead.tagSize) throw new SyntaxError('the sealed response is cut off');
  const ikm = await subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
  const derive = (info, size) => subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: concat(enc, nonce), info: text.encode(info) }, ikm, size * 8);
  const opener = aead.createEncryptionContext(await derive('key', length));
  const iv = await derive('nonce', aead.nonceSize);
  try {
    return new Uint8Array(await opener.open(iv, response.slice(length).buffer, new ArrayBuffer(0)));
  } catch {
    throw new Error('the response was not sealed by the worker for this request');
  }
}
