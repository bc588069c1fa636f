// What stands between a caller and src/attest/lib/lib_wasm.c: checks types, copies bytes in and a JSON text out.

const OK = 0;
const errors = ['ok', 'refused', 'malformed', 'unsupported', 'limit', 'memory', 'argument'];
const ARGUMENT = errors.indexOf('argument');
const REPORT_DATA_UNCHECKED = 1;
const EXPLAIN = 2;
const UTF8 = new TextEncoder();

// Names as in an evidence bundle -> number in phala_attest.h, and whether strings are base64.
const text = (part) => ({ part, base64: false });
const der = (part) => ({ part, base64: true });
const parts = {
  collateral: {
    tcb_info: text(1), tcb_info_chain: text(2), qe_identity: text(3), qe_identity_chain: text(4),
    pck_crl: der(5), root_ca_crl: der(6), pck_chain: text(7),
  },
  snp: { vek_cert: der(9), cert_chain: text(10), crl: der(11) },
  nvidia: { evidence: text(12), chain: text(13), rims: text(14), ocsp: der(15) },
};
const EVENT_LOG = 8;
const options = ['now', 'policy', 'collateral', 'snp', 'nvidia', 'eventLog', 'reportData', 'reportDataUncheckedInsecure', 'nonce', 'explain'];

/** Bytes that cannot be shown. `code`: "malformed", "unsupported", "limit", "memory". */
export class EvidenceError extends Error {
  constructor(code, message) {
    super(message);
    this.name = 'EvidenceError';
    this.code = code;
  }
}

function onlyKnown(object, known, what) {
  if (object === null || typeof object !== 'object') throw new TypeError(`${what}: expected an object`);
  for (const key of Object.keys(object)) {
    if (!known.includes(key)) throw new TypeError(`${what}: no such member: ${key}`);
  }
}

function toBytes(value, what, ofString = (s) => UTF8.encode(s)) {
  if (typeof value === 'string') return ofString(value);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError(`${what}: expected bytes or a string`);
}

