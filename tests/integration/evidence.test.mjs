// `phala evidence` as a user runs it: synthetic evidence, and the real sets where they are at hand.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { program, root, runTool, tempDir } from './lib/proc.mjs';

const phala = program('phala');
const synthTool = join(root, process.env.PHALA_BUILD ?? 'build', 'src/attest/synth_tool');
const vectors = join(process.env.PHALA_VECTORS ?? join(root, '..', 'shared', 'vectors'), 'intel');
const at = '2025-06-19T10:32:27Z';
const keys = ['advisories', 'claims', 'reason', 'status', 'step', 'tcb_date', 'valid_until', 'verdict'];

const evidence = async (...args) => {
  const result = await runTool(phala, ['evidence', ...args]);
  return { ...result, json: args.includes('--json') ? JSON.parse(result.stdout) : undefined };
};

/** A folder of synthetic evidence under a simulator's root. */
async function makeSet(t, kind = 'tdx4') {
  const dir = await tempDir(t);
  const made = await runTool(synthTool, [dir, at, kind]);
  assert.equal(made.code, 0, made.stderr);
  const file = (name) => join(dir, name);
  return { dir, file, judge: (...args) => evidence('verify', file('quote.bin'), '--collateral', dir, '--at', at, '--json', ...args) };
}

describe('manual pages', () => {
  for (const command of ['evidence', 'collateral']) {
    test(`phala-${command}(1) has every option of the command, and no mistake in its form`, async () => {
      const page = join(root, 'man', `phala-${command}.1`);
      const text = await readFile(page, 'utf8');
      const help = await runTool(phala, [command, '--help']);
      const missing = [...help.stdout.matchAll(/^ +(?:-\w, )?--([a-z][a-z-]+)/gm)].map((match) => match[1]).filter((name) => !text.includes(`Fl -${name}`) && !['help', 'json', 'quiet'].includes(name));
      assert.deepEqual(missing, []);
      if (!existsSync('/usr/bin/groff')) return;
      const shown = await runTool('groff', ['-man', '-mdoc', '-rLL=120n', '-Tutf8', '-ww', '-z', page]);
      assert.deepEqual([shown.code, shown.stderr], [0, '']);
    });
  }
});

