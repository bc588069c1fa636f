// web/verify: the page judges files by itself, from a file and from a host, and says what `phala verify` says.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { needsChromium, serveFolder, startBrowser } from './lib/browser.mjs';
import { program, root, runTool, tempDir } from './lib/proc.mjs';

const build = resolve(root, process.env.PHALA_BUILD ?? 'build');
const html = join(build, 'web/verify/verify.html');
const example = join(root, 'docs/examples/call.json');
const vectors = process.env.PHALA_VECTORS ?? join(root, '..', 'shared', 'vectors');
const skip = needsChromium.skip || (existsSync(html) ? false : 'no verify.html in the build: sh tools/setup.sh test');

/** Opens the page; `drop` gives it a file and reads what it shows. */
async function open(t, url) {
  const { page, said } = await startBrowser(t);
  const asked = [];
  page.on('request', (request) => { if (!request.url().startsWith('data:')) asked.push(request.url()); });
  await page.goto(url);
  const shown = async () => {
    await page.waitForSelector('#result:not([hidden])');
    return page.evaluate(() => ({
      verdict: document.querySelector('#verdict').textContent,
      summary: document.querySelector('#summary').textContent,
      facts: document.querySelector('#facts').textContent,
      warning: !document.querySelector('#warning').hidden,
      steps: Object.fromEntries([...document.querySelectorAll('#steps tr')].map((row) => [row.cells[1].textContent, row.cells[0].textContent])),
    }));
  };
  /** The page says what it finds in one go after the file was read: the old answer is taken away first. */
  const drop = async (name, text) => {
    await page.evaluate(() => { document.querySelector('#result').hidden = true; });
    await page.setInputFiles('#file', { name, mimeType: 'application/json', buffer: Buffer.from(text) });
    return shown();
  };
  const set = async (change) => {
    await page.evaluate(() => { document.querySelector('#result').hidden = true; });
    await change(page);
    return shown();
  };
  return { page, said, asked, drop, set };
}

test('a kept call: refused without a word about the simulator, accepted with it, and never without the warning', { skip }, async (t) => {
  const { page, said, asked, drop, set } = await open(t, pathToFileURL(html).href);
  const text = await readFile(example, 'utf8');
  const refused = await drop('call.json', text);
  assert.deepEqual([refused.verdict, refused.warning, refused.steps['root-untrusted']], ['Refused', true, 'FAIL'], said.join('\n'));
  for (const step of ['receipt-format', 'merkle-path', 'batch-signature', 'phat', 'nonce', 'request-hash', 'response-hash', 'report-data', 'quote-signature']) assert.equal(refused.steps[step], 'PASS', step);
  const cli = await runTool(program('phala'), ['verify', example, '--at', 'receipt', '--json']);
  assert.equal(cli.code, 1);

  const accepted = await set((p) => p.check('#simulator'));
  assert.deepEqual([accepted.verdict, accepted.warning, accepted.steps['attested-signer']], ['Accepted', true, 'PASS'], accepted.summary);
  assert.match(accepted.facts, /No policy named what code must run/);
  const signer = JSON.parse((await runTool(program('phala'), ['verify', example, '--at', 'receipt', '--accept-simulator-insecure', '--json'])).stdout).signer;
  assert.ok((await page.textContent('#steps')).includes(`signed by ${signer}`));
  await page.screenshot({ path: join(await tempDir(t), 'page.png'), fullPage: true });
  if (process.env.PHALA_SCREENSHOT) await page.screenshot({ path: process.env.PHALA_SCREENSHOT, fullPage: true });

  const changes = {
    'response-hash': (call) => { call.response.body = Buffer.from('other').toString('base64'); },
    'request-hash': (call) => { call.request.target = '/other'; },
    nonce: (call) => { call.request.nonce = '11'.repeat(32); },
    phat: (call) => { call.phat = '11'.repeat(20); },
    'receipt-format': (call) => { call.receipt.extra = 1; },
    'batch-signature': (call) => { call.receipt.batch.signature = `0x${'00'.repeat(65)}`; },
    'merkle-path': (call) => { call.receipt.batch.path.push('00'.repeat(32)); },
    'attested-signer': (call) => { call.receipt.leaf.status = 201; },
    'report-data-mismatch': (call) => { call.attestation.identity.caller_x25519 = '00'.repeat(32); },
    'report-data': (call) => { call.attestation.identity.tls_pub = 'zz'; },
  };
  for (const [step, change] of Object.entries(changes)) {
    const call = JSON.parse(text);
    change(call);
    const got = await drop('changed.json', JSON.stringify(call));
    assert.deepEqual([got.verdict, got.steps[step]], ['Refused', 'FAIL'], step);
  }
  const { receipt, attestation } = JSON.parse(text);
  const alone = await drop('receipt.json', JSON.stringify(receipt));
  assert.deepEqual([alone.verdict, alone.steps['batch-signature'], alone.steps['attested-signer']], ['Refused', 'PASS', 'FAIL']);
  const proof = await drop('attestation.json', JSON.stringify(attestation));
  assert.deepEqual([proof.verdict, proof.warning], ['Accepted', true], proof.summary);
  assert.deepEqual(asked.filter((url) => url !== pathToFileURL(html).href), []);
  assert.deepEqual(said, []);
});

