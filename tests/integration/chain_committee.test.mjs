// Evidence that no contract judges: real contracts on anvil, three attested workers that are the committee, and workers of
// other kinds, which enter with their certificates.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { decodeAbiParameters, encodeAbiParameters, keccak256, parseEther, recoverTypedDataAddress, sha256, toHex, zeroAddress, zeroHash } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';

import { startAnvil } from './lib/anvil.mjs';
import { deployNetwork } from './lib/network.mjs';
import { atEnd, root, tempDir, until } from './lib/proc.mjs';
import { sameSimulator, startWorker } from './lib/worker.mjs';

const LONG = { timeoutMs: 120_000, everyMs: 100 };
const SNP = 256; // a simulator's kind, as all from 254 on
const COMMITTEE = 2;
const accountAt = (addressIndex) => mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex });

const claimsType = ['uint16 kind', 'bytes32 image', 'bytes32 platformId', 'uint8 tcbStatus', 'uint32 evalNo', 'uint40 evidenceTime', 'uint40 validUntil', 'uint40 tcbDate', 'uint32 flags']
  .map((text) => ({ type: text.split(' ')[0], name: text.split(' ')[1] }));
const certificateType = ['uint64 setId', 'uint40 time', 'bytes32 bind', 'bytes32 evidenceHash', 'bytes32 dataRef']
  .map((text) => ({ type: text.split(' ')[0], name: text.split(' ')[1] }));
const certificateAbi = { type: 'tuple', components: [...certificateType, { name: 'claims', type: 'tuple', components: claimsType }] };
const noClaims = Object.fromEntries(claimsType.map(({ name, type }) => [name, type === 'bytes32' ? zeroHash : 0]));
const encodeRequest = (certificate, evidence) => Buffer.from(encodeAbiParameters([certificateAbi, { type: 'bytes' }], [certificate, evidence]).slice(2), 'hex');

/** What addImage takes of a SEV-SNP report. */
const snpTuple = (report) => `0x0003${report.subarray(0x04, 0x30).toString('hex')}${report.subarray(0x90, 0x140).toString('hex')}`;

let made;
/** A SEV-SNP platform, made once: its authorities' keys take their time. */
function simulator() {
  made ??= (async () => {
    const data = await mkdtemp(join(tmpdir(), 'phala-snp-'));
    process.on('exit', () => rmSync(data, { recursive: true, force: true }));
    await (await startWorker(null, { data, args: ['--tee', 'simulator-snp'], readyMs: 300_000 })).stop();
    return data;
  })();
  return made;
}