describe('synthetic evidence', () => {
  for (const kind of ['tdx4', 'tdx5', 'td15', 'sgx3']) {
    test(`${kind} is accepted only by a policy that names its root, and says INSECURE-SIMULATOR`, async (t) => {
      const { dir, file, judge } = await makeSet(t, kind);
      const refused = await judge();
      assert.equal(refused.code, 1);
      assert.deepEqual([refused.json.verdict, refused.json.step, refused.json.reason], ['rejected', 'root', 'root-untrusted']);
      assert.equal(refused.json.claims, null);
      assert.equal(refused.json.status, 'UpToDate');

      const accepted = await judge('--policy', file('policy.json'));
      assert.equal(accepted.code, 0, accepted.stdout);
      assert.equal(accepted.json.insecure_simulator, true);
      assert.match(accepted.json.sentence, /INSECURE-SIMULATOR/);
      assert.equal(accepted.json.claims.insecure_simulator, true);
      const text = await evidence('verify', file('bundle.json'), '--at', 'bundle', '--policy', file('policy.json'));
      assert.equal(text.code, 0);
      assert.match(text.stdout, /^ACCEPTED INSECURE-SIMULATOR$/m);
      const other = await evidence('verify', file('quote.bin'), '--collateral', file('bundle.json'), '--at', at, '--policy', file('policy.json'));
      assert.equal(other.code, 0, other.stdout + dir);
    });
  }

  test('what a dstack guest hands out is judged like the quote inside', async (t) => {
    const { dir, file, judge } = await makeSet(t);
    const quote = await readFile(file('quote.bin'));
    const compact = (n) => Buffer.from(n < 64 ? [n << 2] : [(n << 2 | 1) & 0xff, n >> 6]);
    const log = (registers) => Buffer.concat([compact(registers.length), ...registers.map((imr) => Buffer.concat([Buffer.from([imr, 0, 0, 0, 1, 0, 0, 8]), compact(0), compact(1), Buffer.from('x'), compact(0)]))]);
    const attestation = (registers) => Buffer.concat([Buffer.from([0, 0]), compact(quote.length), quote, log(registers), compact(0), Buffer.alloc(64), compact(0)]);
    const plain = await judge('--policy', file('policy.json'));
    for (const document of [
      JSON.stringify({ quote: quote.toString('hex'), report_data: '', vm_config: '{}', attestation: null }),
      JSON.stringify({ attestation: attestation([]).toString('hex') }),
      attestation([0, 1, 2]),
    ]) {
      await writeFile(file('guest.json'), document);
      const same = await evidence('verify', file('guest.json'), '--collateral', dir, '--at', at, '--json', '--policy', file('policy.json'));
      assert.deepEqual([same.code, same.json], [0, plain.json]);
      assert.match(same.stderr, /no event log of all registers/);
      assert.equal((await evidence('show', file('guest.json'), '--json')).json.kind, 'intel-tdx-quote');
    }
    await writeFile(file('guest.json'), attestation([3, 3])); // cut for size: an event of RTMR3 that this quote knows nothing of
    const short = await evidence('verify', file('guest.json'), '--collateral', dir, '--at', at, '--json', '--policy', file('policy.json'));
    assert.deepEqual([short.code, short.json.reason], [1, 'rtmr3-mismatch']);
    assert.match(short.stderr, /shows RTMR3 alone/);
    await writeFile(file('guest.json'), attestation([0, 1, 2, 3]));
    const logged = await evidence('verify', file('guest.json'), '--collateral', dir, '--at', at, '--json', '--policy', file('policy.json'));
    assert.deepEqual([logged.code, logged.json.reason], [1, 'event-type']); // the log counts: runtime events belong into RTMR3
    const cut = attestation([]).subarray(0, -1);
    await writeFile(file('guest.json'), cut);
    assert.equal((await evidence('show', file('guest.json'))).code, 2);
  });

  test('report data, measurements and time decide', async (t) => {
    const { file, judge } = await makeSet(t);
    const base = JSON.parse(await readFile(file('policy.json'), 'utf8'));
    const withPolicy = async (change, ...args) => {
      await writeFile(file('p.json'), JSON.stringify({ ...base, ...change }));
      return judge('--policy', file('p.json'), ...args);
    };
    assert.equal((await withPolicy({}, '--report-data', '00'.repeat(64))).json.claims.report_data_checked, true);
    const wrong = await withPolicy({}, '--report-data', '01'.repeat(64));
    assert.deepEqual([wrong.code, wrong.json.reason], [1, 'report-data-mismatch']);
    const none = await withPolicy({ measurements: { tdx: [{ mr_td: '11'.repeat(48) }] } });
    assert.deepEqual([none.code, none.json.reason, none.json.measurements_demanded], [1, 'policy-measurement', true]);
    const measured = await withPolicy({ measurements: { tdx: [{ mr_td: '00'.repeat(48), rtmr3: '00'.repeat(48) }] } });
    assert.equal(measured.code, 0);
    const later = await evidence('verify', file('bundle.json'), '--at', '2025-07-19T10:32:27Z', '--policy', file('policy.json'), '--json');
    assert.deepEqual([later.code, later.json.reason], [1, 'tcb-info-expired']);
    const now = await evidence('verify', file('bundle.json'), '--at', 'now', '--policy', file('policy.json'), '--json');
    assert.equal(now.code, 1);
  });

  test('explain lists every check with its result and bytes', async (t) => {
    const { dir, file } = await makeSet(t);
    const { code, json } = await evidence('explain', file('quote.bin'), '--collateral', dir, '--at', at, '--json');
    assert.equal(code, 1);
    const byName = Object.fromEntries(json.checks.map((c) => [c.check, c]));
    assert.equal(byName['root-untrusted'].result, 'FAIL');
    assert.equal(byName['quote-signature'].result, 'PASS');
    assert.equal(byName['report-data-mismatch'].result, 'SKIP');
    assert.deepEqual([byName['quote-signature'].bytes.offset, byName['quote-signature'].bytes.length], [0, 632]);
    const text = await evidence('explain', file('quote.bin'), '--collateral', dir, '--at', at);
    assert.match(text.stdout, /FAIL the chain ends at a pinned root key \(root-untrusted\)/);
    assert.match(text.stdout, /quote\[0\.\.632\]/);
  });

  test('show names every field and judges nothing', async (t) => {
    const { file } = await makeSet(t, 'td15');
    const { code, json } = await evidence('show', file('quote.bin'), '--json');
    assert.equal(code, 0);
    assert.deepEqual([json.kind, json.version, json.body, json.pck.fmspc], ['intel-tdx-quote', 5, 'TDX 1.5', 'b0c06f000000']);
    assert.ok(json.fields.some((f) => f.name === 'tee_tcb_svn2' && f.offset === 54 + 584));
    assert.ok(json.fields.every((f) => f.meaning.length > 0));
    const text = await evidence('show', file('bundle.json'));
    assert.match(text.stdout, /mr_td/);
  });

  test('malformed input and usage exit with 2, and JSON still has its keys', async (t) => {
    const { dir, file } = await makeSet(t);
    await mkdir(file('empty'));
    await writeFile(file('bad.json'), '{"statuses":["UpToDate"],"typo":1}');
    await writeFile(file('short.bin'), (await readFile(file('quote.bin'))).subarray(0, 100));
    await mkdir(file('broken'));
    await writeFile(join(file('broken'), 'pck_crl.der'), 'no DER');
    const quote = file('quote.bin');
    for (const args of [
      ['verify', file('nothing'), '--at', at],
      ['verify', quote, '--at', 'yesterday'],
      ['verify', quote, '--at', 'bundle'],
      ['verify', quote, '--at', at, '--collateral', file('empty')],
      ['verify', quote, '--at', at, '--collateral', file('nothing')],
      ['verify', quote, '--at', at, '--collateral', file('broken')],
      ['verify', quote, '--at', at, '--collateral', dir, '--policy', file('bad.json')],
      ['verify', quote, '--at', at, '--collateral', dir, '--report-data', '00'],
      ['verify', quote, '--at', at, '--collateral', dir, '--event-log', file('nothing')],
      ['verify', file('short.bin'), '--at', at, '--collateral', dir],
      ['verify', quote, '--at', at, '--collateral', dir, '--cert', file('pck_chain.pem')],
      ['verify', quote, '--at', at, '--collateral', dir, '--chain', file('pck_chain.pem')],
      ['verify', quote, '--at', at, '--collateral', dir, '--crl', file('pck_crl.der')],
      ['verify', quote, '--at', at, '--collateral', dir, '--rim', dir],
      ['verify', quote, '--at', at, '--collateral', dir, '--ocsp', dir],
      ['verify', quote, '--at', at, '--collateral', dir, '--nonce', '00'.repeat(32)],
      ['verify', quote, '--at', at, '--collateral', dir, '--write-bundle', join(file('nothing'), 'b')],
      ['bundle', quote, '--at', at, '--collateral', dir],
      ['show', file('short.bin')],
      ['show', file('pck_chain.pem')],
    ]) {
      const result = await evidence(...args, '--json');
      assert.equal(result.code, 2, args.join(' '));
      for (const key of keys) assert.ok(key in result.json, `${key}: ${args.join(' ')}`);
      assert.equal(result.json.verdict, 'rejected');
      assert.ok(result.json.sentence.length > 0);
    }
    const wrong = await evidence('verify', quote, '--json');
    assert.deepEqual([wrong.code, wrong.json.verdict, wrong.json.reason], [2, 'rejected', 'usage']);
    for (const args of [[], ['judge', quote], ['verify'], ['verify', quote], ['verify', quote, quote, '--at', at], ['verify', quote, '--moment', at]]) {
      assert.equal((await evidence(...args)).code, 2, args.join(' '));
    }
  });
});