test('evidence under a policy, text that is none, and the page from a host', { skip }, async (t) => {
  const dir = await tempDir(t);
  const made = await runTool(join(build, 'src/attest/synth_tool'), [dir, '2025-06-19T10:32:27Z', 'td15']);
  assert.equal(made.code, 0, made.stderr);
  const origin = await serveFolder(t, join(build, 'web/verify'));
  const { said, asked, drop, set } = await open(t, `${origin}/verify.html`);
  const bundle = await readFile(join(dir, 'bundle.json'), 'utf8');
  assert.equal((await drop('bundle.json', bundle)).verdict, 'Refused');
  const policy = await readFile(join(dir, 'policy.json'), 'utf8');
  const fill = (selector, value) => async (page) => { await page.fill(selector, value); await page.locator(selector).blur(); };
  const accepted = await set(fill('#policy', policy));
  assert.deepEqual([accepted.verdict, accepted.warning], ['Accepted', true], accepted.summary);
  assert.match(accepted.facts, /a replayed quote would have passed/);
  assert.equal((await set(fill('#report-data', '00'.repeat(64)))).verdict, 'Accepted');
  assert.equal((await set(fill('#report-data', '01'.repeat(64)))).steps['report-data-mismatch'], 'FAIL');
  assert.match((await set(fill('#report-data', 'x'))).summary, /reportData/);
  assert.equal((await set(fill('#report-data', ''))).verdict, 'Accepted');
  assert.equal((await set((page) => page.selectOption('#moment', 'now'))).verdict, 'Refused');
  assert.match((await set(fill('#policy', '{"typo":1}'))).summary, /typo/);
  for (const bad of ['no evidence', '{}', '<img src=x onerror=alert(1)>', '{"format":"phala-call-v1"}', '{"format":"phala-receipt-v1"}', '{"format":"phala-attestation-v1"}', 'ab'.repeat(5000)]) {
    assert.equal((await drop('bad', bad)).verdict, 'Refused', bad.slice(0, 40));
  }
  assert.deepEqual(asked.filter((url) => !url.startsWith(`${origin}/`)), []);
  assert.deepEqual(said.filter((line) => !line.includes('favicon')), []);
});

const real = join(vectors, 'intel/dcapqvl-tdx4');
test('a real quote with its documents is judged as the CLI does', { skip: skip || (existsSync(real) ? false : 'no vectors: set PHALA_VECTORS') }, async (t) => {
  const rows = (await readFile(join(vectors, 'intel/SETS.tsv'), 'utf8')).trim().split('\n').map((line) => line.split('\t'));
  const at = rows.find(([name]) => name === 'dcapqvl-tdx4')[6];
  const file = join(await tempDir(t), 'bundle.json');
  const cli = await runTool(program('phala'), ['evidence', 'verify', join(real, 'quote.bin'), '--collateral', real, '--at', at, '--write-bundle', file, '--json']);
  const { drop } = await open(t, pathToFileURL(html).href);
  const got = await drop('bundle.json', await readFile(file));
  const want = JSON.parse(cli.stdout);
  assert.deepEqual([got.verdict, got.warning], [want.verdict === 'accepted' ? 'Accepted' : 'Refused', false]);
  assert.ok(got.facts.includes(want.status));
  await writeFile(file, await readFile(join(real, 'quote.bin'), 'hex'));
  assert.equal((await drop('quote.hex', await readFile(file))).steps['tcb-info-absent'], 'FAIL');
});
