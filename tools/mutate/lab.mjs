// Where mutants are tried: all of src/attest and its tests, compiled with little optimisation into a directory of its own
// from the commands that meson writes, with every function interposable. A mutant is then one object
// more, loaded before the library: nothing is linked again, and the tree is only read.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../lib_source.mjs';

const execute = promisify(execFile);
const big = { maxBuffer: 1 << 28 };

/** Runs work over items, `jobs` at a time, in order of start. */
export async function inParallel(items, jobs, work) {
  let next = 0;
  await Promise.all(Array.from({ length: jobs }, async () => {
    while (next < items.length) {
      const i = next++;
      await work(items[i], i);
    }
  }));
}

/** Splits a command of compile_commands.json or ninja: plain words, and words in single quotes. */
const words = (command) => [...command.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replace(/'/g, ''));

/** Runs one program; says whether it failed, and how. */
function runTest(test, { env, timeoutMs }) {
  return new Promise((done) => {
    const child = spawn(test.exe, test.args, { cwd: root, env, stdio: 'ignore', detached: true });
    const timer = setTimeout(() => {
      try { process.kill(-child.pid, 'SIGKILL'); } catch { /* it has just ended */ }
      done('time-out');
    }, timeoutMs);
    child.on('error', (error) => { clearTimeout(timer); done(`not started: ${error.code}`); });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      done(signal ?? (code === 0 || code === 77 ? '' : `exit ${code}`));
    });
  });
}

function addLines(to, source, counts) {
  const reached = to.get(source) ?? new Map();
  for (const [number, count] of counts) reached.set(number, (reached.get(number) ?? 0) + count);
  to.set(source, reached);
}

export class Lab {
  /** @param {{ jobs: number, vectors: boolean, sources?: string[], programs?: string[], log: (line: string) => void }} options */
  constructor({ jobs, vectors, sources, programs, log }) {
    this.dir = mkdtempSync(join(tmpdir(), 'phala-mutate-'));
    this.build = join(this.dir, 'build');
    Object.assign(this, { jobs, log, sources, programs });
    const known = process.env.PHALA_VECTORS ? resolve(process.env.PHALA_VECTORS) : resolve(root, '../shared/vectors');
    this.vectors = vectors && existsSync(known) ? known : join(this.dir, 'no-vectors');
    this.env = { ...process.env, PHALA_VECTORS: this.vectors, LD_LIBRARY_PATH: this.dir };
  }

  get hasVectors() { return existsSync(this.vectors); }

  close() { rmSync(this.dir, { recursive: true, force: true }); }

