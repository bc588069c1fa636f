// One file of all: node web/verify/build.mjs WASM OUT. Its policy allows its own script and style, by hash, and no connection.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const [wasm, out] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const read = (name) => readFileSync(join(here, name), 'utf8');
const hashOf = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const { outputFiles } = await build({
  entryPoints: [join(here, 'page.mjs')], bundle: true, minify: true, write: false, format: 'iife', platform: 'browser', target: 'es2022',
  charset: 'ascii', legalComments: 'inline', loader: { '.wasm': 'binary' }, alias: { 'phala_attest.wasm': resolve(wasm) }, logLevel: 'error',
});
const parts = { STYLE: read('style.css'), SCRIPT: outputFiles[0].text };
const policy = `default-src 'none'; script-src ${hashOf(parts.SCRIPT)} 'wasm-unsafe-eval'; style-src ${hashOf(parts.STYLE)}; base-uri 'none'; form-action 'none'`;
writeFileSync(out, read('index.html').replace(/@(CSP|STYLE|SCRIPT)@/g, (_, name) => ({ CSP: policy, ...parts })[name]));
