// Owners of a cluster's keys: acts on them (src/keys/key_act.h), signed and sent.
import { createHash } from 'node:crypto';
import { ownerRequest } from './owner.mjs';

const hex = (text) => Buffer.from(text.replace(/^0x/, ''), 'hex');
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };

/** The bytes of an act; `holders` makes it a backup. */
export function actBytes({ nonce, worker, epoch, needed, holders, retire: forget }) {
  const backup = holders ? [Buffer.from([needed, holders.length]), ...holders.map(hex)] : [];
  return Buffer.concat([Buffer.from('phala-key-act-v1'), Buffer.from([holders ? 2 : forget ? 3 : 1]), hex(nonce), hex(worker), u32(epoch), ...backup]);
}

/** An act in the form that a worker takes, signed by `owners`. */
export async function signedAct(owners, { cluster, expires = Math.floor(Date.now() / 1000) + 300, ...act }) {
  const raw = actBytes(act);
  const message = {
    action: act.holders ? 'keys-backup' : act.retire ? 'keys-retire' : 'keys-rotate', name: '', content: `0x${createHash('sha256').update(raw).digest('hex')}`,
    cluster, sequence: BigInt(act.epoch), expires: BigInt(expires),
  };
  const signatures = await Promise.all(owners.map(({ account }) => account.signTypedData(ownerRequest(message))));
  return { format: 'phala-key-act-v1', cluster, act: raw.toString('hex'), expires, signatures };
}

/** POST to the worker's API; yields status and answer. */
export async function post(worker, path, body) {
  const response = await fetch(worker.url + path, { method: 'POST', body: body === undefined ? undefined : JSON.stringify(body) });
  const bytes = Buffer.from(await response.arrayBuffer());
  const json = (response.headers.get('content-type') ?? '').startsWith('application/json') ? JSON.parse(bytes.toString()) : undefined;
  return { status: response.status, json, bytes, error: json?.error };
}

/** What an act is made of: a nonce, the worker, its cluster and epoch. */
export const fresh = async (worker) => (await post(worker, '/v1/keys/nonce')).json;

export async function rotate(worker, owners, change = {}) {
  const act = await signedAct(owners, { ...await fresh(worker), ...change });
  return { act, ...await post(worker, '/v1/keys/rotate', act) };
}

export const retire = async (worker, owners) =>
  post(worker, '/v1/keys/retire', await signedAct(owners, { ...await fresh(worker), retire: true }));

export const status = async (worker) => (await fetch(`${worker.url}/v1/keys`)).json();
