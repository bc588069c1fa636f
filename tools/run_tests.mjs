// Runs every test of the project and counts: node tools/run_tests.mjs [--list] [STAGE...]
//
// The last line is "N passed, N failed, N skipped"; the exit status is 0 only when nothing failed and
// something passed. A build that breaks, or a program that gives no result, is a failure.
import { AsyncLocalStorage } from 'node:async_hooks';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { forge, root, sourceFiles } from './lib_source.mjs';
import { parseForge, parseNodeReport, parseTap, tail } from './test_results.mjs';

const jobs = Math.max(2, (availableParallelism ?? (() => cpus().length))());
const started = Date.now();
const all = [];
const stageNow = new AsyncLocalStorage();
// A program of the project is told where test vectors are; without them its cases are skipped, visibly.
const vectors = process.env.PHALA_VECTORS ?? join(root, '..', 'shared', 'vectors');
const env = { ...process.env, PHALA_VECTORS: vectors };

const seconds = () => `${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s`;
const say = (text) => console.log(`[${seconds()}] ${text}`);

function record(results) {
  for (const { suite, name, status, detail } of results) {
    if (status === 'pass') continue;
    console.log(`${status === 'fail' ? 'FAIL' : 'SKIP'} ${suite}: ${name}${status === 'skip' && detail ? ` (${detail.split('\n')[0]})` : ''}`);
    if (status === 'fail' && detail) console.log(detail.replace(/^/gm, '    '));
  }
  all.push(...results.map((one) => ({ ...one, stage: stageNow.getStore() })));
}
const single = (suite, name, ok, detail) => record([{ suite, name, status: ok ? 'pass' : 'fail', detail }]);

/** Runs a program in its own process group; the whole group is ended at the time limit. */
function run(command, args, { limitS = 300, extraEnv = {}, cwd = root } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: { ...env, ...extraEnv }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    child.stdout.on('data', (data) => { stdout += data; });
    child.stderr.on('data', (data) => { stderr += data; });
    const timer = setTimeout(() => {
      timedOut = true;
      try { process.kill(-child.pid, 'SIGKILL'); } catch { /* already gone */ }
    }, limitS * 1000);
    const finish = (code, signal) => {
      clearTimeout(timer);
      if (timedOut) stderr += `\nended after ${limitS} s`;
      resolve({ code: timedOut ? 124 : code ?? `signal ${signal}`, stdout, stderr });
    };
    child.on('error', (error) => { stderr += error.message; finish(127, null); });
    child.on('close', finish);
  });
}

// What computes and has time takes the processor only when nobody else wants it. The first line is for kernels that share
// it out by session (sched_autogroup_enabled), where nice counts within one.
const gently = (command, args) => ['sh', ['-c', '{ echo 19 >/proc/self/autogroup; } 2>/dev/null; exec nice -n 19 "$@"', 'sh', command, ...args]];

async function inParallel(items, work, width = jobs) {
  const queue = [...items];
  await Promise.all(Array.from({ length: width }, async () => {
    for (let item; (item = queue.shift()) !== undefined;) await work(item);
  }));
}

async function lint() {
  for (const script of ['check_layers', 'check_source']) {
    const { code, stdout, stderr } = await run('node', [`tools/${script}.mjs`]);
    record(parseTap(script, stdout + (stderr && `\n# ${stderr}`), code));
  }
  const files = sourceFiles().filter((path) => /^(src|apps|bench|sdk)\/.+\.[ch]$/.test(path));
  const { code, stderr } = await run('clang-format-14', ['--dry-run', '-Werror', ...files]);
  single('lint', 'clang-format finds nothing to change', code === 0, tail(stderr.split('\n').filter((line) => /error:/.test(line)).join('\n') || stderr));
  const solidity = await run(forge, ['fmt', '--check']);
  single('lint', 'forge fmt finds nothing to change', solidity.code === 0, tail(solidity.stdout + solidity.stderr));
  const doubts = await run(forge, ['lint', 'contracts/src']);
  single('lint', 'forge lint finds nothing', doubts.code === 0, tail(doubts.stdout + doubts.stderr));
  for (const script of ['test.sh', 'run.sh', 'phala', '.ci/run', ...sourceFiles().filter((path) => /^(tools|bench|tests)\/.+\.sh$/.test(path))]) {
    if (!existsSync(join(root, script))) continue;
    const checked = await run('sh', ['-n', script]);
    single('lint', `${script} parses`, checked.code === 0, checked.stderr);
  }
}