describe('bundles', () => {
  test('one file holds all, and verifies later at its own time', async (t) => {
    const { dir, file, judge } = await makeSet(t);
    const made = await judge('--policy', file('policy.json'), '--write-bundle', file('all.json'));
    assert.equal(made.code, 0, made.stdout);
    const offline = await evidence('verify', file('all.json'), '--at', 'bundle', '--policy', file('policy.json'), '--json');
    assert.deepEqual([offline.code, offline.json.judged_at], [0, at]);
    assert.deepEqual(offline.json.claims, made.json.claims);

    const put = await evidence('bundle', file('quote.bin'), '--collateral', dir, '--at', at, '--write-bundle', file('put.json'), '--json');
    assert.deepEqual([put.code, put.json.ok], [0, true]);
    assert.deepEqual(await readFile(file('put.json')), await readFile(file('all.json')));
    // a bundle of a bundle keeps its time
    await evidence('bundle', file('put.json'), '--at', 'bundle', '--write-bundle', file('again.json'));
    assert.deepEqual(await readFile(file('again.json')), await readFile(file('put.json')));
    // without collateral it is refused at the check that needs it
    await evidence('bundle', file('quote.bin'), '--at', at, '--write-bundle', file('bare.json'));
    const bare = await evidence('verify', file('bare.json'), '--at', 'bundle', '--policy', file('policy.json'), '--json');
    assert.deepEqual([bare.code, bare.json.verdict, bare.json.reason], [1, 'rejected', 'tcb-info-absent']);
  });

  test('evidence as hex digits or base64 is the same evidence', async (t) => {
    const { dir, file } = await makeSet(t);
    const quote = await readFile(file('quote.bin'));
    for (const encoding of ['hex', 'base64']) {
      await writeFile(file('text'), `${quote.toString(encoding)}\n`);
      const { code, json } = await evidence('verify', file('text'), '--collateral', dir, '--at', at, '--policy', file('policy.json'), '--json');
      assert.deepEqual([code, json.verdict], [0, 'accepted'], encoding);
    }
  });

  test('completion knows every option', async () => {
    const { stdout } = await runTool(phala, ['completion', 'bash']);
    const line = stdout.split('\n').find((l) => l.trim().startsWith('evidence)'));
    for (const option of ['--at', '--collateral', '--cert', '--rim', '--ocsp', '--nonce', '--event-log', '--write-bundle', '--json']) {
      assert.ok(line.includes(`${option} `) || line.includes(`${option}'`), option);
    }
    const { stdout: help } = await runTool(phala, ['evidence', '--help']);
    assert.match(help, /--write-bundle FILE/);
  });
});

