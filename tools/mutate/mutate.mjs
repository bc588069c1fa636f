// Tries mutants of src/attest against its unit tests: node tools/mutate/mutate.mjs [options]
//
//   --files LIST     comma-separated paths or prefixes of paths (default: the decision code)
//   --lines A-B      only mutants of these lines
//   --sample N       at most N mutants of each file, drawn by --seed (default 1)
//   --all            also the mutants that are implied by others (see mutants.mjs)
//   --no-vectors     with synthetic evidence only, as where PHALA_VECTORS is not there
//   --under MS       only test programs that end within MS milliseconds: a quick look; survivors need a full run
//   --tests LIST     only these test programs, as meson names them: a quick look too
//   --again FILE     only the survivors of an earlier report (its .json)
//   --jobs N         at a time (default 2)
//   --list           print the mutants and stop; nothing is compiled
//   --coverage       print line coverage of src/attest and stop
//   --known FILE     survivors that are shown to be equivalent (default tools/mutate/equivalent.json)
//   --report PATH    write PATH.json and PATH.md
//
// Exit status: 0 no survivor but the known ones, 1 survivors, 2 it could not run.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readSource, root, sourceFiles } from '../lib_source.mjs';
import { Lab, inParallel } from './lab.mjs';
import { applied, mutantsOf, sampled } from './mutants.mjs';

// What decides, in the order of how much hangs on it.
const decisionCode = ['judge.c', 'policy.c', 'tcb_status.c', 'evidence.c', 'evidence_verify.c', 'x509.c', 'crl.c', ...['pki', 'verify', 'verify_chain', 'verify_tcb', 'verify_policy', 'tcb_eval',
  'tcb_info', 'tcb_docs', 'enclave_identity', 'quote', 'sgx_ext', 'collateral', 'chain_cache'].map((name) => `intel/${name}.c`), 'cache.c',
'amd/', 'nvidia/', 'nitro/', 'eventlog/', 'azure/', 'dstack_', 'ratls.c', 'evidence_bundle.c', 'batch.c', 'roots.c'].map((name) => `src/attest/${name}`);
const notSubjects = /_(test|fuzz|synth|world|breaks)\.c$|test_world\.c$|synth|_certs(_\w+)?\.c$|_json\.c$/;

const { values: options } = parseArgs({
  options: {
    files: { type: 'string' }, lines: { type: 'string' }, sample: { type: 'string' }, seed: { type: 'string', default: '1' }, all: { type: 'boolean' },
    'no-vectors': { type: 'boolean' }, jobs: { type: 'string', default: '2' }, under: { type: 'string' }, list: { type: 'boolean' }, coverage: { type: 'boolean' },
    tests: { type: 'string' }, again: { type: 'string' },
    known: { type: 'string', default: `${root}/tools/mutate/equivalent.json` }, report: { type: 'string' },
  },
});

function chosenFiles() {
  const sources = sourceFiles().filter((path) => path.startsWith('src/attest/') && path.endsWith('.c') && !notSubjects.test(path));
  const wanted = options.files ? options.files.split(',') : decisionCode;
  const chosen = wanted.flatMap((prefix) => sources.filter((path) => path.startsWith(prefix)));
  if (chosen.length === 0) throw new Error(`--files: no source of src/attest begins with ${options.files}`);
  return [...new Set(chosen)];
}

function chosenMutants(source) {
  const text = readSource(source);
  const [first, last] = options.lines ? options.lines.split('-').map(Number) : [1, Infinity];
  const mutants = mutantsOf(text).filter((one) => (options.all || !one.implied) && one.line >= first && one.line <= (last ?? first));
  if (options.again) return again(mutants, source).map((mutant) => ({ ...mutant, source, text, of: mutants.length }));
  const few = options.sample ? sampled(mutants, Number(options.sample), Number(options.seed)) : mutants;
  return few.map((mutant) => ({ ...mutant, source, text, of: mutants.length }));
}

/** Those of the mutants that survived in an earlier report. */
function again(mutants, source) {
  const earlier = JSON.parse(readFileSync(options.again, 'utf8')).filter((one) => one.source === source && one.result === 'survived');
  return mutants.filter((one) => earlier.some((old) => old.line === one.line && old.original === one.original && old.mutant === one.mutant && old.kind === one.kind));
}

const oneLine = (code) => code.replace(/\s+/g, ' ');
const printed = (one) => `${one.source}:${one.line}: ${one.kind}: ${oneLine(one.original)} -> ${oneLine(one.mutant)}`;

