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
      ['verify', file('short.bin'), '--at', at, '--collateral', dir],
      ['show', file('short.bin')],
      ['show', file('pck_chain.pem')],
    ]) {
      const result = await evidence(...args, '--json');
      assert.equal(result.code, 2, args.join(' '));
      for (const key of keys) assert.ok(key in result.json, `${key}: ${args.join(' ')}`);
      assert.equal(result.json.verdict, 'rejected');
      assert.ok(result.json.sentence.length > 0);
    }
    for (const args of [[], ['judge', quote], ['verify'], ['verify', quote], ['verify', quote, quote, '--at', at], ['verify', quote, '--moment', at]]) {
      assert.equal((await evidence(...args)).code, 2, args.join(' '));
    }
  });
});

describe('real evidence', { skip: existsSync(join(vectors, 'SETS.tsv')) ? false : 'no vectors: set PHALA_VECTORS' }, () => {
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