  /** Compiles everything, runs every test once with coverage; a test that fails here ends the run. */
  async prepare() {
    execFileSync('meson', ['setup', '-Dbuildtype=debug', '-Dwerror=false', this.build, root], { stdio: ['ignore', 'ignore', 'inherit'] });
    const commands = JSON.parse(readFileSync(join(this.build, 'compile_commands.json'), 'utf8'));
    this.units = new Map();
    const tests = JSON.parse(readFileSync(join(this.build, 'meson-info/intro-tests.json'), 'utf8'))
      .filter((test) => test.cmd[0].startsWith(join(this.build, 'src/attest/')) && (!this.programs || this.programs.includes(test.name)));
    if (tests.length === 0) throw new Error(`no test program of src/attest is named ${this.programs}`);
    const programs = new Set(tests.map((test) => relative(this.build, test.cmd[0])));
    const libraries = /^src\/(?:base|codec|crypto|attest|attest\/lib)\/lib[^/]*\.(?:a|so[^/]*)\.p\//;
    const objects = { subject: [], rest: [], programs: new Map([...programs].map((name) => [name, []])) };
    const seen = new Set();
    const todo = [];
    for (const { command, file, output } of commands) {
      const source = relative(root, resolve(this.build, file));
      const program = output.slice(0, output.indexOf('.p/'));
      const isLibrary = libraries.test(output);
      if (isLibrary ? seen.has(source) : !programs.has(program)) continue;
      if (isLibrary) seen.add(source);
      const object = join(this.dir, 'objects', output);
      const subject = output.startsWith('src/attest/libph_attest.a.p/');
      const unit = { source, object, flags: this.#flags(command) };
      if (subject) this.units.set(source, unit);
      (isLibrary ? objects[subject ? 'subject' : 'rest'] : objects.programs.get(program)).push(object);
      todo.push({ ...unit, subject });
    }
    this.ccache = commands[0].command.startsWith('ccache ');
    // Counted without optimisation: with it, part of a line may count as the line after it.
    this.log(`compiling ${todo.length} files`);
    await inParallel(todo, this.jobs, async ({ source, object, flags, subject }) => {
      mkdirSync(join(object, '..'), { recursive: true });
      await this.#compile([...flags, ...(subject ? ['-O0', '--coverage'] : []), '-c', join(root, source), '-o', object], { cwd: this.build, ...big });
    });
    const link = words(execFileSync('ninja', ['-C', this.build, '-t', 'commands', 'src/attest/verify_test'], { encoding: 'utf8', ...big }).trim().split('\n').at(-1));
    this.external = link.filter((word) => /^-l|^-pthread$|^\/.*\.so$/.test(word));
    await this.#shared('librest.so', objects.rest, []);
    const [cases, counters] = ['cases', 'counters'].map((name) => join(root, 'tools/mutate', `${name}.c`));
    this.cases = join(this.dir, 'cases.so');
    await execute('cc', ['-O1', '-fPIC', '-shared', cases, '-o', this.cases, '-lcmocka', '-ldl', '-lcrypto'], big);
    await this.#shared('libsubject.so', objects.subject, ['-fPIC', counters, '--coverage']);
    this.tests = tests.map((test) => {
      const name = relative(this.build, test.cmd[0]);
      return { name: test.name, exe: join(this.dir, basename(name)), args: test.cmd.slice(1), objects: objects.programs.get(name), env: test.env, lines: new Map(), outside: new Map(), cases: [] };
    });
    await inParallel(this.tests, this.jobs, async ({ exe, objects: own }) => {
      await execute('cc', ['-o', exe, ...own, '-Wl,--no-as-needed', '-L', this.dir, '-lsubject', '-lrest', ...this.external, '-Wl,--allow-shlib-undefined'], big);
    });
    this.log(`running ${this.tests.length} test programs`);
    await this.#measure();
    // From here on without counters: quicker, and killed programs leave nothing half written.
    await inParallel([...this.units.values()], this.jobs, async ({ source, object, flags }) => {
      await this.#compile([...flags, '-c', join(root, source), '-o', object], { cwd: this.build, ...big });
    });
    await this.#shared('libsubject.so', objects.subject, []);
  }

  /** The flags of a command of compile_commands.json, for an interposable object with little optimisation. */
  #flags(command) {
    const list = words(command);
    const kept = [];
    for (let i = list.findIndex((word) => /(^|\/)(cc|gcc|clang)(-\d+)?$/.test(word)) + 1; i < list.length; i++) {
      if (['-o', '-MF', '-MQ', '-MT'].includes(list[i])) i++;
      else if (list[i] === '-c') break;
      else if (!/^-(MD|O.|g|Werror|W.*|fvisibility=.*|D_FORTIFY_SOURCE=.*)$/.test(list[i])) kept.push(list[i]);
    }
    return [...kept, '-O1', '-w', '-fPIC', '-fvisibility=default'];
  }

