// The page around judge.mjs: what was dropped, what is shown. Text goes into the page as text only.
import wasm from 'phala_attest.wasm';
import { makeVerifier } from '../../sdk/attest/verifier.mjs';
import { judge, timeOf } from './judge.mjs';

const MAX = 8 * 1024 * 1024;
const $ = (id) => document.getElementById(id);
const attest = makeVerifier(wasm);
let dropped = null;

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function row({ step, holds, result, detail }) {
  const made = document.createElement('tr');
  const what = element('td', holds);
  if (detail) what.append(element('small', detail));
  made.append(element('td', result, result), element('td', step), what);
  return made;
}

function fact(name, value) {
  return [element('dt', name), element('dd', value)];
}

function show({ kind, accepted, summary, steps, verdict, insecureSimulator }, now) {
  $('warning').hidden = !insecureSimulator;
  $('verdict').textContent = accepted ? 'Accepted' : 'Refused';
  $('verdict').className = accepted ? 'accepted' : 'rejected';
  $('summary').textContent = summary;
  const facts = [...fact('File', kind), ...fact('Judged at', now.toISOString())];
  if (verdict) facts.push(...fact('Status by the vendor’s rules', verdict.status));
  if (verdict?.advisories.length) facts.push(...fact('Advisories', verdict.advisories.join(', ')));
  if (verdict?.valid_until) facts.push(...fact('Evidence valid until', verdict.valid_until));
  if (accepted && verdict && verdict.measurements_demanded === false) facts.push(...fact('Note', 'No policy named what code must run: any would have passed.'));
  if (accepted && verdict && verdict.claims.report_data_checked === false) facts.push(...fact('Note', 'No report data was expected: a replayed quote would have passed.'));
  $('facts').replaceChildren(...facts);
  $('steps').replaceChildren(...steps.map(row));
  $('result').hidden = false;
}

function refuse(sentence, now) {
  show({ kind: 'unknown', accepted: false, summary: sentence, steps: [], verdict: null, insecureSimulator: false }, now);
}

async function run() {
  if (!dropped) return;
  const verifier = await attest;
  const now = ($('moment').value === 'file' && timeOf(dropped)) || new Date();
  const text = (id) => $(id).value.trim() || undefined;
  const options = { now, policy: text('policy'), reportData: text('report-data'), acceptSimulatorInsecure: $('simulator').checked };
  try {
    show(judge(verifier, dropped, options), now);
  } catch (error) {
    refuse(error.message, now);
  }
}

/** Vendors' tools write binary evidence as hexadecimal digits or base64 too. */
function undress(bytes) {
  const text = new TextDecoder('latin1').decode(bytes).trim();
  if (text.startsWith('{') || text.startsWith('[')) return bytes;
  if (/^([0-9a-fA-F]{2})+$/.test(text)) return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
  if (text.length > 0 && text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text)) return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return bytes;
}

async function take(file) {
  if (!file) return;
  dropped = null;
  if (file.size > MAX) {
    refuse('The file is longer than evidence can be.', new Date());
    return;
  }
  dropped = undress(new Uint8Array(await file.arrayBuffer()));
  await run();
}

$('file').addEventListener('change', (event) => take(event.target.files[0]));
for (const id of ['moment', 'report-data', 'policy', 'simulator']) $(id).addEventListener('change', run);
for (const name of ['dragover', 'dragleave', 'drop']) {
  $('drop').addEventListener(name, (event) => {
    event.preventDefault();
    $('drop').classList.toggle('over', name === 'dragover');
    if (name === 'drop') take(event.dataTransfer.files[0]);
  });
}