const builds = new Map();

/** Configures and builds a preset, once; yields its directory, or null when it failed (and is recorded). */
function build(preset, dir) {
  if (!builds.has(dir)) builds.set(dir, buildOnce(preset, dir));
  return builds.get(dir);
}

async function buildOnce(preset, dir) {
  const configured = await run('sh', ['tools/preset.sh', preset], { limitS: 300 });
  if (configured.code !== 0) {
    single(preset, 'configures', false, tail(configured.stdout + configured.stderr));
    return null;
  }
  const built = await run('ninja', ['-C', dir, `-j${jobs}`], { limitS: 900 });
  const lines = built.stdout.split('\n');
  const from = lines.findIndex((line) => /^FAILED|error:|undefined reference/.test(line));
  single(preset, 'builds without a warning', built.code === 0, from < 0 ? tail(built.stdout + built.stderr) : lines.slice(from, from + 40).join('\n'));
  if (built.code !== 0) return null;
  say(`${preset}: built`);
  return dir;
}

/** Runs meson's tests of a build directory; every test that meson knows must give results. */
async function mesonTests(label, dir, { only = () => true, extraEnv = {}, wrapper = [] } = {}) {
  const listed = await run('meson', ['introspect', '--tests', dir]);
  let tests;
  try { tests = JSON.parse(listed.stdout); } catch { return single(label, 'lists its tests', false, listed.stderr); }
  tests = tests.filter((test) => !test.suite.some((suite) => /(^|:)bench$/.test(suite)) && only(test));
  if (tests.length === 0) return single(label, 'has tests', false, `no test in ${dir}`);
  await inParallel(tests.filter((test) => test.is_parallel !== false), (test) => oneMesonTest(label, dir, test, extraEnv, wrapper));
  for (const test of tests.filter((one) => one.is_parallel === false)) await oneMesonTest(label, dir, test, extraEnv, wrapper);
  say(`${label}: ${tests.length} test programs ran`);
}

async function oneMesonTest(label, dir, test, extraEnv, wrapper) {
  const suite = `${label}/${test.name}`;
  const [command, ...args] = [...wrapper, ...test.cmd];
  const from = Date.now();
  const { code, stdout, stderr } = await run(command, args, { limitS: (test.timeout || 60) * 4, extraEnv: { ...test.env, ...extraEnv }, cwd: test.workdir ?? join(root, dir) });
  const took = Math.round((Date.now() - from) / 1000);
  if (took >= 15) say(`${suite} took ${took} s`);
  if (test.protocol === 'tap') {
    const results = parseTap(suite, stdout, code);
    if (stderr && results.some(({ status }) => status === 'fail')) results[results.length - 1].detail += `\n${tail(stderr, 60)}`;
    return record(results);
  }
  // meson's rule for programs that only exit: 77 means skipped.
  return record([{ suite, name: test.name, status: code === 0 ? 'pass' : code === 77 ? 'skip' : 'fail', detail: tail(`${stdout}\n${stderr}`, 60) }]);
}

async function unit() {
  if (await build('debug', 'build')) await mesonTests('unit', 'build');
}

const sanitizerEnv = {
  ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  LSAN_OPTIONS: `suppressions=${root}/tools/lsan.supp:print_suppressions=0`,
  TSAN_OPTIONS: 'halt_on_error=1',
  ASAN_SYMBOLIZER_PATH: '/usr/bin/llvm-symbolizer-14',
};

// A process that confines itself cannot carry AddressSanitizer: its filter kills what the leak checker
// does at exit. Tests that drive such a process drive the one of the plain build.
const confined = ['phala-run', 'phala-keyd'];
const plainPrograms = Object.fromEntries(confined.map((name) => [name.toUpperCase().replace('-', '_'), join(root, 'build', 'apps', name, name)]));

