// Our verification of Intel quotes beside a peer's, dcap-qvl (Rust, ring): the same real sets (PHALA_VECTORS/intel), pinned to one core, in turn, medians of processor time.
// The peer is built in a folder of its own outside the tree, kept for the next run: node bench/attest_peers.mjs [--build-dir build-release] [--rounds 7] [--peer DIR]
// Without cargo its column stays empty, and the last line says so.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median, root } from './lib.mjs';

const { values: options } = parseArgs({
  options: { 'build-dir': { type: 'string', default: 'build-release' }, rounds: { type: 'string', default: '7' }, peer: { type: 'string', default: join(tmpdir(), 'phala-attest-peer') } },
});
const sets = join(process.env.PHALA_VECTORS ?? join(root, '..', 'shared', 'vectors'), 'intel');
const core = String(cpus().length - 1);
const version = '0.7.1';

const manifest = `[package]
name = "peer"
version = "0.0.0"
edition = "2021"
[dependencies]
dcap-qvl = { version = "=${version}", default-features = false, features = ["std", "ring", "default-x509"] }
[profile.release]
lto = true
codegen-units = 1
`;
const driver = `use dcap_qvl::{verify::verify, QuoteCollateralV3};
use std::{env, fs};
/// Processor time of this program, nanoseconds.
fn cpu_ns() -> f64 {
    let text = fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}
fn main() {
    let arg: Vec<String> = env::args().collect();
    let text = |name: &str| fs::read_to_string(format!("{}/{name}", arg[1])).expect(name);
    let bytes = |name: &str| fs::read(format!("{}/{name}", arg[1])).expect(name);
    let sig = |name: &str| {
        let hex = text(name);
        let hex = hex.trim();
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect::<Vec<u8>>()
    };
    let pck = text("pck_chain.pem");
    let issuers = pck.splitn(2, "-----END CERTIFICATE-----").nth(1).unwrap().trim().to_string();
    let collateral = QuoteCollateralV3 {
        pck_crl_issuer_chain: issuers, root_ca_crl: bytes("root_ca_crl.der"), pck_crl: bytes("pck_crl.der"),
        tcb_info_issuer_chain: text("tcb_info_chain.pem"), tcb_info: text("tcb_info.body.json"), tcb_info_signature: sig("tcb_info.sig.hex"),
        qe_identity_issuer_chain: text("qe_identity_chain.pem"), qe_identity: text("qe_identity.body.json"), qe_identity_signature: sig("qe_identity.sig.hex"),
        pck_certificate_chain: Some(pck.clone()),
    };
    let (quote, at, rounds) = (bytes("quote.bin"), arg[2].parse::<u64>().unwrap(), arg[3].parse::<u32>().unwrap());
    let status = verify(&quote, &collateral, at).expect("refused").status;
    let start = cpu_ns();
    for _ in 0..rounds {
        verify(&quote, &collateral, at).unwrap();
    }
    println!("{} {}", (cpu_ns() - start) / 1000.0 / rounds as f64, status);
}
`;

function run(command, args, more = {}) {
  return spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 24, ...more });
}

function buildPeer() {
  if (run('cargo', ['--version']).status !== 0) return undefined;
  mkdirSync(join(options.peer, 'src'), { recursive: true });
  writeFileSync(join(options.peer, 'Cargo.toml'), manifest);
  writeFileSync(join(options.peer, 'src', 'main.rs'), driver);
  const built = run('cargo', ['build', '--release', '--quiet'], { cwd: options.peer, stdio: ['ignore', 'inherit', 'inherit'] });
  return built.status === 0 ? join(options.peer, 'target', 'release', 'peer') : undefined;
}

function ours(set, at) {
  const out = run('taskset', ['-c', core, join(root, options['build-dir'], 'src/attest/attest_bench'), join(sets, set), at, 'intel']);
  if (out.status !== 0) return undefined;
  const lines = out.stdout.trim().split('\n').map((line) => JSON.parse(line));
  return { cold: lines.find((line) => line.what === 'cold').us, warm: lines.find((line) => line.what === 'warm').us };
}

function theirs(peer, set, at) {
  const out = run('taskset', ['-c', core, peer, join(sets, set), String(Math.floor(Date.parse(at) / 1000)), '300']);
  return out.status === 0 ? Number(out.stdout.split(' ')[0]) : undefined;
}

if (!existsSync(join(sets, 'SETS.tsv'))) {
  console.log(`skipped: no ${sets}`);
  process.exit(0);
}
const [head, ...rows] = readFileSync(join(sets, 'SETS.tsv'), 'utf8').trim().split('\n').map((line) => line.split('\t'));
const at = head.indexOf('verify_at');
const peer = buildPeer();
console.log(`| set | cold, µs | warm, µs | dcap-qvl ${version}, µs | cold, times as fast | warm |\n|---|---|---|---|---|---|`);
const ratios = { cold: [], warm: [] };
for (const row of rows) {
  const samples = [];
  const first = ours(row[0], row[at]);
  if (!first || (peer && theirs(peer, row[0], row[at]) === undefined)) continue; // one of the two refuses the set: nothing to compare
  for (let i = 0; i < Number(options.rounds); i++) samples.push({ ...ours(row[0], row[at]), peer: peer && theirs(peer, row[0], row[at]) });
  const of = (key) => median(samples.map((sample) => sample[key]));
  const ratio = (key) => (peer ? (of('peer') / of(key)).toFixed(1) : '');
  if (peer) for (const key of ['cold', 'warm']) ratios[key].push(of('peer') / of(key));
  console.log(`| ${row[0]} | ${of('cold').toFixed(0)} | ${of('warm').toFixed(0)} | ${peer ? of('peer').toFixed(0) : ''} | ${ratio('cold')} | ${ratio('warm')} |`);
}
if (peer) console.log(`\nMedian of the sets: cold ${median(ratios.cold).toFixed(1)}, warm ${median(ratios.warm).toFixed(1)} times as fast.`);
else console.log('\nskipped: dcap-qvl, for there is no cargo here or its build failed');
