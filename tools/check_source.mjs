// Laws of STYLE that a pattern can state. Each is one TAP case; a complaint names file and line.
import { readSource, runChecks, sourceFiles, stripC } from './lib_source.mjs';

const files = sourceFiles();
const cFiles = files.filter((path) => /^(src|apps)\/.+\.[ch]$/.test(path));
const stripped = new Map(cFiles.map((path) => [path, stripOf(path)]));
const textFiles = files.filter((path) => /\.(c|h|sol|mjs|js|ts|json|yaml|yml|md|sh|build|txt|css|html|capnp)$|(^|\/)(run|phala|\.npmrc)$/.test(path));
const isTest = (path) => /_(test|fuzz|bench)\.c$|(^|\/)(test|fuzz_main)\.[ch]$|_test_|\/test_/.test(path);

function stripOf(path) {
  return stripC(readSource(path));
}

const linesMatching = (text, pattern) => {
  const hits = [];
  text.split('\n').forEach((line, i) => { if (pattern.test(line)) hits.push(i + 1); });
  return hits;
};

// name -> what to use instead
const banned = {
  strcpy: 'snprintf or ph_buf', strncpy: 'memcpy with a checked length', strcat: 'ph_buf', strncat: 'ph_buf', stpcpy: 'ph_buf',
  sprintf: 'snprintf', vsprintf: 'vsnprintf', gets: 'ph_reader', alloca: 'the heap, with a limit', strtok: 'ph_reader',
  system: 'fork and execve with a fixed path', popen: 'fork and execve with a fixed path',
  scanf: 'ph_reader', sscanf: 'ph_reader', fscanf: 'ph_reader', atoi: 'a checked parser', atol: 'a checked parser', atof: 'a checked parser',
  mktemp: 'mkstemp or O_TMPFILE', tmpnam: 'mkstemp or O_TMPFILE', tempnam: 'mkstemp or O_TMPFILE',
  rand: 'ph_random', srand: 'ph_random', random: 'ph_random', drand48: 'ph_random',
  localtime: 'localtime_r', gmtime: 'gmtime_r', ctime: 'strftime', asctime: 'strftime',
  bcopy: 'memmove', bzero: 'memset', index: 'memchr', usleep: 'poll with a deadline', vfork: 'fork', longjmp: 'an error return',
};
// Unit tests may run openssl to compare with, and build texts in arrays that the sanitizers watch.
const allowedInTests = ['system', 'popen', 'sscanf', 'strcpy', 'strcat', 'longjmp'];
const bannedPattern = new RegExp(`(?<![\\w.>])(${Object.keys(banned).join('|')})\\s*\\(`);

function bannedCalls() {
  const complaints = [];
  for (const [path, { code }] of stripped) {
    code.split('\n').forEach((line, i) => {
      const match = bannedPattern.exec(line);
      if (match && isTest(path) && allowedInTests.includes(match[1])) return;
      if (match) complaints.push(`${path}:${i + 1}: ${match[1]}() is banned: use ${banned[match[1]]}`);
    });
  }
  return complaints;
}