async function startNetwork(t, { seats = 3, quorum = 2, rules } = {}) {
  const anvil = await startAnvil(t);
  const net = await deployNetwork(anvil, await tempDir(t), rules);
  // A block now and then, as on any chain: transactions that reach anvil together can wait for the next one.
  const blocks = setInterval(() => anvil.send('anvil_mine', '0x1').catch(() => {}), 3000);
  atEnd(t, () => clearInterval(blocks));
  const { contracts } = JSON.parse(await readFile(net.file, 'utf8'));
  const abi = JSON.parse(await readFile(join(root, 'contracts/abi/VerifierCommittee.json'), 'utf8'));
  net.committee = { address: contracts.committee, abi };
  net.pha = { address: contracts.pha, abi: JSON.parse(await readFile(join(root, 'build-contracts/devnet/out/PHA.sol/PHA.json'), 'utf8')).abi };
  net.verifier = contracts.committeeVerifier;
  net.now = async () => Number((await anvil.client.getBlock()).timestamp);
  net.mine = () => anvil.send('anvil_mine', '0x1');
  net.idOf = (worker) => net.read(net.registry, 'idOfKey', [worker.signer]);
  net.place = async (worker) => net.read(net.registry, 'workerOf', [await net.idOf(worker)]);
  await net.govern(net.committee, 'setRules', [{ seats, quorum, vendorCap: seats }, zeroAddress]);

  /** An attested worker of another operator each time, which stands as a candidate. */
  let operators = 3;
  net.candidate = async () => {
    const operator = accountAt(operators++);
    const worker = await net.start(t, join(await tempDir(t), 'data'), { operator });
    await net.enter(worker, { slot: operators });
    await net.send(net.committee, 'stand', [await net.idOf(worker)], { account: operator });
    return worker;
  };
  /** Draws a committee of all candidates. */
  net.draw = async (workers) => {
    await net.send(net.committee, 'draw', []);
    const set = await net.read(net.committee, 'currentSet');
    const members = (await net.read(net.committee, 'membersOf', [set])).map((key) => key.toLowerCase());
    assert.deepEqual([...members].sort(), workers.map(({ signer }) => signer).sort());
    await Promise.all(workers.map((worker) => net.seated(worker, set)));
    return set;
  };
  /** The worker has seen that it sits on the committee. */
  net.seated = (worker, set) => until(async () => {
    const response = await net.certify(worker, { setId: set });
    if (response.status === 409) throw new Error(await response.text());
    return true;
  }, { ...LONG, what: 'it knows that it is a member' });
  net.certify = async (worker, { evidence = '0x7b7d', ...more } = {}) => fetch(`${worker.url}/v1/committee/certificate`, {
    method: 'POST',
    body: encodeRequest({ setId: 1n, time: Math.floor(Date.now() / 1000) - 1, bind: zeroHash, evidenceHash: keccak256(evidence), dataRef: zeroHash, claims: noClaims, ...more }, evidence),
  });
  /** A worker with simulated SEV-SNP evidence, and a kind for it that the committee judges. */
  net.snp = async (members, { operator = accountAt(1), more = [], rules = {} } = {}) => {
    const data = join(await tempDir(t), 'data');
    await sameSimulator(await simulator(), data);
    const first = await startWorker(null, { data, args: ['--tee', 'simulator-snp'] });
    const { evidence } = await (await fetch(`${first.url}/v1/attestation`)).json();
    await first.stop();
    const known = (await net.read(net.policy, 'kindOf', [SNP])).mode !== 0;
    if (!known) {
      await net.govern(net.policy, 'addKind', [SNP, { ...await net.read(net.policy, 'kindOf', [255]), verifier: net.verifier, mode: COMMITTEE, vendor: 7, ...rules }]);
    }
    if (!known) await net.govern(net.policy, 'addImage', [SNP, snpTuple(Buffer.from(evidence.quote, 'base64')), zeroHash, 0]);
    const args = ['--tee', 'simulator-snp', '--chain', anvil.url, '--network', net.file, '--confirmations', '1', '--operator', operator.address,
      ...members.flatMap((url) => ['--committee-member', url]), ...more];
    const start = async () => {
      const worker = await startWorker(t, { data, args });
      await anvil.client.setBalance({ address: worker.info.chain.account, value: parseEther('10') });
      return Object.assign(worker, { kind: SNP, operator, again: start });
    };
    return start();
  };
  net.why = (worker, pattern) => until(async () => {
    const { why } = await net.registration(worker);
    if (!pattern.test(why)) throw new Error(why);
    return why;
  }, { ...LONG, what: `why: ${pattern}` });
  return net;
}

test('a worker whose evidence no contract judges enters and renews with the certificate of two of three members', async (t) => {
  const net = await startNetwork(t);
  const members = [await net.candidate(), await net.candidate(), await net.candidate()];
  const set = await net.draw(members);
  await members[2].stop({ signal: 'SIGKILL' }); // two are enough
  const worker = await net.snp(members.map(({ url }) => url));
  await net.enter(worker);
  const place = await net.place(worker);
  assert.equal(place.kind, SNP);
  assert.equal(place.vendor, 7);
  assert.equal(place.tcbStatus, 1, 'UpToDate');
  const bind = await net.read(net.registry, 'certificateOf', [await net.idOf(worker), SNP]);
  assert.notEqual(bind, zeroHash, 'the registry knows which certificate admitted it');

  // What they signed is in the transaction, and its evidence with each of them, under its hash.
  const [{ args: entered, transactionHash }] = (await net.anvil.client.getContractEvents({ ...net.registry, eventName: 'Registered', fromBlock: 0n })).slice(-1);
  assert.equal(entered.signKey.toLowerCase(), worker.signer);
  const { input } = await net.anvil.client.getTransaction({ hash: transactionHash });
  const at = input.indexOf(bind.slice(2)) - 2 * 64; // the certificate begins two words before what it binds
  const certificate = decodeAbiParameters([certificateAbi], `0x${input.slice(at)}`)[0];
  assert.equal(certificate.setId, set);
  assert.equal(certificate.claims.kind, 3);
  assert.equal(certificate.claims.flags >>> 31, 1, 'SIMULATED');
  for (const { url } of members.slice(0, 2)) {
    const response = await fetch(`${url}/v1/committee/evidence/${certificate.evidenceHash.slice(2)}`);
    assert.equal(response.status, 200);
    const evidence = Buffer.from(await response.arrayBuffer());
    assert.equal(keccak256(evidence), certificate.evidenceHash);
    assert.equal(sha256(evidence), certificate.dataRef);
  }

  await net.anvil.send('evm_increaseTime', 13 * 3600);
  await net.mine();
  await until(async () => {
    const { leaseUntil } = await net.place(worker);
    if (leaseUntil <= place.leaseUntil) throw new Error((await net.registration(worker)).why);
    return true;
  }, { ...LONG, what: 'it renews with another certificate' });
  assert.notEqual(await net.read(net.registry, 'certificateOf', [await net.idOf(worker), SNP]), bind);
});

