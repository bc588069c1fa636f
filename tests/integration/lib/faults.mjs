// What can be wrong around a daemon: its clock, its disk. Clocks and syncs are those of tests/faults/test_faults.c, which
// the loader puts before the C library; a full disk is a tmpfs that is made no larger than what lies in it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, copyFileSync, existsSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { atEnd, program, root } from './proc.mjs';

const library = resolve(root, process.env.PHALA_BUILD ?? 'build', 'tests/faults/libtest_faults.so');
const run = (command, ...args) => spawnSync(command, args, { encoding: 'utf8' });
function must(command, ...args) {
  const out = run(command, ...args);
  if (out.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${out.stderr}`);
  return out.stdout;
}

const fields = ['wallMs', 'bootPpm', 'syncMaxMs', 'random', 'walls', 'boots', 'slowSyncs'];

/** The faults of processes that get `env`: all at once, from when they are set. */
export function controlFaults(t, file, { seed = 1, bootPpm = 0 } = {}) {
  writeFileSync(file, Buffer.alloc(8 * fields.length));
  chmodSync(file, 0o666); // daemons of other users map it
  const preloaded = `${file}.so`; // a checkout may lie where those users cannot go
  copyFileSync(library, preloaded);
  const fd = openSync(file, 'r+');
  atEnd(t, () => closeSync(fd));
  const at = (name) => 8 * fields.indexOf(name);
  const word = Buffer.alloc(8);
  const control = {
    env: { LD_PRELOAD: preloaded, PHALA_TEST_FAULTS: file },
    set(changes) {
      for (const [name, value] of Object.entries(changes)) {
        word.writeBigInt64LE(BigInt(Math.round(value)));
        writeSync(fd, word, 0, 8, at(name));
        if (name === 'wallMs') control.wallMs = Math.round(value);
      }
    },
    get(name) {
      assert.equal(readSync(fd, word, 0, 8, at(name)), 8);
      return Number(word.readBigInt64LE());
    },
    wallMs: 0,
  };
  control.set({ random: seed, bootPpm });
  return control;
}

/** A phala-keyd with the faults of `control`: phalad gives it no environment, so a script does. */
export async function faultyKeyd(dir, control) {
  const path = join(dir, 'keyd.sh');
  const env = Object.entries(control.env).map(([name, value]) => `${name}='${value}'`).join(' ');
  await writeFile(path, `#!/bin/sh\n${env} exec '${program('phala-keyd')}' "$@"\n`, { mode: 0o755 });
  return path;
}

/** A disk at `dir`, of at most `mib`, that can be full. Needs root. */
export function mountDisk(t, dir, mib) {
  must('mount', '-t', 'tmpfs', '-o', `size=${mib}m`, 'phala-test', dir);
  atEnd(t, () => must('umount', '-l', dir));
  const resize = (size) => run('mount', '-o', `remount,size=${size}`, dir).status === 0;
  const usedKib = () => Number(must('df', '-k', '--output=used', dir).trim().split('\n')[1]);
  return {
    fill() {
      for (let kib = usedKib() + 4; ; kib += 64) if (resize(`${kib}k`)) return;
    },
    empty() { assert.ok(resize(`${mib}m`)); },
  };
}

/** Why there are no bad clocks and slow disks here; false if there are. */
export const noSlowDisk = () => (existsSync(library) ? false : `there is no ${library}: builds with sanitizers have none`);

/** Why there can be no faults here; false if there can. `dir`: any folder. */
export function noFaults(dir) {
  if (noSlowDisk()) return noSlowDisk();
  if (run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'phala-test', dir).status !== 0) return 'no file systems can be mounted here';
  run('umount', dir);
  return false;
}
