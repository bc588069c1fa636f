// Encrypted code as an owner makes it (docs/keys.md), written apart from src/codec/code.c and src/keys/code_key.c.
import { createCipheriv, randomBytes } from 'node:crypto';
import { tar } from './bundle.mjs';
import { seal } from './hpke.mjs';
import { Owner } from './owner.mjs';

const hex = (text) => Buffer.from(text.replace(/^0x/, ''), 'hex');
const u32 = (n) => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(n); return bytes; };

/** HPKE of the code key to the cluster. */
export const wrapKey = ({ to, epoch, phat, hash, key }) => seal(hex(to), 'phala-code-key-v1', Buffer.concat([hex(phat), hex(hash), u32(epoch)]), key);

/** The file phat.code. */
export function codeFile({ epoch, phat, hash, key, wrapped, plain, nonce = randomBytes(12) }) {
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.concat([Buffer.from('phala-code-v1'), hex(phat), hex(hash)]));
  return Buffer.concat([Buffer.from('PHCODE1\n'), hex(hash), u32(epoch), wrapped, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/**
 * Deploys a bundle encrypted. What goes into each step can be another (`change`): the recipient, the key's and the file's binding, the
 * plaintext, the file, the manifest in the clear, the archive, and the hash that is signed.
 */
export async function deployEncrypted(worker, owner, name, files, manifest = {}, change = {}) {
  const info = await (await fetch(`${worker.url}/v1/info`)).json();
  const bundle = Owner.bundle(name, files, manifest);
  const phat = owner.phatId(name);
  const key = randomBytes(32);
  const epoch = change.epoch ?? info.epoch;
  const hash = change.hash ?? bundle.hash;
  const wrapped = wrapKey({ to: info.caller_x25519, epoch, phat, hash, key, ...change.wrap });
  let code = codeFile({ epoch, phat, hash, key, wrapped, plain: bundle.archive, ...change.file });
  if (change.code) code = change.code(code);
  const clear = change.manifest ?? files['phat.json'] ?? JSON.stringify({ name, ...manifest });
  const body = tar({ 'phat.code': code, 'phat.json': clear, ...change.beside });
  const authorization = await owner.authorization({ action: 'deploy', name, content: `0x${change.signed ?? hash}`, cluster: worker.cluster, sequence: owner.nextSequence() });
  const response = await fetch(`${worker.url}/v1/phats`, { method: 'POST', headers: { authorization, 'content-type': 'application/x-tar' }, body });
  return { status: response.status, body: await response.json(), bundle, phat };
}