async function asan() {
  if (!(await build('debug', 'build'))) return;
  if (await build('asan', 'build-asan')) await mesonTests('asan', 'build-asan', { extraEnv: { ...sanitizerEnv, ...plainPrograms } });
}

// Only programs that start threads gain from this one; they are in meson's suite `threads`.
async function tsan() {
  const configured = await run('sh', ['tools/preset.sh', 'tsan'], { limitS: 300 });
  if (configured.code !== 0) return single('tsan', 'configures', false, tail(configured.stdout + configured.stderr));
  const { stdout } = await run('meson', ['introspect', '--tests', 'build-tsan']);
  const threaded = JSON.parse(stdout).filter((test) => test.suite.some((suite) => /(^|:)threads$/.test(suite)));
  if (threaded.length === 0) return single('tsan', 'has tests', false, 'no test program is in the suite threads');
  const targets = threaded.map((test) => test.cmd[0].slice(test.cmd[0].indexOf('build-tsan/') + 'build-tsan/'.length));
  const built = await run('ninja', ['-C', 'build-tsan', `-j${jobs}`, ...targets], { limitS: 600 });
  single('tsan', 'builds', built.code === 0, tail(built.stdout + built.stderr));
  if (!existsSync(join(root, 'build', 'build.ninja'))) await run('sh', ['tools/preset.sh', 'debug'], { limitS: 300 });
  const plain = await run('ninja', ['-C', 'build', ...confined.map((name) => `apps/${name}/${name}`)], { limitS: 600 });
  single('tsan', 'builds the confined programs', plain.code === 0, tail(plain.stdout + plain.stderr));
  // ThreadSanitizer of clang 14 needs the classic layout of the address space.
  if (built.code === 0 && plain.code === 0) {
    await mesonTests('tsan', 'build-tsan', { only: (test) => threaded.some(({ name }) => name === test.name), extraEnv: { ...sanitizerEnv, ...plainPrograms }, wrapper: ['setarch', '-R'] });
  }
  return undefined;
}

async function tools() {
  for (const file of nodeTests('tools')) await nodeTest(file);
}

// Leases, slow disks and cut networks are told from a busy machine by time alone.
const needsQuiet = /\/(limits|partition|private_cluster|shutdown|slow_disk|takeover)\.test\.mjs$/;
// These share what forge builds for a development chain, and so go one after the other.
const needsForge = /\/(chain_\w+|contracts_deploy|devnet)\.test\.mjs$/;

// Most of these wait more than they compute: two at a time, or one beside Solidity's compiler.
async function integration() {
  if (!(await build('debug', 'build'))) return;
  const files = nodeTests('tests', 'sdk', 'web', 'templates');
  const oneByOne = async (chosen) => { for (const file of files.filter(chosen)) await nodeTest(file); };
  const solidity = async () => {
    await running.get('contracts');
    await oneByOne((file) => needsForge.test(file));
  };
  await Promise.all([solidity(), oneByOne((file) => !needsForge.test(file) && !needsQuiet.test(file))]);
  await oneByOne((file) => needsQuiet.test(file));
}

const nodeTests = (...places) => sourceFiles().filter((path) => places.some((place) => path.startsWith(`${place}/`)) && /\.test\.m?js$/.test(path));

async function nodeTest(file) {
  const limitS = 240;
  const { code, stdout, stderr } = await run('node', ['--test', '--test-reporter=./tools/node_test_reporter.mjs', file], { limitS });
  record(parseNodeReport(file, stdout, code, stderr));
  say(file);
}

