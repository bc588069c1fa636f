// What the source checks share: the list of files, and C text without its comments and literals.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

export const forge = join(root, 'node_modules/.bin/forge');

const skippedDirs = new Set(['.git', 'node_modules', '.phala', '.cache']);

/** Paths of all files of the checkout, relative to its root, build directories left out. */
export function sourceFiles(dir = root) {
  const found = [];
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) {
      if (skippedDirs.has(entry.name) || (dir === root && entry.name.startsWith('build'))) continue;
      found.push(...sourceFiles(path));
    } else if (entry.isFile()) {
      found.push(relative(root, path).split(sep).join('/'));
    }
  }
  return found.sort();
}

export const readSource = (path) => readFileSync(join(root, path), 'utf8');

/**
 * C source with comments and the insides of literals blanked, line by line in place, so that a
 * search sees code only and line numbers stay. `lineComments` lists the lines that hold a `//` comment.
 */
export function stripC(text) {
  let out = '';
  const lineComments = [];
  let line = 1;
  for (let i = 0; i < text.length;) {
    const two = text.slice(i, i + 2);
    if (two === '/*') {
      const end = text.indexOf('*/', i + 2);
      const stop = end < 0 ? text.length : end + 2;
      for (; i < stop; i++) {
        out += text[i] === '\n' ? '\n' : ' ';
        if (text[i] === '\n') line++;
      }
    } else if (two === '//') {
      lineComments.push(line);
      while (i < text.length && text[i] !== '\n') { out += ' '; i++; }
    } else if (text[i] === '"' || text[i] === "'") {
      const quote = text[i];
      out += quote;
      for (i++; i < text.length && text[i] !== quote && text[i] !== '\n'; i++) {
        if (text[i] === '\\') { out += ' '; i++; if (text[i] === '\n') { out += '\n'; line++; continue; } }
        out += ' ';
      }
      if (text[i] === quote) { out += quote; i++; }
    } else {
      if (text[i] === '\n') line++;
      out += text[i++];
    }
  }
  return { code: out, lineComments };
}

/** Runs named checks; each returns its complaints. Prints TAP, one case per check. */
export function runChecks(checks) {
  console.log('TAP version 13');
  console.log(`1..${checks.length}`);
  let failed = 0;
  checks.forEach(([name, check], i) => {
    let complaints;
    try {
      complaints = check();
    } catch (error) {
      complaints = [`the check itself failed: ${error.stack}`];
    }
    if (complaints.length) failed++;
    console.log(`${complaints.length ? 'not ok' : 'ok'} ${i + 1} - ${name}`);
    for (const complaint of complaints) console.log(`# ${complaint}`);
  });
  process.exitCode = failed ? 1 : 0;
}