describe('event logs', () => {
  const entry = (event, payload, digest = '') => ({ imr: 3, event_type: 0x08000001, digest, event, event_payload: payload });
  test('a demanded log must replay to the registers of the quote', async (t) => {
    const { dir, file, judge } = await makeSet(t);
    const write = async (value) => {
      await writeFile(file('log'), value);
      return judge('--policy', file('policy.json'), '--event-log', file('log'));
    };
    const none = await write('[]'); // the synthetic TD measured nothing
    assert.deepEqual([none.code, none.json.verdict, none.json.claims?.event_log.events], [0, 'accepted', 0]);
    const other = await write(JSON.stringify([entry('app-id', '11'.repeat(20))]));
    assert.deepEqual([other.code, other.json.step, other.json.reason], [1, 'event-log', 'rtmr3-mismatch']);
    const edited = await write(JSON.stringify([entry('a\u009bb', '11', '22'.repeat(48))]));
    assert.equal(edited.json.reason, 'event-digest-mismatch');
    assert.match(edited.json.sentence, /event 0: the digest of a\?\?b is not/);
    const empty = await write('');
    assert.deepEqual([empty.code, empty.json.reason], [2, 'input']);
    assert.equal((await write('[')).json.reason, 'event-log-malformed');
    assert.equal((await judge('--policy', file('policy.json'))).json.claims.event_log, undefined);
    const text = await evidence('explain', file('quote.bin'), '--collateral', dir, '--at', at, '--policy', file('policy.json'), '--event-log', file('log'));
    assert.equal(text.code, 1);
    assert.match(text.stdout, /^ {2}FAIL .*\(event-log-malformed\)$/m);
    assert.match(text.stdout, /^ {7}event log, 1 bytes/m);
  });
  test('an enclave has none', async (t) => {
    const { file, judge } = await makeSet(t, 'sgx3');
    await writeFile(file('log'), '[]');
    assert.equal((await judge('--policy', file('policy.json'), '--event-log', file('log'))).json.reason, 'event-log-tee');
  });
});

const set = (...parts) => join(vectors, '..', ...parts);
const needsVectors = { skip: existsSync(join(vectors, 'SETS.tsv')) ? false : 'no vectors: set PHALA_VECTORS' };