/** Survivors shown to be equivalent: file, the line's text, mutant and why. Text, so that lines may move. */
function readKnown() {
  const list = JSON.parse(readFileSync(options.known, 'utf8'));
  return (one) => list.find((entry) => entry.file === one.source && entry.line === lineText(one) && entry.original === oneLine(one.original) && entry.mutant === oneLine(one.mutant));
}
const lineText = ({ text, start }) => text.slice(text.lastIndexOf('\n', start - 1) + 1, text.indexOf('\n', start)).trim();

function printCoverage(lab) {
  let [total, hit] = [0, 0];
  console.log('| file | lines | reached | % | not reached |\n|---|---:|---:|---:|---|');
  for (const [source, row] of lab.coverage()) {
    total += row.total;
    hit += row.hit;
    if (row.total) console.log(`| ${source} | ${row.total} | ${row.hit} | ${percent(row.hit, row.total)} | ${ranges(row.missed)} |`);
  }
  console.log(`| all | ${total} | ${hit} | ${percent(hit, total)} | |`);
}
const percent = (part, whole) => whole ? (100 * part / whole).toFixed(1) : '100.0';
function ranges(lines) {
  const list = [];
  for (const line of lines) {
    if (list.at(-1)?.[1] === line - 1) list.at(-1)[1] = line;
    else list.push([line, line]);
  }
  return list.map(([a, b]) => (a === b ? a : `${a}-${b}`)).join(' ');
}

function writeReport(path, { results, files, lab }) {
  const count = (of, result) => of.filter((one) => one.result === result).length;
  const row = (name, of, possible) => `| ${name} | ${possible} | ${of.length} | ${count(of, 'killed')} | ${count(of, 'not compiled')} | ${count(of, 'equivalent')} | ${count(of, 'survived')} |`;
  const table = ['| file | mutants | tried | killed | not compiled | equivalent | survivors |', '|---|---:|---:|---:|---:|---:|---:|'];
  let possible = 0;
  for (const file of files) {
    const own = results.filter((one) => one.source === file);
    possible += own[0]?.of ?? 0;
    if (own.length) table.push(row(file, own, own[0].of));
  }
  table.push(row('all', results, possible));
  const survivors = results.filter((one) => one.result === 'survived').map((one) => `- \`${printed(one)}\``);
  const head = `${lab.hasVectors ? 'With' : 'Without'} the vectors; ${options.all ? 'all mutants' : 'implied mutants left out'}${options.sample ? `; ${options.sample} of each file, seed ${options.seed}` : ''}.`;
  writeFileSync(`${path}.md`, `${head}\n\n${table.join('\n')}\n${survivors.length ? `\nSurvivors:\n\n${survivors.join('\n')}\n` : ''}`);
  writeFileSync(`${path}.json`, `${JSON.stringify(results.map(({ text, scope, of, start, end, implied, ...rest }) => rest), null, 1)}\n`);
}

async function main() {
  const files = chosenFiles();
  const mutants = files.flatMap(chosenMutants);
  if (options.list) {
    for (const one of mutants) console.log(printed(one));
    console.log(`${mutants.length} mutants in ${files.length} files`);
    return 0;
  }
  const known = readKnown();
  const jobs = Number(options.jobs);
  const lab = new Lab({ jobs, vectors: !options['no-vectors'], sources: options.coverage ? undefined : files, programs: options.tests?.split(','), log: (line) => console.error(line) });
  process.on('SIGINT', () => { lab.close(); process.exit(2); });
  process.on('SIGTERM', () => { lab.close(); process.exit(2); });
  try {
    await lab.prepare();
    if (options.coverage) {
      printCoverage(lab);
      return 0;
    }
    if (options.under) lab.tests = lab.tests.filter((test) => test.ms <= Number(options.under));
    console.error(`${mutants.length} mutants in ${files.length} files, ${lab.tests.length} test programs, ${lab.hasVectors ? 'with' : 'without'} the vectors`);
    const kills = new Map(files.map((file) => [file, new Map()]));
    const results = [];
    await inParallel(mutants, jobs, async (one, i) => {
      const outcome = await lab.try(one.source, applied(one.text, one), one, i, kills.get(one.source));
      const equivalent = outcome.result === 'survived' && known(one);
      results[i] = { ...one, ...outcome, ...(equivalent ? { result: 'equivalent', why: equivalent.why } : {}) };
      if (results[i].result === 'survived') console.log(`${printed(one)}${outcome.tried ? '' : '   (no test runs this line)'}`);
      if (options.report && i % 50 === 49) writeReport(options.report, { results: results.filter(Boolean), files, lab });
    });
    if (options.report) writeReport(options.report, { results, files, lab });
    const count = (result) => results.filter((one) => one.result === result).length;
    console.log(`${results.length} mutants: ${count('killed')} killed, ${count('not compiled')} not compiled, ${count('equivalent')} equivalent, ${count('survived')} survived`);
    return count('survived') ? 1 : 0;
  } finally {
    lab.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 2;
}
