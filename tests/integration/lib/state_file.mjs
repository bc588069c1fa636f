// Export files and imports of states from the owner's side (docs/state.md, "Export and import"), written apart from
// src/state/move.c so that the two check each other. HPKE is that of hpke-js.
import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import http from 'node:http';
import { Aes256Gcm } from '@hpke/core';
import { CipherSuite, KdfId, KemId } from 'hpke-js';

const HEAD = 160, FRONT = HEAD + 32 + 80, PIECE = 16 * 4096;
const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const suite = new CipherSuite({ kem: KemId.DhkemX25519HkdfSha256, kdf: KdfId.HkdfSha256, aead: new Aes256Gcm() });
const bytes = (buffer) => new Uint8Array(buffer).buffer;
const text = (string) => bytes(Buffer.from(string));

/** A key that exports are for. */
export function recipient() {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const raw = (key, type) => key.export({ format: 'der', type }).subarray(-32);
  return { public: raw(publicKey, 'spki'), secret: raw(privateKey, 'pkcs8') };
}

async function unwrap(key, info, aad, wrapped) {
  const recipientKey = await suite.kem.importKey('raw', bytes(key.secret), false);
  const context = await suite.createRecipientContext({ recipientKey, enc: bytes(wrapped.subarray(0, 32)), info: text(info) });
  return Buffer.from(await context.open(bytes(wrapped.subarray(32)), bytes(aad)));
}

async function wrap(to, info, aad, key) {
  const context = await suite.createSenderContext({ recipientPublicKey: await suite.kem.importKey('raw', bytes(to), true), info: text(info) });
  return Buffer.concat([Buffer.from(context.enc), Buffer.from(await context.seal(bytes(key), bytes(aad)))]);
}

const nonceOf = (i) => { const nonce = Buffer.alloc(12); nonce.writeBigUInt64BE(BigInt(i), 4); return nonce; };

/** The head of a file, taken apart. */
export function readHead(file) {
  assert.equal(file.subarray(0, 8).toString(), 'PHSTATE1');
  return {
    raw: file.subarray(0, HEAD), phat: file.toString('hex', 8, 28), cluster: file.toString('hex', 28, 48), index: Number(file.readBigUInt64LE(48)),
    hash: file.subarray(56, 88), root: file.toString('hex', 88, 120), pages: file.readUInt32LE(120),
  };
}

/** Opens a whole file: {head, fileKey, pieces, database}. */
export async function openExport(file, key) {
  const head = readHead(file);
  assert.deepEqual(file.subarray(HEAD, HEAD + 32), Buffer.from(key.public));
  const fileKey = await unwrap(key, 'phala-state-export-v1', Buffer.from(head.phat, 'hex'), file.subarray(HEAD + 32, FRONT));
  const pieces = file.subarray(FRONT), database = [];
  let at = 0;
  for (let i = 0; i * 16 < head.pages; i++) {
    const length = Math.min(16, head.pages - i * 16) * 4096;
    const open = createDecipheriv('aes-256-gcm', fileKey, nonceOf(i)).setAAD(sha256(head.raw)).setAuthTag(pieces.subarray(at + length, at + length + 16));
    database.push(open.update(pieces.subarray(at, at + length)), open.final());
    at += length + 16;
  }
  assert.equal(at, pieces.length);
  return { head, fileKey, pieces, database: Buffer.concat(database) };
}

/** A SQLite database of the owner's own, as openExport would give it. */
export function ofDatabase(database, { pages = database.length / 4096 } = {}) {
  const raw = Buffer.alloc(HEAD);
  raw.write('PHSTATE1');
  raw.writeUInt32LE(pages, 120);
  const fileKey = randomBytes(32), pieces = [];
  for (let i = 0; i * PIECE < database.length; i++) {
    const seal = createCipheriv('aes-256-gcm', fileKey, nonceOf(i)).setAAD(sha256(raw));
    pieces.push(seal.update(database.subarray(i * PIECE, (i + 1) * PIECE)), seal.final(), seal.getAuthTag());
  }
  return { head: { raw, pages }, fileKey, pieces: Buffer.concat(pieces), database };
}

/** The head of an import of what openExport or ofDatabase gave into `phat`, over {index, hash}. */
export async function importHead(worker, phat, opened, over, { boundTo, to = worker.info.caller_x25519, pieces = opened.pieces } = {}) {
  const bound = Buffer.alloc(68);
  bound.write('PHIMPRT1');
  bound.write(phat, 8, 'hex');
  bound.writeBigUInt64LE(BigInt(over.index), 28);
  Buffer.from(over.hash).copy(bound, 36);
  const head = Buffer.concat([bound, opened.head.raw, sha256(pieces)]);
  return Buffer.concat([head, await wrap(Buffer.from(to.replace(/^0x/, ''), 'hex'), 'phala-state-import-v1', boundTo ?? head, opened.fileKey)]);
}

/** POST …/state/export. Yields the response. */
export async function askExport(worker, owner, name, key, { what = 'file', id = owner.phatId(name), action = 'export', headers = {} } = {}) {
  const authorization = await owner.authorization({ action, name, content: `0x${Buffer.from(key.public).toString('hex')}`, cluster: worker.cluster });
  return fetch(`${worker.url}/v1/phats/${id}/state/export${what === 'head' ? '?what=head' : ''}`, { method: 'POST', headers: { authorization, ...headers } });
}

/** An export as bytes, and its receipt's id. */
export async function takeExport(worker, owner, name, key, options) {
  const response = await askExport(worker, owner, name, key, options);
  const file = Buffer.from(await response.arrayBuffer());
  assert.equal(response.status, 200, file.toString());
  return { file, receipt: response.headers.get('phala-receipt-id') };
}

/** PUT …/state of an import head and pieces. Yields {status, body}. */
export async function sendImport(worker, owner, name, head, pieces, { id = owner.phatId(name), content, action = 'import' } = {}) {
  const authorization = await owner.authorization({ action, name, content: content ?? `0x${sha256(head).toString('hex')}`, cluster: worker.cluster });
  const { response, body } = await put(`${worker.url}/v1/phats/${id}/state`, { authorization }, Buffer.concat([head, pieces]));
  return { status: response.statusCode, body: JSON.parse(body), receipt: response.headers['phala-receipt-id'] };
}

/** A refusal comes while the body still goes out: the answer counts, not that the rest found nobody. */
const put = (url, headers, bytes) => new Promise((resolve, reject) => {
  const request = http.request(url, { method: 'PUT', agent: false, headers: { ...headers, 'content-length': bytes.length } });
  let answered = false;
  request.on('response', (response) => {
    const parts = [];
    answered = true;
    response.on('data', (part) => parts.push(part)).on('error', reject).on('end', () => resolve({ response, body: Buffer.concat(parts).toString() }));
  });
  request.on('error', (error) => { if (!answered) reject(error); });
  request.end(bytes);
});