// A library reports; only a process (apps/) may end itself or print. The one exception: without random
// bytes or a working cryptographic library, going on would be worse than stopping.
const mayAbort = ['src/crypto/aead.c', 'src/crypto/init.c', 'src/crypto/ossl.c', 'src/crypto/secp256k1.c'];
function librariesDoNotExit() {
  const complaints = [];
  const pattern = /(?<![\w.>])(exit|abort|printf|puts|perror|err|errx|warn|warnx)\s*\(/;
  const toStderr = /(?<![\w.>])(fprintf|fputs|vfprintf|dprintf)\s*\(\s*(stderr|stdout|[12]\b)/;
  for (const [path, { code }] of stripped) {
    if (!path.startsWith('src/') || isTest(path) || path.startsWith('src/base/log') || /_tool\.c$/.test(path)) continue;
    code.split('\n').forEach((line, i) => {
      const match = pattern.exec(line) ?? toStderr.exec(line);
      if (match?.[1] === 'abort' && mayAbort.includes(path)) return;
      if (match) complaints.push(`${path}:${i + 1}: a library does not call ${match[1]}(): return an error`);
    });
  }
  return complaints;
}

function resultsAreChecked() {
  const complaints = [];
  for (const [path, { code }] of stripped) {
    if (!path.endsWith('.h')) continue;
    const pattern = /(^|[;{}]|\n[ \t]*\n)([^;{}()]*?)\benum\s+ph_err\s+(ph_\w+)\s*\(/g;
    for (const match of code.matchAll(pattern)) {
      if (/\btypedef\b|\bPH_CHECKED\b/.test(match[2])) continue;
      const line = code.slice(0, match.index + match[0].length).split('\n').length;
      complaints.push(`${path}:${line}: ${match[3]} returns enum ph_err without PH_CHECKED`);
    }
  }
  return complaints;
}

function noStructCasts() {
  const complaints = [];
  const pattern = /\(\s*(const\s+)?struct\s+\w+\s*\*\s*\)\s*&?[\w.>-]*(\.|->)data\b/;
  for (const [path, { code }] of stripped) {
    for (const line of linesMatching(code, pattern)) complaints.push(`${path}:${line}: bytes from outside are read through ph_reader, not cast to a struct`);
  }
  return complaints;
}

// No environment variable may weaken a check: only the places below read one, for the reason given.
const environmentReaders = [
  ['src/base/log.c', 'log level and form'],
  ['src/base/test.h', 'where test vectors are'],
  ['src/runtime/', 'options that the engine reads when it starts are set, never asked for'],
  ['apps/phala/', 'the CLI: HOME, colours, default worker'],
];
function environmentIsNotAsked() {
  const complaints = [];
  for (const [path, { code }] of stripped) {
    if (isTest(path) || environmentReaders.some(([place]) => path.startsWith(place))) continue;
    for (const line of linesMatching(code, /(?<![\w.>])(secure_)?getenv\s*\(/)) {
      complaints.push(`${path}:${line}: reads an environment variable; tools/check_source.mjs lists who may`);
    }
  }
  return complaints;
}

function blockCommentsOnly() {
  return [...stripped].flatMap(([path, { lineComments }]) => lineComments.map((line) => `${path}:${line}: // comment: write /* */`));
}

function headerGuards() {
  const complaints = [];
  for (const path of cFiles.filter((name) => name.endsWith('.h'))) {
    const parts = path.split('/').slice(1);
    const expected = `PH_${parts.map((part) => part.replace(/\.h$/, '').replace(/[^A-Za-z0-9]/g, '_').toUpperCase()).join('_')}_H`;
    const text = readSource(path);
    const guard = /^#ifndef (\w+)\n#define \1$/m.exec(text)?.[1];
    if (!guard) complaints.push(`${path}: no include guard (${expected})`);
    // An app may name itself otherwise than its directory: PH_CLI_X_H in apps/phala.
    else if (path.startsWith('apps/') ? !guard.startsWith('PH') || !guard.endsWith(`_${expected.split('_').slice(-1)}`) : guard !== expected) complaints.push(`${path}: include guard is ${guard}, not ${expected}`);
  }
  return complaints;
}

function fileLengths() {
  return [...cFiles, ...files.filter((path) => path.endsWith('.sol'))].flatMap((path) => {
    const lines = readSource(path).split('\n').length - 1;
    const limit = isTest(path) || path.endsWith('.t.sol') ? 700 : 600;
    return lines > limit ? [`${path}: ${lines} lines: split it (400 is the aim, ${limit} the limit)`] : [];
  });
}

// Spelled so that this file does not match its own law.
const unfinished = new RegExp(`\\b(TO${''}DO|FIX${''}ME|XX${''}X|HA${''}CK)\\b|\\bnot (yet )?imple${''}mented\\b|\\bfor no${''}w[,.]`);
function nothingUnfinished() {
  return textFiles.filter((path) => path !== 'LICENSE').flatMap((path) =>
    linesMatching(readSource(path), unfinished).map((line) => `${path}:${line}: unfinished work does not belong in the tree`));
}

const machinePath = /(?<![\w.~$:/-])\/(home|Users|work|mnt|root)\/[A-Za-z0-9._-]+\//;
function noMachinePaths() {
  return textFiles.flatMap((path) => linesMatching(readSource(path), machinePath).map((line) => `${path}:${line}: names a path of one machine`));
}

function plainText() {
  const complaints = [];
  for (const path of textFiles) {
    if (path === 'package-lock.json' || path === 'LICENSE') continue;
    const text = readSource(path);
    if (text.includes('\r')) complaints.push(`${path}: carriage returns`);
    if (text && !text.endsWith('\n')) complaints.push(`${path}: no newline at the end`);
    if (!path.endsWith('.md')) for (const line of linesMatching(text, /[ \t]+$/)) complaints.push(`${path}:${line}: trailing white space`);
    if (/\.(c|h|sol|mjs|js|ts|json|yaml)$/.test(path)) for (const line of linesMatching(text, /^\t/)) complaints.push(`${path}:${line}: tab`);
  }
  return complaints;
}

function lockFileNamesNoHost() {
  return linesMatching(readSource('package-lock.json'), /"resolved"\s*:/).map((line) => `package-lock.json:${line}: names a registry host; remove package-lock.json and run npm install`);
}

function packagesArePinned() {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(readSource('package.json'));
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `package.json: ${name} is "${version}", not an exact version`);
}

// Debian 12's node, which tools/setup.sh installs. Foundry's packages hold programs, and no JavaScript.
const NODE_MAJOR = 18;

function packagesRunOnDebiansNode() {
  const isFor = (range) => range.split('||').some((part) => {
    const [, operator, major] = /^\s*(>=|>|\^|~|)\s*(\d+|\*)/.exec(part) ?? [];
    return major === '*' || (operator?.startsWith('>') ? Number(major) <= NODE_MAJOR : Number(major) === NODE_MAJOR);
  });
  return Object.entries(JSON.parse(readSource('package-lock.json')).packages)
    .filter(([path, { engines }]) => path && !path.includes('/@foundry-rs/') && engines?.node && !isFor(engines.node))
    .map(([path, { version, engines }]) => `package-lock.json: ${path} ${version} is for node ${engines.node}, Debian 12 has ${NODE_MAJOR}: take an older version`);
}

// Every module's tests are registered: a *_test.c or *_fuzz.c that no meson.build names never runs.
function testsAreBuilt() {
  const complaints = [];
  for (const path of cFiles.filter((name) => /_(test|fuzz)\.c$/.test(name))) {
    const dir = path.slice(0, path.lastIndexOf('/'));
    const name = path.slice(path.lastIndexOf('/') + 1, -2);
    const stem = name.replace(/_(test|fuzz)$/, '');
    // A test that needs a program built later is named, with its path, by that program's meson.build.
    const named = files.some((file) => file.endsWith('/meson.build') && readSource(file).includes(path.slice('src'.length)));
    if (named) continue;
    const text = files.filter((file) => file.endsWith('meson.build') && /^(src|apps)\//.test(file)).filter((file) => dir.startsWith(file.slice(0, -'/meson.build'.length)) || readSource(file).includes(`${name}.c`)).map(readSource).join('\n');
    if (!text.includes(name) && !new RegExp(`['"]([\\w/]*/)?${stem}['"]`).test(text)) complaints.push(`${path}: no meson.build names it, so it never runs`);
  }
  return complaints;
}

// Assembly is where Solidity's checks end: libraries that parse, call the precompile or call hostile code, and nobody else.
const mayAssemble = ['P256Lib', 'DerLib', 'JsonScan', 'ExactCall'].map((name) => `contracts/src/lib/${name}.sol`);
const bannedInSolidity = /\b(tx\s*\.\s*(origin|gasprice)|blockhash\s*\(|selfdestruct\s*\(|require\s*\([^;]*"|revert\s*\()/;
function solidityKeepsItsRules() {
  const complaints = [];
  for (const path of files.filter((name) => /^contracts\/src\/.+\.sol$/.test(name))) {
    const { code } = stripC(readSource(path));
    if (!/^pragma solidity 0\.8\.37;$/m.test(code)) complaints.push(`${path}:1: pragma solidity 0.8.37; is the one version`);
    for (const line of linesMatching(code, bannedInSolidity)) complaints.push(`${path}:${line}: custom errors only; no tx.origin, tx.gasprice, blockhash, selfdestruct`);
    if (!mayAssemble.includes(path)) for (const line of linesMatching(code, /\bassembly\b/)) complaints.push(`${path}:${line}: assembly belongs into ${mayAssemble.join(', ')}`);
  }
  return complaints;
}

runChecks([
  ['source: no banned calls', bannedCalls],
  ['source: libraries do not exit, abort or print', librariesDoNotExit],
  ['source: every enum ph_err prototype is PH_CHECKED', resultsAreChecked],
  ['source: bytes are not cast to structs', noStructCasts],
  ['source: the environment is not asked', environmentIsNotAsked],
  ['source: block comments only', blockCommentsOnly],
  ['source: include guards follow the path', headerGuards],
  ['source: files stay readable', fileLengths],
  ['source: nothing unfinished', nothingUnfinished],
  ['source: no path of one machine', noMachinePaths],
  ['source: plain text', plainText],
  ['source: the lock file names no registry host', lockFileNamesNoHost],
  ['source: npm packages are pinned', packagesArePinned],
  ['source: npm packages are for the node of Debian 12', packagesRunOnDebiansNode],
  ['source: every test file is built', testsAreBuilt],
  ['source: Solidity keeps its rules', solidityKeepsItsRules],
]);