describe('real evidence', needsVectors, () => {
  const rows = existsSync(join(vectors, 'SETS.tsv'))
    ? readFileSync(join(vectors, 'SETS.tsv'), 'utf8').trim().split('\n').slice(1).map((line) => line.split('\t'))
    : [];
  for (const row of rows) {
    const [set, , , , , , verifyAt, , status, advisories, tcbDate] = row;
    test(`${set} has status ${status}`, async () => {
      const dir = join(vectors, set);
      const { json, code } = await evidence('verify', join(dir, 'quote.bin'), '--collateral', dir, '--at', verifyAt, '--json');
      assert.deepEqual([json.status, json.advisories.join(',') || '-', json.tcb_date], [status, advisories, tcbDate]);
      const complete = row[14] === 'yes' && row[15] === 'yes';
      assert.equal(code, complete && status === 'UpToDate' ? 0 : 1);
    });
  }
});

describe('real evidence of every other kind', needsVectors, () => {
  const lenient = JSON.stringify({
    statuses: ['UpToDate'], measurements: 'any',
    nvidia: { require_rim: false, require_ocsp: false, allow_unattested_switches: true },
  });
  const policyFile = async (t, text = lenient) => {
    const path = join(await tempDir(t), 'policy.json');
    await writeFile(path, text);
    return path;
  };
  const shape = (json) => {
    for (const key of keys) assert.ok(key in json, key);
  };
  /** Shown, judged, and judged again from the bundle that was written. */
  const judge = async (t, file, args, want) => {
    const bundle = join(await tempDir(t), 'bundle.json');
    const policy = args.policy ? ['--policy', await policyFile(t, args.policy)] : [];
    const given = [...args.given ?? [], ...policy];
    const first = await evidence('verify', file, '--at', args.at, ...given, '--write-bundle', bundle, '--json');
    shape(first.json);
    assert.deepEqual([first.code, first.json.reason], want, first.json.sentence);
    const later = await evidence('verify', bundle, '--at', 'bundle', ...policy, ...args.nonce ?? [], '--json');
    assert.deepEqual([later.code, later.json.reason], want, later.json.sentence);
    assert.deepEqual(later.json.claims, first.json.claims);
    const text = await evidence('explain', file, '--at', args.at, ...given);
    assert.equal(text.code, want[0]);
    assert.match(text.stdout, /^ {2}PASS /m);
    assert.equal(/^ {2}FAIL /m.test(text.stdout), want[0] !== 0);
    const shown = await evidence('show', file, ...(args.given ?? []).includes('--cert') ? args.given.slice(0, 2) : [], '--json');
    assert.equal(shown.code, 0, shown.stderr);
    return first.json;
  };

  const snp = (name) => set('snp', name);
  for (const [report, cert, when, want, ...more] of [
    ['go-sev-guest/attestation.bin', 'go-sev-guest/vcek.testcer', '2024-01-01T00:00:00Z', [1, 'policy-debug'], '--chain', 'go-sev-guest/milan.testcer'],
    ['microsoft-tav/milan_attestation_report.bin', 'microsoft-tav/milan_vcek.pem', '2026-03-01T00:00:00Z', [0, 'accepted'], '--chain', 'go-sev-guest/milan.testcer'],
    ['microsoft-tav/turin_attestation_report.bin', 'microsoft-tav/turin_vcek.pem', '2026-03-01T00:00:00Z', [0, 'accepted']],
    ['microsoft-tav/turin_attestation_report.bin', 'microsoft-tav/milan_vcek.pem', '2026-03-01T00:00:00Z', [1, 'report-signature']],
    ['trustee/test-vlek-report.bin', 'trustee/test-vlek.der', '2025-03-01T00:00:00Z', [1, 'policy-status']],
  ]) {
    test(`snp ${report} with ${cert}: ${want[1]}`, async (t) => {
      const given = ['--cert', snp(cert), ...more.map((arg) => (arg.startsWith('--') ? arg : snp(arg)))];
      const json = await judge(t, snp(report), { at: when, given }, want);
      assert.equal(json.measurements_demanded, false);
    });
  }

  const nv = (...name) => set('nvidia', ...name);
  const day = '2025-08-21T12:00:00Z';
  test('GPUs: Hopper and Blackwell as JSON, a raw report with its chain, hex digits', async (t) => {
    for (const file of [nv('attestation-sdk/evidence_hopper_590_12.json'), nv('veraison/scheme/nvidia/testdata/blackwell-evidence.json')]) {
      const json = await judge(t, file, { at: day, policy: lenient }, [0, 'accepted']);
      assert.equal(json.claims.tee, 'NVIDIA');
      const strict = await evidence('verify', file, '--at', day, '--json');
      assert.deepEqual([strict.code, strict.json.reason], [1, 'ocsp-absent']);
      const shown = await evidence('show', file, '--json');
      const nonce = shown.json.devices[0].nonce;
      assert.equal(shown.json.devices[0].rim_ids.length, 2);
      const demanded = ['--nonce', nonce];
      await judge(t, file, { at: day, policy: lenient, given: demanded, nonce: demanded }, [0, 'accepted']);
      const other = ['--nonce', '00'.repeat(32)];
      await judge(t, file, { at: day, policy: lenient, given: other, nonce: other }, [1, 'report-data-mismatch']);
    }
    const chain = ['--cert', nv('attestation-sdk/hopperCertChain.txt')];
    await judge(t, nv('attestation-sdk/hopperAttestationReport.txt'), { at: day, policy: lenient, given: chain }, [0, 'accepted']);
  });

  test('a raw report with its two manifests: they are found by name, and match; its chain is not published', async (t) => {
    const dir = 'go-nvattest-tools';
    const policy = JSON.stringify({ ...JSON.parse(lenient), nvidia: { require_ocsp: false } });
    const given = ['--cert', nv('attestation-sdk/hopperCertChain.txt'), '--rim', nv(dir, 'rim')];
    const file = nv(dir, 'test_raw_gpu_attestation_report.dat');
    await judge(t, file, { at: day, given, policy }, [1, 'device-signature']);
    const { json } = await evidence('explain', file, '--at', day, ...given, '--ocsp', nv(dir, 'ocsp'), '--policy', await policyFile(t, policy), '--json');
    const result = Object.fromEntries(json.checks.map((c) => [c.check, c.result]));
    for (const check of ['rim-malformed', 'rim-absent', 'rim-chain', 'rim-signature', 'rim-root-untrusted']) assert.equal(result[check], 'PASS', check);
    assert.deepEqual([result['device-signature'], result['ocsp-signature']], ['FAIL', 'PASS']);
  });

  test('Nitro documents, out of what dstack keeps them in', async (t) => {
    for (const [name, when, want] of [
      ['nitro_attestation.bin', '2025-12-25T16:05:16Z', [0, 'accepted']],
      ['nitro_attestation.bin', '2025-12-25T19:05:16Z', [1, 'nitro-expired']],
      ['nitro_attestation_dbg.bin', '2025-12-25T08:21:43Z', [1, 'policy-debug']],
    ]) {
      const kept = await readFile(set('nitro', name)); // SCALE: version, kind, compact length
      const file = join(await tempDir(t), 'document.bin');
      await writeFile(file, kept.subarray(4, 4 + (kept.readUInt16LE(2) >> 2)));
      await judge(t, file, { at: when }, want);
    }
  });

  test('event logs replay to the registers of their quotes, or are refused', async (t) => {
    const rows = (await readFile(set('eventlog', 'SETS.tsv'), 'utf8')).trim().split('\n').slice(1).map((line) => line.split('\t'));
    assert.ok(rows.length > 0);
    for (const [name] of rows) {
      const dir = set('eventlog', name);
      const log = ['event_log.json', 'ccel.bin'].map((file) => join(dir, file)).find(existsSync);
      if (!log || !existsSync(join(dir, 'quote.bin'))) continue;
      const { json } = await evidence('explain', join(dir, 'quote.bin'), '--at', day, '--event-log', log, '--json');
      const failed = json.checks.filter((c) => c.step === 'event-log' && c.result === 'FAIL').map((c) => c.check);
      assert.equal(failed.length > 0, name.startsWith('neg-'), `${name}: ${failed}`);
      assert.ok(json.checks.some((c) => c.step === 'event-log' && c.result === 'PASS'), name);
    }
  });
});
