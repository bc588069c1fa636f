// A phat's script as esbuild leaves it: an IIFE that assigns __phat.
export const phat = (handlers) => `var __phat = (() => ({ default: { ${handlers} } }))();`;
