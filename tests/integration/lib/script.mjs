// A phat's module: handlers to the text of worker.js.
export const phat = (handlers) => `export default { ${handlers} };\n`;
