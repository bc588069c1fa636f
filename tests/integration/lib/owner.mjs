// An owner: an Ethereum key that signs OwnerRequest (EIP-712; src/keys/eip712.h) for a worker's API.
import { createHash } from 'node:crypto';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { bundleHash, tar } from './bundle.mjs';

const types = {
  OwnerRequest: [
    { name: 'action', type: 'string' },
    { name: 'name', type: 'string' },
    { name: 'content', type: 'bytes32' },
    { name: 'cluster', type: 'address' },
    { name: 'sequence', type: 'uint64' },
    { name: 'expires', type: 'uint64' },
  ],
};
const zero32 = `0x${'00'.repeat(32)}`;

/** The typed data that an owner signs for a request. */
export const ownerRequest = (message) => ({ domain: { name: 'Phala', version: '1' }, types, primaryType: 'OwnerRequest', message });

export class Owner {
  constructor(privateKey = generatePrivateKey()) {
    this.account = privateKeyToAccount(privateKey);
    this.address = this.account.address;
    this.sequence = BigInt(Date.now());
  }

  /** 40 hex digits: the first 20 bytes of SHA-256("phala-phat-id-v1" || owner || name). */
  phatId(name) {
    return createHash('sha256').update('phala-phat-id-v1').update(Buffer.from(this.address.slice(2), 'hex')).update(name).digest('hex').slice(0, 40);
  }

  /** Value of the Authorization header. `cluster` is that of the worker's GET /v1/info. */
  async authorization({ action, name = '', content = zero32, cluster, sequence = 0n, expires }) {
    const message = { action, name, content, cluster, sequence, expires: expires ?? BigInt(Math.floor(Date.now() / 1000) + 300) };
    const signature = await this.account.signTypedData(ownerRequest(message));
    const json = JSON.stringify({ ...message, sequence: Number(message.sequence), expires: Number(message.expires), owner: this.address.toLowerCase(), signature });
    return `Phala ${Buffer.from(json).toString('base64url')}`;
  }

  nextSequence() {
    return ++this.sequence;
  }

  /** A bundle from `files`; phat.json is made from `manifest` unless it is among them. */
  static bundle(name, files, manifest = {}) {
    const all = { ...files };
    all['phat.json'] ??= JSON.stringify({ name, ...manifest });
    return { name, hash: bundleHash(all), archive: tar(all) };
  }

  async deploy(worker, name, files, manifest = {}, { dryRun = false, sequence = this.nextSequence() } = {}) {
    const bundle = Owner.bundle(name, files, manifest);
    const authorization = await this.authorization({ action: 'deploy', name, content: `0x${bundle.hash}`, cluster: worker.cluster, sequence });
    const response = await fetch(`${worker.url}/v1/phats${dryRun ? '?dry_run=1' : ''}`, {
      method: 'POST', headers: { authorization, 'content-type': 'application/x-tar' }, body: bundle.archive,
    });
    return { response, bundle, id: this.phatId(name), body: await response.json() };
  }
}
