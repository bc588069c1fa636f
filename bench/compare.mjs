// The numbers of README, "How fast": see compare.sh. Every group appends rows and prints them as it goes.
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, percentile, processTree, program, pss, root, serverCore, runTool, sleep, startPhala, startWorkerd, timed, wrk } from './lib.mjs';

const quick = process.argv.includes('--quick');
const groups = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const runs = 3;
const seconds = quick ? 3 : 8;
const out = join(root, 'build-release', 'bench-results.jsonl');
const workload = (name) => `./bench/workloads/${name}.js`;
const table = [];

async function row(what, unit, phala, other, goal, detail = {}) {
  table.push({ what, unit, phala, other, goal });
  await appendFile(out, `${JSON.stringify({ what, unit, phala, other, goal, ...detail })}\n`);
  console.error(`${what}: ${format(phala)}${other === undefined ? '' : ` against ${format(other)}`} ${unit}`);
}
const format = (value) => (value === undefined ? '' : value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3));

async function throughput() {
  const phala = await startPhala({ args: ['--tls', '127.0.0.1:0'] });
  try {
    for (const [name, label] of [['hello', 'hello'], ['items', 'JSON and sort, 15 µs']]) {
      const phat = await phala.deploy(workload(name));
      const workerd = await startWorkerd(workload(name));
      try {
        for (const tls of name === 'hello' ? [false, true] : [false]) {
          const ours = `${tls ? phat.tlsUrl : phat.url}/`;
          const theirs = `${tls ? workerd.tlsUrl : workerd.url}/`;
          await wrk(ours, { seconds: 3 });
          await wrk(theirs, { seconds: 3 });
          const a = [];
          const b = [];
          for (let i = 0; i < runs; i++) {
            a.push(await wrk(ours, { seconds }));
            b.push(await wrk(theirs, { seconds }));
          }
          const of = (list, key) => median(list.map((one) => one[key]));
          const title = `${label}${tls ? ', TLS' : ''}`;
          await row(`${title}: requests`, '/s', of(a, 'rps'), of(b, 'rps'), name === 'hello' ? '≥ 4×' : '≥ 2×', { runs: { phala: a, workerd: b } });
          await row(`${title}: p99`, 'ms', of(a, 'p99'), of(b, 'p99'), name === 'hello' ? '≤ 1/10' : '');
        }
      } finally {
        await workerd.stop();
      }
    }
  } finally {
    await phala.stop();
  }
}