test('where chain and committee judge, both must say the same', async (t) => {
  // The script makes the same addresses each time, so that a plan can name the committee's verifier.
  const { verifier } = await startNetwork(t);
  const net = await startNetwork(t, { rules: { 254: { mode: 'ONCHAIN_AND_COMMITTEE', committee: verifier } } });
  assert.equal(net.verifier, verifier);
  const members = [await net.candidate(), await net.candidate(), await net.candidate()];
  await net.draw(members);
  const start = async (urls) => net.start(t, join(await tempDir(t), 'data'), { kind: 254, operator: accountAt(1), args: urls.flatMap((url) => ['--committee-member', url]) });
  const alone = await start([]);
  assert.equal((await net.consent(alone)).status, 204);
  assert.match(await net.why(alone, /certificate is needed/), /--committee-member$/);
  await alone.stop();
  const worker = await start(members.map(({ url }) => url));
  await net.enter(worker);
  assert.equal((await net.place(worker)).kind, 254);
  assert.notEqual(await net.read(net.registry, 'certificateOf', [await net.idOf(worker), 254]), zeroHash);
});

test('what is in the way of a certificate is said, and tried again until it goes', async (t) => {
  const net = await startNetwork(t);
  const members = [await net.candidate(), await net.candidate(), await net.candidate()];
  const urls = members.map(({ url }) => url);
  const worker = await net.snp(urls);
  assert.equal((await net.consent(worker)).status, 204);
  assert.match(await net.why(worker, /certificate is needed/), /no committee was drawn yet$/);
  await net.draw(members);
  await net.live(worker);
  await worker.stop();

  // One of three is too few, and the contract says so.
  const lonely = await net.snp([urls[0]], { operator: accountAt(2) });
  assert.equal((await net.consent(lonely)).status, 204);
  await net.why(lonely, /TooFewSignatures\(uint256,uint256\): 1, 2$/);
  await lonely.stop();
  // What is no member's word is not taken for one.
  const silent = 'http://127.0.0.1:1';
  const cases = [[silent, /does not answer$/], [await pretender(t), /no member of the committee in office$/], [await pretender(t, () => Buffer.from('junk')), /no certificate with one signature$/]];
  for (const [url, why] of cases) {
    const outside = await net.snp([url], { operator: accountAt(2) });
    assert.equal((await net.consent(outside)).status, 204);
    assert.match(await net.why(outside, /no committee member certifies/), why);
    await outside.stop();
  }
  /** Signs whatever it is asked, with a key that is nobody's. */
  async function pretender(test, answer = signAnything) {
    const server = createServer((request, response) => {
      const pieces = [];
      request.on('data', (piece) => pieces.push(piece)).on('end', async () => response.end(await answer(Buffer.concat(pieces))));
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(test, () => { server.closeAllConnections(); server.close(); });
    return `http://127.0.0.1:${server.address().port}`;
  }
  async function signAnything(body) {
    const [asked, evidence] = decodeAbiParameters([certificateAbi, { type: 'bytes' }], toHex(body));
    const message = { ...asked, dataRef: sha256(evidence), claims: { ...asked.claims, kind: 3, tcbStatus: 1 } };
    const types = { Claims: claimsType, Certificate: [...certificateType, { name: 'claims', type: 'Claims' }] };
    const domain = { name: 'PhalaVerifierCommittee', version: '1', chainId: 31337, verifyingContract: net.committee.address };
    const signature = await accountAt(9).signTypedData({ domain, types, primaryType: 'Certificate', message });
    return Buffer.from(encodeAbiParameters([certificateAbi, { type: 'bytes[]' }], [message, [signature]]).slice(2), 'hex');
  }
});

test('members certify only what they judged, and only as members', async (t) => {
  const net = await startNetwork(t);
  const members = [await net.candidate(), await net.candidate(), await net.candidate()];
  const [member] = members;
  const set = await net.draw(members);
  const said = async (more, to = member) => {
    const response = await net.certify(to, { setId: set, ...more });
    const { error } = await response.json();
    return `${response.status} ${error.code}: ${error.message}`;
  };
  assert.match(await said({ setId: set + 1n }), /^409 not-in-office: the committee in office is 1/);
  assert.match(await said({ evidence: '0x7b7d', evidenceHash: zeroHash }), /^400 bad-certificate: .*not the one/);
  assert.match(await said({ time: 1 }), /^409 conflict: .*ten minutes/);
  assert.match(await said({ time: Math.floor(Date.now() / 1000) + 3600 }), /^409 conflict/);
  assert.match(await said({}), /^400 bad-certificate: evidence: /);
  const junk = await fetch(`${member.url}/v1/committee/certificate`, { method: 'POST', body: 'junk' });
  assert.equal(junk.status, 400);
  const long = await fetch(`${member.url}/v1/committee/certificate`, { method: 'POST', body: Buffer.alloc(100_000) });
  assert.equal(long.status, 413);
  // Genuine evidence that binds something else is no evidence for this.
  const { evidence } = await (await fetch(`${member.url}/v1/attestation`)).json();
  const bytes = toHex(Buffer.from(JSON.stringify(evidence)));
  assert.match(await said({ evidence: bytes }), /^403 evidence-refused: evidence refused: report-data/);
  // Somebody who sits nowhere.
  const outsider = await net.candidate();
  assert.match(await said({}, outsider), /^409 not-in-office: this worker is no member/);
  assert.equal((await fetch(`${member.url}/v1/committee/evidence/${'00'.repeat(32)}`)).status, 404);
});

test('a certificate that is challenged is judged by a jury of attested workers', async (t) => {
  const net = await startNetwork(t, { seats: 1, quorum: 1 });
  const [member] = [await net.candidate()];
  await net.draw([member]);
  const worker = await net.snp([member.url]);
  await net.enter(worker);
  const { input } = await net.anvil.client.getTransaction({ hash: (await net.anvil.client.getContractEvents({ ...net.registry, eventName: 'Registered', fromBlock: 0n })).at(-1).transactionHash });
  const bind = await net.read(net.registry, 'certificateOf', [await net.idOf(worker), SNP]);
  const at = input.indexOf(bind.slice(2)) - 2 * 64;
  // abi.encode(Certificate, bytes[]): 14 words, the offset of the list, its count, the first one's offset, its length.
  const certificate = decodeAbiParameters([certificateAbi], `0x${input.slice(at)}`)[0];
  const [, signatures] = decodeAbiParameters([certificateAbi, { type: 'bytes[]' }], `0x${input.slice(at)}`);
  assert.equal(signatures.length, 1);

  // Jurors: of other operators than the committee's.
  const jurors = [await net.candidate(), await net.candidate()];
  await net.send(net.pha, 'approve', [net.committee.address, parseEther('1000')]);
  await net.send(net.committee, 'challenge', [certificate, signatures]);
  await net.anvil.send('evm_increaseTime', 3601);
  await net.mine();
  await net.send(net.beacon, 'roll', []);
  await net.send(net.committee, 'drawJury', [certificate]);
  const digest = await net.read(net.committee, 'digestOf', [certificate]);
  const drawn = (await net.read(net.committee, 'jurorsOf', [digest])).map((key) => key.toLowerCase());
  assert.deepEqual([...drawn].sort(), jurors.map(({ signer }) => signer).sort());

  const evidence = Buffer.from(await (await fetch(`${member.url}/v1/committee/evidence/${certificate.evidenceHash.slice(2)}`)).arrayBuffer());
  const verdict = async (juror, about) => {
    const response = await fetch(`${juror.url}/v1/committee/verdict`, { method: 'POST', body: encodeRequest(about, toHex(evidence)) });
    assert.equal(response.status, 200, await response.clone().text());
    return response.json();
  };
  const verdicts = (await Promise.all(jurors.map((juror) => verdict(juror, certificate)))).sort((a, b) => (a.signer < b.signer ? -1 : 1));
  for (const { certificate: name, genuine } of verdicts) {
    assert.equal(name, digest);
    assert.equal(genuine, true);
  }
  await net.send(net.committee, 'decideByJury', [digest, true, verdicts.map(({ signature }) => signature)]);
  assert.equal((await net.read(net.committee, 'challengeOf', [digest])).status, 2, 'genuine');

  // A certificate that claims more than its evidence proves is false, and jurors say that too.
  const lie = { ...certificate, claims: { ...certificate.claims, evalNo: 99 } };
  const against = await verdict(jurors[0], lie);
  assert.equal(against.genuine, false);
  const types = { Verdict: [{ name: 'certificate', type: 'bytes32' }, { name: 'genuine', type: 'bool' }] };
  const domain = { name: 'PhalaVerifierCommittee', version: '1', chainId: 31337, verifyingContract: net.committee.address };
  assert.equal((await recoverTypedDataAddress({ domain, types, primaryType: 'Verdict', message: { certificate: against.certificate, genuine: false }, signature: against.signature })).toLowerCase(), jurors[0].signer);
  assert.equal(against.certificate, await net.read(net.committee, 'digestOf', [lie]));
});
