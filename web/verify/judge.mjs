// What a dropped file is, and what holds of it: steps of PASS, FAIL or SKIP, each with a sentence. No DOM here.
import { hex, readReceipt, reportDataOf, requestHash, responseHash, rootKeyOf, rootOf, signerOf, unhex } from './receipt.mjs';

const formats = {
  'phala-call-v1': 'a kept call', 'phala-receipt-v1': 'a receipt', 'phala-attestation-v1': 'a worker’s attestation', 'phala-evidence-v1': 'an evidence bundle',
};

/** Steps in order; one that throws is a FAIL that says so. */
class Report {
  steps = [];

  check(step, holds, work) {
    let result = 'FAIL';
    let detail = '';
    let value = null;
    try {
      const got = work();
      [value, detail] = [got.value ?? null, got.detail ?? ''];
      result = got.ok ? 'PASS' : 'FAIL';
    } catch (error) {
      detail = error.message;
    }
    this.steps.push({ step, holds, result, detail });
    return result === 'PASS' ? value ?? true : null;
  }

  skip(step, holds, detail) {
    this.steps.push({ step, holds, result: 'SKIP', detail });
  }
}

/** The receipt's own steps; gives who signed it, or null. */
function checkReceipt(report, receipt, call) {
  const read = report.check('receipt-format', 'the receipt has the form phala-receipt-v1', () => ({ ok: true, value: readReceipt(receipt) }));
  if (!read) return null;
  const root = report.check('merkle-path', 'the path leads from this call to the root of its batch', () => {
    const value = rootOf(read);
    return { ok: value !== null, value, detail: value ? `root ${hex(value)}` : 'the path does not have the length that the batch needs' };
  });
  const signer = root && report.check('batch-signature', 'a key signed the root of the batch', () => {
    const value = signerOf(read, root);
    return { ok: value !== null, value, detail: value ? `signed by ${value}` : 'the signature is none' };
  });
  const same = (step, holds, computed, expected) => report.check(step, holds, () => {
    const value = hex(computed());
    return { ok: value === expected.toLowerCase(), detail: value };
  });
  if (call) {
    same('phat', 'the receipt is about the phat that was called', () => unhex(call.phat, 20, 'phat'), receipt.leaf.phat);
    same('nonce', 'the receipt answers the nonce of the call', () => unhex(call.request.nonce, 32, 'request.nonce'), receipt.leaf.nonce);
    same('request-hash', 'the request that was kept is the one in the receipt', () => requestHash(call.request), receipt.leaf.request_hash);
    same('response-hash', 'the answer that was kept is the one in the receipt', () => responseHash(call.response), receipt.leaf.response_hash);
  } else {
    report.skip('request-hash, response-hash', 'request and answer are those in the receipt', 'neither is in this file');
  }
  return signer;
}

function policyFor(evidence, { policy, acceptSimulatorInsecure }) {
  if (!acceptSimulatorInsecure) return policy;
  const root = rootKeyOf(evidence);
  const base = policy === undefined ? { statuses: ['UpToDate'], measurements: 'any' } : JSON.parse(policy);
  return root ? { ...base, simulator_root_insecure: root } : policy;
}

/** The verifier's own checks, each a step. */
function checkEvidence(report, attest, evidence, parsed, options, reportData) {
  const asked = reportData ? { reportData } : options.reportData ? { reportData: options.reportData } : { reportDataUncheckedInsecure: true };
  const verdict = attest.verifyEvidence(evidence, { now: options.now, policy: policyFor(parsed, options), explain: true, ...asked });
  for (const { check, result, holds } of [...verdict.checks ?? [], ...verdict.gpu_checks ?? []]) {
    report.steps.push({ step: check, holds, result, detail: result === 'FAIL' ? verdict.sentence : '' });
  }
  if (!verdict.checks) report.steps.push({ step: 'evidence', holds: 'the evidence can be read', result: 'FAIL', detail: verdict.sentence });
  return verdict;
}

function checkAttestation(report, attest, attestation, options) {
  const reportData = report.check('report-data', 'the identity that the worker shows has a hash that a quote can carry', () => {
    const value = reportDataOf(attestation);
    return { ok: true, value, detail: hex(value.subarray(0, 32)) };
  });
  if (!reportData) return null;
  return checkEvidence(report, attest, JSON.stringify(attestation.evidence), attestation.evidence, options, reportData);
}

function parse(bytes) {
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return value !== null && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** When the file says it was made: a claim of whoever made it. */
export function timeOf(bytes) {
  const value = parse(bytes);
  const evidence = value?.attestation?.evidence ?? value?.evidence ?? value;
  const ms = value?.receipt?.batch?.time_ms ?? value?.batch?.time_ms ?? Date.parse(evidence?.time);
  return Number.isFinite(ms) && ms > 0 ? new Date(ms) : null;
}

/**
 * @param options  now: Date; policy: text or undefined; reportData: hex or undefined; acceptSimulatorInsecure
 * @returns {{ kind, accepted, insecureSimulator, summary, steps, verdict }}
 */
export function judge(attest, bytes, options) {
  const value = parse(bytes);
  const kind = formats[value?.format] ?? 'evidence';
  const report = new Report();
  let verdict = null;
  let signer = null;
  const attestation = value?.format === 'phala-call-v1' ? value.attestation : value?.format === 'phala-attestation-v1' ? value : null;
  if (value?.format === 'phala-call-v1') signer = checkReceipt(report, value.receipt, value);
  if (value?.format === 'phala-receipt-v1') signer = checkReceipt(report, value, null);
  if (attestation) verdict = checkAttestation(report, attest, attestation, options);
  else if (kind === 'evidence' || value?.format === 'phala-evidence-v1') verdict = checkEvidence(report, attest, bytes, value, options, null);

  const receipt = value?.format === 'phala-call-v1' || value?.format === 'phala-receipt-v1';
  if (receipt && !verdict) report.steps.push({ step: 'attested-signer', holds: 'the key that signed lives in a TEE', result: 'FAIL', detail: 'there is no evidence here: nothing says whose key this is' });
  else if (receipt) {
    report.check('attested-signer', 'the key that signed is the one that accepted evidence is about', () => ({
      ok: signer !== null && verdict.verdict === 'accepted' && signer === `0x${hex(unhex(attestation.identity.signer, 20, 'identity.signer'))}`,
      detail: verdict.verdict === 'accepted' ? '' : 'the evidence was not accepted',
    }));
  }
  const accepted = report.steps.length > 0 && report.steps.every(({ result }) => result !== 'FAIL') && (!verdict || verdict.verdict === 'accepted');
  return {
    kind, accepted, verdict, steps: report.steps,
    insecureSimulator: verdict?.insecure_simulator === true || attestation?.insecure_simulator === true,
    summary: accepted ? 'Every check that could be made held.' : report.steps.find(({ result }) => result === 'FAIL')?.detail || 'A check did not hold.',
  };
}
