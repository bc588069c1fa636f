/** Judges evidence from TEE hardware, on this machine, with no network. The verifier is the C code of Phala compiled to
 * WebAssembly; it has no clock, no random numbers and no files. */

export type Bytes = Uint8Array | ArrayBuffer | ArrayBufferView;

/** What Intel's services publish, named as in an evidence bundle. `pck_crl` and `root_ca_crl` are DER: bytes or base64. */
export interface Collateral {
  /** `{"tcbInfo":…,"signature":…}`: the exact text. */
  tcb_info?: string | Bytes;
  /** PEM */
  tcb_info_chain?: string | Bytes;
  /** `{"enclaveIdentity":…,"signature":…}`: the exact text. */
  qe_identity?: string | Bytes;
  /** PEM */
  qe_identity_chain?: string | Bytes;
  pck_crl?: string | Bytes;
  root_ca_crl?: string | Bytes;
  /** PEM; only for quotes that do not carry their own. */
  pck_chain?: string | Bytes;
}

/** For SEV-SNP reports. DER parts are bytes or base64; `cert_chain` is PEM. */
export interface SnpParts {
  vek_cert?: string | Bytes;
  cert_chain?: string | Bytes;
  crl?: string | Bytes;
}

/** For GPUs and switches. */
export interface NvidiaParts {
  /** NVIDIA's JSON, or one raw report: beside a quote. */
  evidence?: string | Bytes;
  /** PEM; only for a raw report. */
  chain?: string | Bytes;
  rims?: (string | Bytes)[];
  /** DER responses: bytes or base64. */
  ocsp?: (string | Bytes)[];
}

export interface VerifyOptions {
  /** The moment to judge at: a Date, Unix seconds, or a time like 2025-06-19T10:32:27Z. Mandatory. */
  now: Date | number | string;
  /** A policy document (api/evidence-policy.schema.json). Without it: up-to-date production hardware, no debug, no
   * migration, any measurement; the verdict then says `measurements_demanded: false`. */
  policy?: object | string | Bytes;
  /** In place of what the evidence brings itself. */
  collateral?: Collateral;
  snp?: SnpParts;
  nvidia?: NvidiaParts;
  /** CCEL or dstack's JSON: demanded to replay. */
  eventLog?: string | Bytes;
  /** 64 bytes, or as many hexadecimal digits, that the TEE must have signed. Mandatory, unless the next is set. */
  reportData?: string | Bytes;
  /** true: a replayed quote passes. For tools that show. */
  reportDataUncheckedInsecure?: boolean;
  /** 32 bytes that GPUs must have signed. Mandatory for GPUs alone; without it, those beside a quote are bound to it. */
  nonce?: string | Bytes;
  /** true: the verdict lists each check with its result and the bytes it looked at. */
  explain?: boolean;
}

export interface Check {
  check: string;
  step: string;
  result: 'PASS' | 'FAIL' | 'SKIP';
  /** What holds if it passes. */
  holds: string;
  bytes: { in: string; offset?: number; length: number; head: string } | null;
}

/** As `phala evidence verify --json` prints it. Only `verdict === 'accepted'` proves anything. */
export interface Verdict {
  verdict: 'accepted' | 'rejected';
  status: string;
  step: string | null;
  /** Stable code: "accepted", or the first check that said no. "malformed": the verifier stopped on this input. */
  reason: string;
  /** The same for people. */
  sentence: string;
  advisories: string[];
  tcb_date: string | null;
  evaluation_number?: number | null;
  valid_until: string | null;
  measurements_demanded?: boolean;
  /** true: a simulator's root, which proves nothing about hardware. Show it wherever this is shown. */
  insecure_simulator?: boolean;
  /** What was proved; null unless accepted. */
  claims: Record<string, unknown> | null;
  judged_at?: string;
  checks?: Check[];
  gpu_checks?: Check[];
}

export interface Verifier {
  /** Throws TypeError for options that cannot be meant, EvidenceError when there is too much input. */
  verifyEvidence(evidence: string | Bytes, options: VerifyOptions): Verdict;
  /** Every field with its meaning; nothing is judged. Throws EvidenceError. */
  showEvidence(evidence: string | Bytes): Record<string, unknown>;
  /** When a bundle was collected, as whoever made it claims; null if it does not say. */
  evidenceTime(evidence: string | Bytes): Date | null;
}

export class EvidenceError extends Error {
  readonly code: 'malformed' | 'unsupported' | 'limit' | 'memory';
}

/** Compile the verifier. `source`: where phala_attest.wasm is, its bytes, or the compiled module; without it, beside this file. */
export function load(source?: string | URL | Bytes | WebAssembly.Module): Promise<Verifier>;
