// Measures gas with foundry.toml's profile `release` and holds it against contracts/gas: a difference is wanted, or a
// mistake. Also whether each contract is small enough to be deployed as it is compiled there. Half a percent is neither: what else is compiled at the same time can move the compiler's choices that much.
// node tools/gas.mjs prints TAP; with --write the measured numbers become the repository's.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { forge, root, runChecks } from './lib_source.mjs';
import { parseForge } from './test_results.mjs';

const keptDir = join(root, 'contracts/gas');
const { stdout, stderr, status } = spawnSync(forge, ['test', '--json'], { cwd: root, env: { ...process.env, FOUNDRY_PROFILE: 'release' }, encoding: 'utf8', maxBuffer: 1 << 28 });
const tests = parseForge('release', stdout, status, stderr);

// Group -> name -> gas, from every test that took a snapshot.
const measured = new Map();
for (const { test_results: results } of Object.values(JSON.parse(stdout.split('\n').find((line) => line.startsWith('{')) ?? '{}'))) {
  for (const { gas_snapshots: snapshots } of Object.values(results ?? {})) {
    for (const [group, values] of Object.entries(snapshots ?? {})) {
      measured.set(group, { ...measured.get(group), ...Object.fromEntries(Object.entries(values).map(([name, gas]) => [name, Number(gas)])) });
    }
  }
}

const file = (group) => join(keptDir, `${group}.json`);
const keptGroups = existsSync(keptDir) ? readdirSync(keptDir).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -5)) : [];
const groups = [...new Set([...keptGroups, ...measured.keys()])].sort();

function differences(group) {
  const kept = existsSync(file(group)) ? JSON.parse(readFileSync(file(group), 'utf8')) : {};
  const now = measured.get(group) ?? {};
  return [...new Set([...Object.keys(kept), ...Object.keys(now)])].filter((name) => !(Math.abs(kept[name] - now[name]) <= kept[name] * 0.005))
    .map((name) => `contracts/gas/${group}.json: "${name}" was ${kept[name] ?? 'not there'}, is ${now[name] ?? 'not measured'}`);
}

// EIP-170: bytes of code that a chain takes. Foundry's tests do not mind more.
const CODE_MAX = 24576;

/** Contracts of contracts/src, as `release` compiled them, that no chain would take. */
function tooLong() {
  const out = join(root, 'build-contracts/release/out');
  const sources = new Set(readdirSync(join(root, 'contracts/src'), { recursive: true }).filter((path) => path.endsWith('.sol')).map((path) => basename(path)));
  const artifacts = readdirSync(out, { recursive: true }).filter((path) => path.endsWith('.json') && sources.has(basename(dirname(path))));
  if (artifacts.length === 0) return [`${out} has no compiled contract: the check would say nothing`];
  return artifacts.map((path) => [path, (JSON.parse(readFileSync(join(out, path), 'utf8')).deployedBytecode.object.length - 2) / 2])
    .filter(([, length]) => length > CODE_MAX).map(([path, length]) => `${path}: ${length} bytes of code, ${CODE_MAX} at most: split it, or fewer optimizer_runs`);
}

const complaint = ({ status: result, detail }) => (result === 'fail' ? [detail || 'failed'] : []);
if (process.argv[2] === '--write') {
  for (const test of tests.filter((one) => one.status === 'fail')) throw new Error(`${test.suite}: ${test.name}: ${test.detail}`);
  mkdirSync(keptDir, { recursive: true });
  for (const group of groups) {
    const entries = Object.entries(measured.get(group) ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    if (entries.length === 0) rmSync(file(group));
    else writeFileSync(file(group), `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
  }
} else {
  runChecks([
    ['each contract is small enough for a chain', tooLong],
    ...tests.map((test) => [`${test.suite}: ${test.name}`, () => complaint(test)]),
    ...groups.map((group) => [`gas of ${group} is what contracts/gas says (accept: node tools/gas.mjs --write)`, () => differences(group)]),
  ]);
}