async function sequential(url, count, warmUp) {
  const times = [];
  let body;
  for (let i = 0; i < count + warmUp; i++) {
    const answer = await timed(url);
    if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${answer.body}`);
    if (i >= warmUp) times.push(answer.ms);
    body = answer.body;
  }
  return { ms: median(times), body };
}

async function cpu() {
  const dir = await mkdtemp(join(tmpdir(), 'phala-bench-'));
  const phala = await startPhala();
  try {
    const limits = { cpuMs: 30000, wallMs: 60000, memoryMiB: 1024 };
    const phat = await phala.deploy(workload('cpu'), { manifest: { limits } });
    const workerd = await startWorkerd(workload('cpu'));
    try {
      for (const [path, label] of [['fib', 'fib(30)'], ['json', 'JSON of 5 MB'], ['sha256', 'SHA-256 of 1 MiB in JavaScript']]) {
        const results = { a: [], b: [] };
        for (let i = 0; i < runs; i++) {
          const a = await sequential(`${phat.url}/${path}`, quick ? 8 : 20, 5);
          const b = await sequential(`${workerd.url}/${path}`, quick ? 8 : 20, 5);
          if (a.body !== b.body) throw new Error(`${path}: the answers differ`);
          results.a.push(a.ms);
          results.b.push(b.ms);
        }
        await row(label, 'ms', median(results.a), median(results.b), '≤ 1×');
      }
    } finally {
      await workerd.stop();
    }
    // wasm: workerd takes modules as files only, so the reference is the same C built natively.
    const source = join(root, 'bench', 'workloads', 'nbody.c');
    const wasm = join(root, 'bench', 'workloads', 'nbody.wasm');
    const must = async (...command) => {
      const { code, stdout, stderr } = await runTool(command[0], command.slice(1));
      if (code !== 0) throw new Error(`${command[0]}: ${stderr}`);
      return stdout;
    };
    await must('clang-14', '--target=wasm32', '-O3', '-mbulk-memory', '-nostdlib', '-Wl,--no-entry', '-fuse-ld=/usr/bin/wasm-ld-14', '-o', wasm, source);
    await must('gcc', '-O2', '-o', join(dir, 'nbody'), source, '-lm');
    const native = (await must('taskset', '-c', '0', join(dir, 'nbody'))).trim().split('\n').map((line) => line.split(' '));
    const nbody = await phala.deploy(workload('nbody'), { manifest: { limits } });
    await rm(wasm);
    const ours = await sequential(`${nbody.url}/`, 9, 3);
    if (ours.body.slice(0, 10) !== native[0][1].slice(0, 10)) throw new Error(`n-body: ${ours.body} is not ${native[0][1]}`);
    await row('wasm n-body, 10⁶ steps (reference: gcc -O2)', 'ms', ours.ms, median(native.map(([ms]) => Number(ms))), '≤ 1.1×');
  } finally {
    await phala.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Deploys `count` copies of a workload into a data directory and stops the worker again. */
async function deployMany(data, name, count) {
  const phala = await startPhala({ data });
  const phats = [];
  for (let i = 0; i < count; i++) phats.push(await phala.deploy(workload(name), { name: `${name}-${i}` }));
  await phala.stop();
  return phats.map(({ id }) => id);
}

async function start() {
  const data = await mkdtemp(join(tmpdir(), 'phala-bench-'));
  try {
    const ids = await deployMany(data, 'items', quick ? 20 : 60);
    for (const [args, label, goal] of [[['--warm', '0'], 'cold start to first byte', '≤ 10'],
      [['--warm', '0', '--no-spare'], 'cold start with nothing made ahead', ''], [['--warm', '4'], 'start with a warm pool', '≤ 5']]) {
      const phala = await startPhala({ data, args });
      const times = [];
      try {
        await timed(`${phala.url}/healthz`);
        await sleep(500);
        for (const id of ids) {
          await sleep(300); // the pool is full again: a call that finds it empty is the other row
          const { status, first, body } = await timed(`${phala.url}/p/${id}/`);
          if (status !== 200) throw new Error(body);
          times.push(first);
        }
        await row(label, 'ms', median(times), undefined, goal, { p90: percentile(times, 90) });
      } finally {
        await phala.stop();
      }
    }
    const phala = await startPhala();
    try {
      const phat = await phala.deploy(workload('loop'), { manifest: { limits: { wallMs: 300, cpuMs: 200 } } });
      const times = [];
      for (let i = 0; i < (quick ? 5 : 15); i++) {
        await timed(`${phat.url}/`);
        await sleep(100);
        const looping = await timed(`${phat.url}/loop`);
        if (looping.status < 500) throw new Error(`the loop answered ${looping.status}`);
        const { status, ms } = await timed(`${phat.url}/`);
        if (status !== 200) throw new Error(`after the kill: ${status}`);
        times.push(ms);
      }
      await row('kill of a looping child to the next answer', 'ms', median(times), undefined, '≤ 10', { p90: percentile(times, 90) });
    } finally {
      await phala.stop();
    }
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

async function memory() {
  const data = await mkdtemp(join(tmpdir(), 'phala-bench-'));
  try {
    const few = quick ? 50 : 200;
    const ids = await deployMany(data, 'hello', quick ? 200 : 1000);
    for (const [active, label, goal] of [[few, `memory per idle phat at ${few}`, '≤ 5'], [20, `whole worker, ${ids.length} deployed, 20 active`, '≤ 512']]) {
      const phala = await startPhala({ data, args: ['--instances', '256', '--idle', '600'] });
      for (const id of ids.slice(0, active)) {
        const { status, body } = await timed(`${phala.url}/p/${id}/`);
        if (status !== 200) throw new Error(body);
      }
      await sleep(3000);
      const tree = await processTree(phala.pid);
      const sizes = await Promise.all(tree.map(async ({ pid, name }) => ({ name, kib: await pss(pid) })));
      const total = sizes.reduce((sum, { kib }) => sum + kib, 0) / 1024;
      const runners = sizes.filter(({ name }) => name === 'phala-phat').map(({ kib }) => kib / 1024).sort((a, b) => b - a).slice(0, active);
      const value = active === few ? runners.reduce((sum, mib) => sum + mib, 0) / active : total;
      await row(label, 'MiB', value, undefined, goal, { total, processes: sizes.length });
      await phala.stop();
    }
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

async function receipts() {
  const phala = await startPhala();
  try {
    const phat = await phala.deploy(workload('hello'));
    const times = { plain: [], inline: [] };
    for (let i = 0; i < (quick ? 60 : 300); i++) {
      times.plain.push((await timed(`${phat.url}/`)).ms);
      times.inline.push((await timed(`${phat.url}/`, { headers: { 'phala-receipt': 'inline' } })).ms);
    }
    await row('one call, receipt by id', 'ms', median(times.plain), undefined, '');
    await row('one call, receipt inline: added', 'ms', median(times.inline) - median(times.plain), undefined, '≤ 6');
    // The part of the worker's processor time that goes into receipts, at full load: in phalad what
    // receipts_bench counts for this workload and batches of this size, and all that phala-keyd does.
    const tree = await processTree(phala.pid);
    const keyd = tree.find(({ name }) => name === 'phala-keyd');
    const total = async () => (await Promise.all(tree.map(({ pid }) => cpuMs(pid)))).reduce((sum, ms) => sum + ms, 0);
    await wrk(`${phat.url}/`, { seconds: 3 });
    const shares = [];
    for (let i = 0; i < runs; i++) {
      const before = { all: await total(), keyd: await cpuMs(keyd.pid), counters: await counters(phala) };
      const load = await wrk(`${phat.url}/`, { seconds });
      const after = { all: await total(), keyd: await cpuMs(keyd.pid), counters: await counters(phala) };
      const calls = after.counters.calls - before.counters.calls;
      const perBatch = Math.round(calls / (after.counters.batches - before.counters.batches));
      const { stdout } = await runTool('taskset', ['-c', serverCore, join(root, 'build-release/bench/receipts_bench'), program('phala-keyd'), String(perBatch)]);
      const inPhalad = JSON.parse(stdout.trim().split('\n').at(-1)).ns / 1000;
      const inKeyd = ((after.keyd - before.keyd) * 1000) / calls;
      const perCall = ((after.all - before.all) * 1000) / calls;
      shares.push({ share: (100 * (inPhalad + inKeyd)) / perCall, inPhalad, inKeyd, perCall, perBatch, rps: load.rps });
    }
    const { share, ...detail } = shares.sort((a, b) => a.share - b.share)[shares.length >> 1];
    await row('a call, all processes', 'µs of CPU', detail.perCall, undefined, '', detail);
    await row('receipts: part of the CPU at full load', '%', share, undefined, '≤ 5', detail);
  } finally {
    await phala.stop();
  }
}

async function counters(phala) {
  const text = await (await fetch(`${phala.url}/metrics`)).text();
  const of = (name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)[1]);
  return { calls: of('phala_receipts_total'), batches: of('phala_receipt_batches_total') };
}

async function cpuMs(pid) {
  const { stdout } = await runTool('cat', [`/proc/${pid}/stat`]);
  const fields = stdout.slice(stdout.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const all = { throughput, cpu, start, memory, receipts };
await writeFile(out, `${JSON.stringify({ machine: cpus()[0].model, cores: cpus().length, node: process.version, date: new Date().toISOString() })}\n`);
for (const name of groups.length ? groups : Object.keys(all)) {
  try {
    await all[name]();
  } catch (error) {
    console.error(`${name}: ${error.stack}`);
    process.exitCode = 1;
  }
}
console.log(`\n${cpus()[0].model}, ${cpus().length} cores; medians of ${runs} runs of ${seconds} s\n`);
console.log('| | phala | workerd or reference | ratio | goal |\n|---|---|---|---|---|');
for (const { what, unit, phala, other, goal } of table) {
  console.log(`| ${what} (${unit}) | ${format(phala)} | ${format(other)} | ${other === undefined ? '' : `${(phala / other).toFixed(2)}×`} | ${goal} |`);
}