function ofBase64(value, what) {
  let binary;
  try {
    binary = atob(value);
  } catch {
    throw new TypeError(`${what}: expected bytes or base64`);
  }
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

function ofHex(value, what) {
  if (!/^([0-9a-fA-F]{2})*$/.test(value)) throw new TypeError(`${what}: expected bytes or hexadecimal digits`);
  return Uint8Array.from(value.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function fixed(value, len, what) {
  if (value === undefined) return undefined;
  const bytes = toBytes(value, what, (s) => ofHex(s, what));
  if (bytes.length !== len) throw new TypeError(`${what}: expected ${len} bytes, not ${bytes.length}`);
  return bytes;
}

function toSeconds(now) {
  const ms = now instanceof Date ? now.getTime() : typeof now === 'string' ? Date.parse(now) : typeof now === 'number' ? now * 1000 : NaN;
  const seconds = Math.floor(ms / 1000);
  if (!(seconds >= 1 && seconds < 253402300800)) throw new TypeError('now: the moment to judge at is mandatory: a Date, Unix seconds, or a time like 2025-06-19T10:32:27Z');
  return seconds;
}

/** The parts that come beside the evidence, as [number, bytes]. */
function listParts(given) {
  const list = [];
  for (const [group, known] of Object.entries(parts)) {
    if (given[group] === undefined) continue;
    onlyKnown(given[group], Object.keys(known), group);
    for (const [name, { part, base64 }] of Object.entries(known)) {
      const value = given[group][name];
      if (value === undefined) continue;
      const what = `${group}.${name}`;
      for (const one of Array.isArray(value) ? value : [value]) list.push([part, toBytes(one, what, base64 ? (s) => ofBase64(s, what) : undefined)]);
    }
  }
  if (given.eventLog !== undefined) list.push([EVENT_LOG, toBytes(given.eventLog, 'eventLog')]);
  return list;
}

function readPolicy(policy) {
  if (policy === undefined) return undefined;
  const plain = policy !== null && typeof policy === 'object' && !ArrayBuffer.isView(policy) && !(policy instanceof ArrayBuffer);
  return toBytes(plain ? JSON.stringify(policy) : policy, 'policy');
}

function readOptions(given) {
  onlyKnown(given, options, 'options');
  const unchecked = given.reportDataUncheckedInsecure === true;
  const reportData = fixed(given.reportData, 64, 'reportData');
  const nonce = fixed(given.nonce, 32, 'nonce');
  if (unchecked && (reportData || nonce)) throw new TypeError('reportDataUncheckedInsecure: goes with no reportData and no nonce');
  if (!unchecked && !reportData && !nonce) throw new TypeError('reportData: what the TEE must have signed is mandatory; reportDataUncheckedInsecure accepts a replayed quote');
  return {
    now: toSeconds(given.now), policy: readPolicy(given.policy), reportData, nonce, parts: listParts(given),
    how: (unchecked ? REPORT_DATA_UNCHECKED : 0) | (given.explain === true ? EXPLAIN : 0),
  };
}

const copyIn = (wasm, bytes) => {
  const at = wasm.phala_alloc(bytes.length) >>> 0;
  if (at === 0) throw new EvidenceError('limit', 'the evidence and what it is judged by are longer than they can be');
  new Uint8Array(wasm.memory.buffer, at, bytes.length).set(bytes);
  return [at, bytes.length];
};

const copyOut = (wasm) => {
  const bytes = new Uint8Array(wasm.memory.buffer, wasm.phala_text() >>> 0, wasm.phala_text_len() >>> 0);
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
};

/** The verdict that says why there is none. */
const refuse = (wasm, reason) => {
  const [at] = copyIn(wasm, UTF8.encode(`${reason}\0`));
  if (wasm.phala_refuse(at) !== OK) throw new EvidenceError('memory', 'out of memory');
  return copyOut(wasm);
};

function judge(wasm, bytes, asked) {
  if (wasm.phala_open(...copyIn(wasm, bytes)) !== OK) return refuse(wasm, 'input');
  for (const [part, of] of asked.parts) {
    const error = wasm.phala_add(part, ...copyIn(wasm, of));
    if (error === ARGUMENT) throw new TypeError('collateral: a part is empty');
    if (error !== OK) throw new EvidenceError(errors[error], 'the evidence and what it is judged by are longer than they can be');
  }
  if (asked.policy && wasm.phala_policy(...copyIn(wasm, asked.policy)) !== OK) return refuse(wasm, 'policy-malformed');
  const pointer = (of) => (of ? copyIn(wasm, of)[0] : 0);
  const error = wasm.phala_judge(asked.now, pointer(asked.reportData), pointer(asked.nonce), asked.how);
  if (error === ARGUMENT) throw new TypeError('reportData goes with a quote, report or document; nonce with GPUs');
  if (error !== OK) throw new EvidenceError(errors[error], 'out of memory');
  return copyOut(wasm);
}

function show(wasm, bytes) {
  let error = wasm.phala_open(...copyIn(wasm, bytes));
  if (error === OK) error = wasm.phala_show();
  if (error !== OK) throw new EvidenceError(errors[error], refuse(wasm, 'input').sentence);
  return copyOut(wasm);
}

function time(wasm, bytes) {
  if (wasm.phala_open(...copyIn(wasm, bytes)) !== OK) return null;
  const seconds = wasm.phala_time();
  return seconds > 0 ? new Date(seconds * 1000) : null;
}

const stopped = 'the verifier stopped on this input: nothing is proved';

export async function makeVerifier(source) {
  const module = source instanceof WebAssembly.Module ? source : await WebAssembly.compile(source);
  let wasm = null;

  /* After a trap nothing is known about an instance's memory: the next call gets a new one. */
  function run(use, onTrap) {
    wasm ??= new WebAssembly.Instance(module, {}).exports;
    try {
      const result = use(wasm);
      wasm.phala_reset();
      return result;
    } catch (error) {
      wasm = null;
      if (error instanceof TypeError || error instanceof EvidenceError) throw error;
      return onTrap();
    }
  }

  return {
    verifyEvidence(bytes, given = {}) {
      const evidence = toBytes(bytes, 'evidence');
      const asked = readOptions(given);
      return run((instance) => judge(instance, evidence, asked), () => ({
        verdict: 'rejected', status: 'Unknown', step: 'input', reason: 'malformed', sentence: stopped,
        advisories: [], tcb_date: null, valid_until: null, claims: null,
      }));
    },
    showEvidence(bytes) {
      const evidence = toBytes(bytes, 'evidence');
      return run((instance) => show(instance, evidence), () => { throw new EvidenceError('malformed', stopped); });
    },
    evidenceTime(bytes) {
      const evidence = toBytes(bytes, 'evidence');
      return run((instance) => time(instance, evidence), () => null);
    },
  };
}
