/** What a verifier says, as @phala/attest does; more members follow. */
export interface Verdict {
  verdict: 'accepted' | 'rejected';
  sentence?: string;
  insecure_simulator?: boolean;
}

export interface ConnectOptions {
  /**
   * Decides about the evidence (JSON bytes of a phala-evidence-v1 bundle), which must carry `reportData`
   * (64 bytes), at the moment `now`. Required: there is no way to connect without a verdict. That of @phala/attest
   * fits as it is.
   */
  verifyEvidence(
    evidence: Uint8Array,
    options: { collateral?: unknown; policy?: unknown; now: Date; reportData: Uint8Array },
  ): Verdict | Promise<Verdict>;
  /** Handed to verifyEvidence as they are. */
  policy?: unknown;
  collateral?: unknown;
  /** 32 bytes; random ones by default. */
  nonce?: Uint8Array;
  /** The moment to judge at; the clock by default. */
  now?: Date;
  /** Carries requests: give one that goes through a relay to hide your address from the worker. */
  fetch?: typeof globalThis.fetch;
}

export interface Identity {
  chain_id: number;
  registry: string;
  signer: string;
  cluster: string;
  caller_x25519: string;
  operator: string;
  tls_pub: string;
  ohttp_keys: string;
}

export interface PrivateRequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit | null;
  /** Ask for the call's receipt: it comes as `response.receipt`, and its nonce is checked. */
  receipt?: boolean;
}

export interface Client {
  readonly identity: Readonly<Identity>;
  readonly verdict: Verdict;
  /** As fetch(): `path` is "/p/<id>/…", or a URL whose host names the phat. */
  fetch(path: string, init?: PrivateRequestInit): Promise<Response & { readonly receipt: any }>;
}

/** Verifies a worker, and only then yields what encrypts to it. */
export function connect(url: string | URL, options: ConnectOptions): Promise<Client>;

/** code: "attestation", "evidence", "key" (connect again), "gateway", "receipt". */
export class PhalaError extends Error {
  readonly code: string;
}
