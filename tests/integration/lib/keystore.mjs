// Web3 Secret Storage v3 by another hand than the CLI's, and with scrypt so weak that it costs nothing: what the CLI
// makes takes a second of processor time each time that a command opens it.
import { createCipheriv, randomBytes, randomUUID, scryptSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { keccak256 } from 'viem';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';

/** Writes a keystore; its address as the CLI prints addresses. */
export async function writeKeystore(path, password, secret = generatePrivateKey()) {
  const [salt, iv] = [randomBytes(32), randomBytes(16)];
  const kdfparams = { n: 2, r: 8, p: 1, dklen: 32, salt: salt.toString('hex') };
  const key = scryptSync(password, salt, 32, { N: kdfparams.n, r: kdfparams.r, p: kdfparams.p });
  const cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), iv);
  const ciphertext = Buffer.concat([cipher.update(Buffer.from(secret.slice(2), 'hex')), cipher.final()]);
  const mac = keccak256(Buffer.concat([key.subarray(16), ciphertext])).slice(2);
  const address = privateKeyToAddress(secret).toLowerCase();
  const crypto = { cipher: 'aes-128-ctr', cipherparams: { iv: iv.toString('hex') }, ciphertext: ciphertext.toString('hex'), kdf: 'scrypt', kdfparams, mac };
  await writeFile(path, JSON.stringify({ version: 3, id: randomUUID(), address: address.slice(2), crypto }), { mode: 0o600 });
  return address;
}
