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

export class Lab {
  /** @param {{ jobs: number, vectors: boolean, log: (line: string) => void }} options */
  constructor({ jobs, vectors, log }) {
    this.dir = mkdtempSync(join(tmpdir(), 'phala-mutate-'));
    this.build = join(this.dir, 'build');
    Object.assign(this, { jobs, log });
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
      .filter((test) => test.cmd[0].startsWith(join(this.build, 'src/attest/')));
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
    this.log(`compiling ${todo.length} files`);
    await inParallel(todo, this.jobs, async ({ source, object, flags, subject }) => {
      mkdirSync(join(object, '..'), { recursive: true });
      await this.#compile([...flags, ...(subject ? ['--coverage'] : []), '-c', join(root, source), '-o', object], { cwd: this.build, ...big });
    });
    const link = words(execFileSync('ninja', ['-C', this.build, '-t', 'commands', 'src/attest/verify_test'], { encoding: 'utf8', ...big }).trim().split('\n').at(-1));
    this.external = link.filter((word) => /^-l|^-pthread$|^\/.*\.so$/.test(word));
    await this.#shared('librest.so', objects.rest, []);
    await this.#shared('libsubject.so', objects.subject, ['--coverage']);
    this.tests = tests.map((test) => {
      const name = relative(this.build, test.cmd[0]);
      return { name: test.name, exe: join(this.dir, basename(name)), args: test.cmd.slice(1), objects: objects.programs.get(name), env: test.env, lines: new Map() };
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

  /** Runs every test alone with coverage: how long it takes, and which lines of src/attest it reaches. */
  async #measure() {
    const bad = [];
    await inParallel(this.tests, this.jobs, async (test) => {
      const prefix = join(this.dir, 'coverage', test.name);
      const start = performance.now();
      const failed = await runTest(test, { env: { ...this.env, ...test.env, LD_LIBRARY_PATH: this.dir, GCOV_PREFIX: prefix }, timeoutMs: 300_000 });
      test.ms = performance.now() - start;
      if (failed) { bad.push(`${test.name}: ${failed}`); return; }
      const counts = join(prefix, this.dir, 'objects/src/attest/libph_attest.a.p');
      if (!existsSync(counts)) return;
      const notes = join(this.dir, 'objects/src/attest/libph_attest.a.p');
      const files = readdirSync(counts).filter((name) => name.endsWith('.gcda'));
      for (const name of files) symlinkSync(join(notes, name.replace(/gcda$/, 'gcno')), join(counts, name.replace(/gcda$/, 'gcno')));
      const { stdout } = await execute('gcov', ['--json-format', '--stdout', ...files], { cwd: counts, ...big });
      for (const line of stdout.split('\n').filter(Boolean)) {
        for (const { file, lines } of JSON.parse(line).files) {
          const source = relative(root, resolve(this.build, file));
          if (!source.startsWith('src/attest/') || !source.endsWith('.c')) continue;
          const reached = test.lines.get(source) ?? new Map();
          for (const { line_number: number, count } of lines) reached.set(number, (reached.get(number) ?? 0) + count);
          test.lines.set(source, reached);
        }
      }
      rmSync(prefix, { recursive: true, force: true });
    });
    if (bad.length) throw new Error(`tests that fail without any mutant:\n  ${bad.sort().join('\n  ')}`);
    this.tests.sort((a, b) => a.ms - b.ms);
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

  /** Tests that run the mutant's line, quickest first; of its function where the line has no code of its own. */
  testsFor(source, { line, scope }) {
    const known = this.tests.some((test) => test.lines.get(source)?.has(line));
    return this.tests.filter((test) => {
      const reached = test.lines.get(source);
      if (!reached) return false;
      if (scope === 0) return true;
      if (known) return reached.get(line) > 0;
      return [...reached].some(([number, count]) => number >= scope - 4 && number <= line && count > 0);
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
    const rank = (test) => (kills.get(test.name) ?? 0) * 1000 / (test.ms + 20);
    const tests = this.testsFor(source, mutant).sort((a, b) => rank(b) - rank(a) || a.ms - b.ms);
    try {
      for (const test of tests) {
        const failed = await runTest(test, { env: { ...this.env, ...test.env, LD_LIBRARY_PATH: this.dir, LD_PRELOAD: object }, timeoutMs: 5000 + 20 * test.ms });
        if (failed) {
          kills.set(test.name, (kills.get(test.name) ?? 0) + 1);
          return { result: 'killed', by: test.name, how: failed };
        }
      }
    } finally {
      rmSync(object, { force: true });
    }
    return { result: 'survived', tried: tests.length };
  }
}
