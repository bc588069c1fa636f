#!/usr/bin/env node
// The Solidity compiler as forge calls it: the WebAssembly build from npm, which needs no native program and no
// network. Answers --version, and --standard-json from standard input to standard output. Other arguments (search
// paths) do not matter, because forge puts the text of every source into the input.
import { readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';

// Written down because forge asks for it before every build and loading the compiler takes half a second.
const version = '0.8.37+commit.f401782d.Emscripten.clang';

function write(text) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error; // a full pipe: its reader is slower than we are
    }
  }
}

const args = process.argv.slice(2);
if (args.includes('--version')) {
  write(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
} else if (args.includes('--standard-json')) {
  const solc = createRequire(import.meta.url)('solc');
  if (solc.version() !== version) {
    process.stderr.write(`solc: the package is ${solc.version()}, foundry.toml and this wrapper want ${version}: run npm ci\n`);
    process.exit(1);
  }
  write(solc.compile(readFileSync(0, 'utf8'), { import: (path) => ({ error: `${path} is not in the input` }) }));
} else {
  process.stderr.write('usage: solc.mjs --version | solc.mjs --standard-json <input.json >output.json\n');
  process.exit(2);
}
