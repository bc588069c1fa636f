// An owner's secrets on their way to a worker: the envelope of docs/keys.md, made apart from src/keys/secrets.c.
import { createHash } from 'node:crypto';
import { seal } from './hpke.mjs';

export const sha256 = (bytes) => `0x${createHash('sha256').update(bytes).digest('hex')}`;

const hex = (text) => Buffer.from(text.replace(/^0x/, ''), 'hex');

/** `to`: caller_x25519 of /v1/info. `id`: the phat's, 40 hex digits. `bundles`: hashes of those that get them; none: any. */
export const envelopeOf = (to, id, secrets, bundles = []) =>
  seal(hex(to), 'phala-secrets-v2', hex(id), Buffer.concat([Buffer.from([bundles.length]), ...bundles.map(hex), Buffer.from(JSON.stringify(secrets))]));

/** PUT secrets for the phat `name`; what is signed, sealed and addressed can each be another. Yields the Response. */
export async function putSecrets(worker, owner, name, secrets, { id = owner.phatId(name), boundTo = id, signer = owner, content, change, to, bundles } = {}) {
  const envelope = envelopeOf(to ?? (await (await fetch(`${worker.url}/v1/info`)).json()).caller_x25519, boundTo, secrets, bundles);
  if (change) change(envelope);
  const authorization = await signer.authorization({
    action: 'secrets', name, cluster: worker.cluster, sequence: signer.nextSequence(), content: content ?? sha256(envelope),
  });
  return fetch(`${worker.url}/v1/phats/${id}/secrets`, {
    method: 'PUT', headers: { authorization, 'content-type': 'application/octet-stream' }, body: envelope,
  });
}
