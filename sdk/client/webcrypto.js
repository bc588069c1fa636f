// Web Crypto of browsers; webcrypto_node.js is node's.
export const { crypto } = globalThis;
