// Node 18 has Web Crypto only as a module, not as a global.
export { webcrypto as crypto } from 'node:crypto';
