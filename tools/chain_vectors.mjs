// Writes what the tests of contracts/ read: node tools/chain_vectors.mjs
//
//   build-contracts/vectors/synth   evidence of the project's own PKI, and the C verifier's verdicts on it
//   build-contracts/vectors/real    real evidence, from the directory PHALA_VECTORS; without it, nothing: those tests skip
//
// Certificates are DER, quotes end where their certification data begins: as they travel on chain.
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './lib_source.mjs';

const out = join(root, 'build-contracts/vectors');
const vectors = process.env.PHALA_VECTORS ?? join(root, '..', 'shared', 'vectors');
const hex = (bytes) => `0x${Buffer.from(bytes).toString('hex')}`;

function fresh(name) {
  const dir = join(out, name);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  return dir;
}

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? ''}${stdout}${stderr}`);
}

function synthetic() {
  if (!existsSync(join(root, 'build/build.ninja'))) run('sh', ['tools/preset.sh', 'debug']);
  run('ninja', ['-C', 'build', 'src/attest/synth_chain_tool']);
  run(join(root, 'build/src/attest/synth_chain_tool'), [fresh('synth')]);
}

/** The certificates of a PEM chain, by the role that their name gives them. */
function byRole(pem) {
  const roles = { 'Intel SGX Root CA': 'root', 'Intel SGX PCK Platform CA': 'ca', 'Intel SGX PCK Processor CA': 'ca', 'Intel SGX PCK Certificate': 'pck', 'Intel SGX TCB Signing': 'signer' };
  const found = {};
  for (const [block] of pem.matchAll(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g)) {
    const cert = new X509Certificate(block);
    found[roles[/^CN=(.*)$/m.exec(cert.subject)[1]]] = hex(cert.raw);
  }
  return found;
}

/** Offset of the certification data behind QE report, its signature and QE auth data. */
function certificationAt(quote) {
  const version = quote.readUInt16LE(0);
  const body = version === 5 ? 54 + quote.readUInt32LE(50) : 48 + (quote.readUInt32LE(4) === 0x81 ? 584 : 384);
  const auth = body + 4 + 128 + (version >= 4 ? 6 : 0) + 384 + 64;
  return auth + 2 + quote.readUInt16LE(auth);
}

function realSet(dir, columns) {
  const file = (name) => join(dir, name);
  const bytes = (name) => (existsSync(file(name)) ? hex(readFileSync(file(name))) : undefined);
  const chain = (name) => (existsSync(file(name)) ? byRole(readFileSync(file(name), 'utf8')) : {});
  const signature = (name) => (existsSync(file(name)) ? `0x${readFileSync(file(name), 'utf8').trim()}` : undefined);
  const quote = readFileSync(file('quote.bin'));
  const pck = chain('pck_chain.pem');
  const version = quote.readUInt16LE(0);
  const body = version === 5 ? 54 : 48;
  const reportData = body + (quote.readUInt32LE(4) === 0x81 && version >= 4 ? 520 : 320);
  return {
    root: pck.root, ca: pck.ca, pck: pck.pck,
    signer: chain('tcb_info_chain.pem').signer, qe_signer: chain('qe_identity_chain.pem').signer,
    tcb_info: bytes('tcb_info.body.json'), tcb_info_sig: signature('tcb_info.sig.hex'),
    qe_identity: bytes('qe_identity.body.json'), qe_identity_sig: signature('qe_identity.sig.hex'),
    root_crl: bytes('root_ca_crl.der'), pck_crl: bytes('pck_crl.der'),
    quote: hex(quote.subarray(0, certificationAt(quote))),
    bind: hex(quote.subarray(reportData, reportData + 32)),
    now: Date.parse(columns.verify_at) / 1000, status: columns.golden_status, tcb_date: Date.parse(columns.golden_date) / 1000, flags: columns.flags,
  };
}

function real() {
  const dir = fresh('real');
  const intel = join(vectors, 'intel');
  if (!existsSync(join(intel, 'SETS.tsv'))) {
    rmSync(dir, { recursive: true });
    return console.log(`no real evidence at ${intel} (PHALA_VECTORS)`);
  }
  const cases = [];
  for (const line of readFileSync(join(intel, 'SETS.tsv'), 'utf8').trim().split('\n').slice(1)) {
    const [set, , , , , , verify_at, , golden_status, , golden_date, , flags] = line.split('\t');
    if (!existsSync(join(intel, set, 'pck_chain.pem'))) continue;
    const made = realSet(join(intel, set), { verify_at, golden_status, golden_date, flags });
    writeFileSync(join(dir, `${set}.json`), JSON.stringify(made));
    cases.push(set);
  }
  writeFileSync(join(dir, 'index.json'), JSON.stringify({ cases }));
  return console.log(`${cases.length} real sets`);
}

synthetic();
real();
