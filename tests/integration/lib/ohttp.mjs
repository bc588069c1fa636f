// The other side of a private call, from implementations that are not ours: HPKE of hpke-js, binary HTTP of bhttp-js.
import { webcrypto as crypto } from 'node:crypto';
import { Chacha20Poly1305 } from '@hpke/chacha20poly1305';
import { Aes128Gcm, Aes256Gcm } from '@hpke/core';
import { BHttpDecoder, BHttpEncoder } from 'bhttp-js';
import { AeadId, CipherSuite, KdfId, KemId } from 'hpke-js';

const join = (...parts) => new Uint8Array(Buffer.concat(parts));
const ascii = (text) => new TextEncoder().encode(text);
const AEADS = { [AeadId.Aes128Gcm]: new Aes128Gcm(), [AeadId.Aes256Gcm]: new Aes256Gcm(), [AeadId.Chacha20Poly1305]: new Chacha20Poly1305() };

export class Envelope {
  /** `date` null: none; undefined: now. */
  static async make(keys, { method = 'GET', path, headers = {}, body } = {}, { aead, date = new Date().toUTCString() } = {}) {
    const request = new Request(`https://worker.example${path}`, { method, headers, body });
    if (date !== null) request.headers.set('date', date);
    return Envelope.seal(keys, new Uint8Array(await new BHttpEncoder().encodeRequest(request)), { aead });
  }

  static async seal(keys, plain, { aead = AeadId.Aes128Gcm } = {}) {
    const suite = new CipherSuite({ kem: KemId.DhkemX25519HkdfSha256, kdf: KdfId.HkdfSha256, aead });
    const hdr = Uint8Array.of(keys[2], 0, 0x20, 0, 1, 0, aead);
    const sender = await suite.createSenderContext({
      recipientPublicKey: await suite.kem.deserializePublicKey(keys.slice(5, 37).buffer),
      info: join(ascii('message/bhttp request'), Uint8Array.of(0), hdr).buffer,
    });
    const sealed = new Uint8Array(await sender.seal(plain.slice().buffer));
    const envelope = new Envelope();
    envelope.bytes = join(hdr, new Uint8Array(sender.enc), sealed);
    envelope.open = async (response) => {
      const length = AEADS[aead].keySize;
      const secret = await sender.export(ascii('message/bhttp response').buffer, length);
      const salt = join(new Uint8Array(sender.enc), response.subarray(0, length));
      const ikm = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
      const derive = (info, n) => crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info: ascii(info) }, ikm, n * 8);
      const key = await derive('key', length), nonce = await derive('nonce', 12);
      return new BHttpDecoder().decodeResponse(await AEADS[aead].createEncryptionContext(key).open(nonce, response.slice(length).buffer, new ArrayBuffer(0)));
    };
    return envelope;
  }

  static post(worker, bytes, init = {}) {
    return fetch(`${worker.url}/.well-known/ohttp-gateway`, { method: 'POST', headers: { 'content-type': 'message/ohttp-req' }, body: bytes, ...init });
  }

  post(worker, init) { return Envelope.post(worker, this.bytes, init); }

  /** The response inside. */
  async send(worker) {
    const response = await this.post(worker);
    if (response.status !== 200) throw new Error(`the gateway answered ${response.status}: ${await response.text()}`);
    if (response.headers.get('content-type') !== 'message/ohttp-res') throw new Error('not a sealed response');
    return this.open(new Uint8Array(await response.arrayBuffer()));
  }
}

export const gateway = async (worker, keys, init, options) => (await Envelope.make(keys, init, options)).send(worker);

/** A gateway and what is behind it: none of its code is ours. `keys` is its key configuration. */
export class Gateway {
  static async make(aead, answer) {
    const suite = new CipherSuite({ kem: KemId.DhkemX25519HkdfSha256, kdf: KdfId.HkdfSha256, aead });
    const pair = await suite.kem.generateKeyPair();
    const gateway = new Gateway();
    const raw = new Uint8Array(await suite.kem.serializePublicKey(pair.publicKey));
    Object.assign(gateway, { suite, pair, aead, answer, keys: join(Uint8Array.of(0, 41, 7, 0, 0x20), raw, Uint8Array.of(0, 4, 0, 1, 0, aead)) });
    return gateway;
  }

  /** Opens an envelope, lets `answer` answer the Request inside, and seals what it says. */
  async handle(bytes) {
    const hdr = bytes.subarray(0, 7), enc = bytes.subarray(7, 39);
    if (hdr[0] !== 7 || hdr[6] !== this.aead) throw new Error('not for this key configuration');
    const recipient = await this.suite.createRecipientContext({
      recipientKey: this.pair, enc: enc.slice().buffer, info: join(ascii('message/bhttp request'), Uint8Array.of(0), hdr).buffer,
    });
    const request = await new BHttpDecoder().decodeRequest(await recipient.open(bytes.slice(39).buffer));
    const response = await new BHttpEncoder().encodeResponse(await this.answer(request));
    const length = AEADS[this.aead].keySize;
    const secret = await recipient.export(ascii('message/bhttp response').buffer, length);
    const responseNonce = crypto.getRandomValues(new Uint8Array(Math.max(length, 12)));
    const ikm = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
    const derive = (info, n) => crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: join(enc, responseNonce), info: ascii(info) }, ikm, n * 8);
    const key = await derive('key', length), nonce = await derive('nonce', 12);
    const sealed = await AEADS[this.aead].createEncryptionContext(key).seal(nonce, new Uint8Array(response).slice().buffer, new ArrayBuffer(0));
    return join(responseNonce, new Uint8Array(sealed));
  }
}
export { AeadId };
