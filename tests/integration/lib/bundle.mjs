// Bundles as owners make them: files to ustar, and the bundle hash (docs/receipts.md, "bundle hash").
import { createHash } from 'node:crypto';
import { buildSync } from 'esbuild';
import { root } from './proc.mjs';

/** `files`: {path: string | Uint8Array}. Entries are regular files, sorted bytewise by path. */
export function tar(files) {
  const blocks = [];
  for (const [path, data] of sorted(files)) blocks.push(tarHeader({ path, size: data.length }), data, Buffer.alloc((512 - (data.length % 512)) % 512));
  blocks.push(Buffer.alloc(1024));
  return Buffer.concat(blocks);
}

/** A module's text, or a file, as the script that a worker runs: what `phala deploy` makes (apps/phala/bundle.c). */
export function script({ text, file }) {
  const { outputFiles } = buildSync({
    ...(file ? { entryPoints: [file] } : { stdin: { contents: text, resolveDir: root, sourcefile: 'worker.js' } }),
    absWorkingDir: root, bundle: true, write: false, format: 'iife', globalName: '__phat', platform: 'neutral', target: 'es2022',
    conditions: ['worker', 'browser'], mainFields: ['browser', 'module', 'main'], loader: { '.wasm': 'binary' }, logLevel: 'silent',
  });
  return outputFiles[0].text;
}

/** One ustar header (POSIX.1-2017 pax, "ustar Interchange Format"); fields can be bent for tests of refusal. */
export function tarHeader({ path, size, type = '0', link = '', mode = 0o644 }) {
  const header = Buffer.alloc(512);
  header.write(path, 0, 100, 'latin1');
  header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write(link, 157, 100, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** SHA-256 over "phala-bundle-v1\n" and, for each file: u32le path length, path, u64le length, SHA-256(data). */
export function bundleHash(files) {
  const hash = createHash('sha256').update('phala-bundle-v1\n');
  for (const [path, data] of sorted(files)) {
    const name = Buffer.from(path);
    const lengths = [Buffer.alloc(4), Buffer.alloc(8)];
    lengths[0].writeUInt32LE(name.length);
    lengths[1].writeBigUInt64LE(BigInt(data.length));
    hash.update(lengths[0]).update(name).update(lengths[1]).update(createHash('sha256').update(data).digest());
  }
  return hash.digest('hex');
}

const sorted = (files) => Object.entries(files)
  .map(([path, data]) => [path, Buffer.from(data)])
  .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