async function tidy() {
  if (!existsSync(join(root, 'build-asan', 'compile_commands.json'))) {
    const configured = await run('sh', ['tools/preset.sh', 'asan'], { limitS: 300 });
    if (configured.code !== 0) return single('tidy', 'configures', false, tail(configured.stderr));
  }
  const commands = JSON.parse(readFileSync(join(root, 'build-asan', 'compile_commands.json'), 'utf8'));
  const inputs = [...new Set(commands.map(({ file }) => file.replace(/^(\.\.\/)+/, '')))]
    .filter((file) => /^(src|apps)\//.test(file) && !/(_(test|fuzz|bench|fixture|rig|world)\.c$|\/(test_|fuzz_))/.test(file) && existsSync(join(root, file))).sort();
  await inParallel(inputs, async (file) => {
    const { code, stdout, stderr } = await run(...gently('clang-tidy-14', ['-p', 'build-asan', '--quiet', '--warnings-as-errors=*', file]), { limitS: 600 });
    const found = stdout.split('\n').filter((line) => /(error|warning): /.test(line)).join('\n');
    single('tidy', file, code === 0, found || tail(stdout || stderr));
  });
  say(`tidy: ${inputs.length} files`);
  return undefined;
}

// Profiles are in foundry.toml; gas.mjs runs the third one, `release`.
async function contracts() {
  if (!(await build('debug', 'build'))) return;
  const made = await run('node', ['tools/chain_vectors.mjs'], { limitS: 600 });
  single('contracts', 'makes its vectors', made.code === 0, tail(made.stdout + made.stderr));
  for (const profile of ['default', 'prague']) {
    const { code, stdout, stderr } = await run(forge, ['test', '--json'], { limitS: 900, extraEnv: { FOUNDRY_PROFILE: profile } });
    record(parseForge(`contracts/${profile}`, stdout, code, stderr));
    say(`contracts: profile ${profile} ran`);
  }
  const abi = await run('node', ['tools/abi_json.mjs', '--check']);
  single('contracts', 'contracts/abi is what forge built', abi.code === 0, abi.stderr);
  const { code, stdout, stderr } = await run('node', ['tools/gas.mjs'], { limitS: 900 });
  record(parseTap('contracts/gas', stdout + (stderr && `\n# ${stderr}`), code));
}

const stages = { lint, tools, unit, asan, tsan, contracts, integration, tidy };
const why = {
  lint: 'format, layers, laws of the source', tools: 'the tests of the tools themselves', unit: 'gcc build, unit tests, corpora',
  asan: 'clang build with AddressSanitizer and UndefinedBehaviorSanitizer, same tests', tsan: 'programs with threads under ThreadSanitizer',
  contracts: 'Solidity: unit and fuzz tests, chains without P-256, gas', integration: 'real daemons on loopback', tidy: 'clang-tidy over src and apps',
};

const wanted = process.argv.slice(2);
if (wanted.some((word) => word.startsWith('-')) || wanted.some((word) => !(word in stages))) {
  console.log('usage: sh test.sh [STAGE...]   without a stage: all of them\n');
  for (const [name, text] of Object.entries(why)) console.log(`  ${name.padEnd(12)} ${text}`);
  process.exit(wanted.every((word) => ['--help', '-h', '--list'].includes(word)) ? 0 : 2);
}
if (!existsSync(vectors)) say(`no test vectors at ${vectors} (PHALA_VECTORS): cases that need them are skipped`);

async function runStage(name) {
  say(`${name}: ${why[name]}`);
  try {
    await stages[name]();
  } catch (error) {
    single(name, 'the stage ran', false, error.stack);
  }
  const of = (status) => all.filter((one) => one.stage === name && one.status === status).length;
  say(`${name}: ${of('pass')} passed, ${of('fail')} failed, ${of('skip')} skipped`);
}

const running = new Map();
for (const beside of [['lint'], ['tools'], ['unit'], ['asan'], ['tsan'], ['contracts', 'integration', 'tidy']]) {
  for (const name of beside.filter((one) => wanted.length === 0 || wanted.includes(one))) running.set(name, stageNow.run(name, () => runStage(name)));
  await Promise.all(running.values());
}

const count = (status) => all.filter((one) => one.status === status).length;
console.log(`${count('pass')} passed, ${count('fail')} failed, ${count('skip')} skipped`);
process.exitCode = count('fail') === 0 && count('pass') > 0 ? 0 : 1;