  #compile(flags, how) {
    return this.ccache ? execute('ccache', ['cc', ...flags], how) : execute('cc', flags, how);
  }

  #shared(name, objects, more) {
    return execute('cc', ['-shared', '-o', join(this.dir, name), ...objects, ...more, ...this.external ?? []], big);
  }

  /** Runs every program with counters: how long each of its tests takes, and which lines of src/attest it reaches. */
  async #measure() {
    const bad = [];
    await inParallel(this.tests, this.jobs, async (test) => {
      const dir = join(this.dir, 'coverage', test.name);
      mkdirSync(dir, { recursive: true });
      const start = performance.now();
      const failed = await runTest(test, { env: this.#envOf(test, { MUTATE_MEASURE: dir, GCOV_PREFIX: join(dir, 'all'), LD_PRELOAD: this.cases }), timeoutMs: 1_800_000 });
      test.ms = performance.now() - start;
      if (failed) { bad.push(`${test.name}: ${failed}`); return; }
      test.lines = await this.#linesIn(join(dir, 'all'));
      const times = existsSync(join(dir, 'times')) ? readFileSync(join(dir, 'times'), 'utf8').trim().split('\n') : [];
      for (const [i, ms] of times.entries()) {
        const lines = await this.#linesIn(join(dir, String(i)));
        test.cases.push({ i, ms: Number(ms), lines });
        for (const [source, counts] of lines) addLines(test.lines, source, counts);
      }
      if (times.length) test.ms = 20 + test.cases.reduce((sum, { ms }) => sum + ms, 0); // of processor time, whatever else runs
      test.outside = times.length ? await this.#linesIn(join(dir, 'all')) : new Map();
      rmSync(dir, { recursive: true, force: true });
    });
    if (bad.length) throw new Error(`tests that fail without any mutant:\n  ${bad.sort().join('\n  ')}`);
    this.tests.sort((a, b) => a.ms - b.ms);
  }

  #envOf(test, more) { return { ...this.env, ...test.env, LD_LIBRARY_PATH: this.dir, ...more }; }

  /** Counts of lines, by source, of what was written under one GCOV_PREFIX. */
  async #linesIn(prefix) {
    const found = new Map();
    const counts = join(prefix, this.dir, 'objects/src/attest/libph_attest.a.p');
    if (!existsSync(counts)) return found;
    const notes = join(this.dir, 'objects/src/attest/libph_attest.a.p');
    const wanted = new Set((this.sources ?? []).map((source) => basename(this.units.get(source).object).replace(/o$/, 'gcda')));
    const files = readdirSync(counts).filter((name) => name.endsWith('.gcda') && (!this.sources || wanted.has(name)));
    if (files.length === 0) return found;
    for (const name of files) {
      const note = join(counts, name.replace(/gcda$/, 'gcno'));
      if (!existsSync(note)) symlinkSync(join(notes, basename(note)), note);
    }
    const { stdout } = await execute('gcov', ['--json-format', '--stdout', ...files], { cwd: counts, ...big });
    for (const line of stdout.split('\n').filter(Boolean)) {
      for (const { file, lines } of JSON.parse(line).files) {
        const source = relative(root, resolve(this.build, file));
        if (!source.startsWith('src/attest/') || !source.endsWith('.c')) continue;
        addLines(found, source, lines.map(({ line_number: number, count }) => [number, count]));
      }
    }
    return found;
  }

  /** Lines with code, and how many of them a test reached: Map of source to { total, hit, missed }. */
  coverage() {
    const table = new Map();
    for (const source of [...this.units.keys()].sort()) {
      const lines = new Map();
      for (const test of this.tests) {
        for (const [line, count] of test.lines.get(source) ?? []) lines.set(line, (lines.get(line) ?? 0) + count);
      }
      const missed = [...lines].filter(([, count]) => count === 0).map(([line]) => line).sort((a, b) => a - b);
      table.set(source, { total: lines.size, hit: lines.size - missed.length, missed });
    }
    return table;
  }

  /**
   * What runs the mutant's line, or its function where the line has no code of its own: [{ test, cases, ms }].
   * `cases` are tests of that program; empty: the program runs as a whole.
   */
  runsFor(source, { line, scope }) {
    const known = this.tests.some((test) => test.lines.get(source)?.has(line));
    const reaches = (lines) => {
      const reached = lines.get(source);
      if (!reached) return false;
      if (scope === 0) return true;
      if (known) return reached.get(line) > 0;
      return [...reached].some(([number, count]) => number >= scope - 4 && number <= line && count > 0);
    };
    return this.tests.filter((test) => reaches(test.lines)).map((test) => {
      const cases = reaches(test.outside) ? [] : test.cases.filter(({ lines }) => reaches(lines));
      return { test, cases, ms: cases.length ? 20 + cases.reduce((sum, { ms }) => sum + ms, 0) : test.ms };
    });
  }

  /**
   * Tries one mutant: { result: 'killed' | 'survived' | 'not compiled', by }. `kills` counts, by test, who
   * killed before: those are asked first. The result does not depend on it, only the time does.
   */
  async try(source, text, mutant, number, kills) {
    const { flags } = this.units.get(source);
    const file = join(this.dir, `mutant-${number}.c`);
    const object = join(this.dir, `mutant-${number}.so`);
    writeFileSync(file, text);
    try {
      await execute('cc', [...flags, '-iquote', join(root, source, '..'), '-shared', file, '-o', object], { cwd: this.build, ...big });
    } catch {
      return { result: 'not compiled' };
    } finally {
      rmSync(file);
    }
    const killed = (name) => kills.get(name) ?? 0;
    const rank = ({ test, ms }) => killed(test.name) * 1000 / (ms + 20);
    const rankOfCase = (test, { i, ms }) => (killed(`${test.name}/${i}`) + 0.1) / (ms + 1);
    const runs = this.runsFor(source, mutant).sort((a, b) => rank(b) - rank(a) || a.ms - b.ms);
    try {
      for (const { test, cases, ms } of runs) {
        const order = cases.sort((a, b) => rankOfCase(test, b) - rankOfCase(test, a)).map(({ i }) => i).join();
        // A loop without end is one by the time it used: on a loaded machine it would be any test by the time that went by.
        const env = this.#envOf(test, { MUTATE_CASES: order, MUTATE_CPU_S: String(Math.ceil(2 + 20 * ms / 1000)), LD_PRELOAD: `${this.cases}:${object}` });
        const failed = await runTest(test, { env, timeoutMs: 120_000 + 100 * ms });
        if (failed) {
          const one = Number(/^exit (1\d\d|2\d\d)$/.exec(failed)?.[1] ?? 0) - 100;
          const names = one >= 0 ? [test.name, `${test.name}/${one}`] : [test.name];
          for (const name of names) kills.set(name, killed(name) + 1);
          return { result: 'killed', by: names.at(-1), how: failed };
        }
      }
    } finally {
      rmSync(object, { force: true });
    }
    return { result: 'survived', tried: runs.length };
  }
}
