// Our verification of Intel quotes beside peers': dcap-qvl (Rust, ring) and Intel's own library (C++, OpenSSL). The same real sets
// (PHALA_VECTORS/intel), pinned to one core, in turn, medians of processor time.
// Peers are built in a folder outside the tree, kept for the next run: node bench/attest_peers.mjs [--build-dir build-release] [--rounds 7] [--peer DIR]
// Without cargo, or without PHALA_PEER_QVL (a checkout of SGX-TDX-DCAP-QuoteVerificationLibrary), a column stays empty, and a line at the end says so.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
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

const qvlDriver = `#include <SgxEcdsaAttestation/QuoteVerification.h>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
static std::string read(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) { std::fprintf(stderr, "no %s\\n", path.c_str()); std::exit(2); }
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}
static std::string hex(const std::string &bytes) {
    std::string out;
    char two[3];
    for (unsigned char c : bytes) { std::snprintf(two, sizeof(two), "%02x", c); out += two; }
    return out;
}
static double cpu_ns() { return std::stod(read("/proc/self/schedstat")); }
int main(int, char **argv) {
    const std::string set = std::string(argv[1]) + "/", end = "-----END CERTIFICATE-----";
    const time_t at = std::atoll(argv[2]);
    const int rounds = std::atoi(argv[3]);
    const std::string chain = read(set + "pck_chain.pem"), quote = read(set + "quote.bin");
    const std::string leaf = chain.substr(0, chain.find(end) + end.size() + 1);
    const std::string root = chain.substr(chain.rfind("-----BEGIN CERTIFICATE-----"));
    const std::string rootCrl = hex(read(set + "root_ca_crl.der")), pckCrl = hex(read(set + "pck_crl.der"));
    const std::string tcbInfo = read(set + "tcb_info.signed.json"), qe = read(set + "qe_identity.signed.json");
    const std::string tcbChain = read(set + "tcb_info_chain.pem"), qeChain = read(set + "qe_identity_chain.pem");
    const char *crls[] = {rootCrl.c_str(), pckCrl.c_str()};
    const auto judge = [&]() -> int {
        Status s = sgxAttestationVerifyPCKCertificate(chain.c_str(), crls, root.c_str(), &at);
        if (s != STATUS_OK) return -1000 - s;
        s = sgxAttestationVerifyTCBInfo(tcbInfo.c_str(), tcbChain.c_str(), crls[0], root.c_str(), &at);
        if (s != STATUS_OK) return -2000 - s;
        s = sgxAttestationVerifyEnclaveIdentity(qe.c_str(), qeChain.c_str(), crls[0], root.c_str(), &at);
        if (s != STATUS_OK) return -3000 - s;
        return sgxAttestationVerifyQuote(reinterpret_cast<const uint8_t *>(quote.data()), (uint32_t)quote.size(), leaf.c_str(), crls[1], tcbInfo.c_str(), qe.c_str());
    };
    const int status = judge();
    if (status < 0) { std::fprintf(stderr, "refused: %d\\n", status); return 1; }
    const double start = cpu_ns();
    for (int i = 0; i < rounds; i++) judge();
    std::printf("%f %d\\n", (cpu_ns() - start) / 1000.0 / rounds, status);
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

/** Intel's library and the driver in one program, without its logging, tests and app: as its own build compiles them for release. */
function buildQvl() {
  if (!process.env.PHALA_PEER_QVL) return undefined;
  const [from, to] = [join(process.env.PHALA_PEER_QVL, 'Src'), join(options.peer, 'qvl')];
  const program = join(to, 'qvl');
  if (existsSync(program)) return program;
  mkdirSync(join(to, 'Version'), { recursive: true });
  writeFileSync(join(to, 'Version', 'Version.h'), 'static const char* VERSION = "";\n');
  writeFileSync(join(to, 'driver.cpp'), qvlDriver);
  const include = ['AttestationLibrary/include', 'AttestationLibrary/src', 'AttestationParsers/include', 'AttestationParsers/src', 'AttestationCommons/include', 'AttestationCommons/include/Utils',
    'ThirdParty/rapidjson/include'].map((folder) => `-I${join(from, folder)}`);
  const flags = ['-std=c++17', '-O2', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong', '-fno-strict-overflow', '-fno-delete-null-pointer-checks', '-fwrapv', '-w', `-I${to}`, ...include];
  const sources = ['AttestationLibrary/src', 'AttestationParsers/src', 'AttestationCommons/src'].flatMap((folder) => readdirSync(join(from, folder), { recursive: true }).map((name) => join(from, folder, name)))
    .filter((path) => path.endsWith('.cpp') && !path.includes('/Enclave/'));
  const objects = [...sources, join(to, 'driver.cpp')].map((path, i) => {
    const object = join(to, `${i}.o`);
    return run('g++', [...flags, '-c', path, '-o', object], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0 ? object : undefined;
  });
  if (objects.includes(undefined)) return undefined;
  return run('g++', [...objects, '-lcrypto', '-o', program], { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0 ? program : undefined;
}

function ours(set, at) {
  const out = run('taskset', ['-c', core, join(root, options['build-dir'], 'src/attest/attest_bench'), join(sets, set), at, 'intel']);
  if (out.status !== 0) return undefined;
  const lines = out.stdout.trim().split('\n').map((line) => JSON.parse(line));
  return { cold: lines.find((line) => line.what === 'cold').us, warm: lines.find((line) => line.what === 'warm').us };
}

/** Microseconds of a peer for one judgement; undefined: it refuses the set. */
function theirs(program, set, at, count) {
  const out = run('taskset', ['-c', core, program, join(sets, set), String(Math.floor(Date.parse(at) / 1000)), String(count)]);
  return out.status === 0 ? Number(out.stdout.split(' ')[0]) : undefined;
}

if (!existsSync(join(sets, 'SETS.tsv'))) {
  console.log(`skipped: no ${sets}`);
  process.exit(0);
}
const [head, ...rows] = readFileSync(join(sets, 'SETS.tsv'), 'utf8').trim().split('\n').map((line) => line.split('\t'));
const at = head.indexOf('verify_at');
const peers = [
  { name: `dcap-qvl ${version}`, program: buildPeer(), count: 300, why: 'there is no cargo here or its build failed' },
  { name: "Intel's library", program: buildQvl(), count: 50, why: 'PHALA_PEER_QVL names no checkout of it that builds' },
].map((peer) => ({ ...peer, ratios: { cold: [], warm: [] } }));
const columns = peers.flatMap(({ name }) => [`${name}, µs`, 'cold, times as fast', 'warm']);
console.log(`| set | cold, µs | warm, µs | ${columns.join(' | ')} |\n|${'---|'.repeat(3 + columns.length)}`);
for (const [set, ...fields] of rows) {
  const when = fields[at - 1];
  const present = peers.filter(({ program }) => program);
  if (!ours(set, when) || present.some(({ program }) => theirs(program, set, when, 1) === undefined)) continue; // one of them refuses the set: nothing to compare
  const samples = [];
  for (let i = 0; i < Number(options.rounds); i++) samples.push({ ...ours(set, when), peers: peers.map(({ program, count }) => program && theirs(program, set, when, count)) });
  const [cold, warm] = ['cold', 'warm'].map((key) => median(samples.map((sample) => sample[key])));
  const cells = peers.flatMap(({ program, ratios }, i) => {
    if (!program) return ['', '', ''];
    const us = median(samples.map((sample) => sample.peers[i]));
    ratios.cold.push(us / cold);
    ratios.warm.push(us / warm);
    return [us.toFixed(0), (us / cold).toFixed(1), (us / warm).toFixed(1)];
  });
  console.log(`| ${set} | ${cold.toFixed(0)} | ${warm.toFixed(0)} | ${cells.join(' | ')} |`);
}
console.log('');
for (const { name, program, ratios, why } of peers) {
  if (program) console.log(`${name}, median of the sets: cold ${median(ratios.cold).toFixed(1)}, warm ${median(ratios.warm).toFixed(1)} times as fast.`);
  else console.log(`skipped: ${name}, for ${why}`);
}
