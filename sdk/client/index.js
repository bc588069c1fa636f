// Private calls: connect() verifies a worker's evidence, and only then is anything encrypted to the key that the evidence binds.
import { crypto } from '#webcrypto';
import { decodeResponse, encodeRequest } from './bhttp.js';
import { fromHex, reportData, toHex } from './evidence.js';
import { parseKeys, seal } from './ohttp.js';

const GATEWAY = '/.well-known/ohttp-gateway';
const KEY_PROBLEM = 'https://iana.org/assignments/http-problem-types#ohttp-key';
const DATE_PROBLEM = 'https://iana.org/assignments/http-problem-types#date';
const DOCUMENT_MAX = 2 * 1024 * 1024;
const WAIT_MAX_S = 10;

/** What went wrong, with a stable `code`. */
export class PhalaError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.name = 'PhalaError';
    this.code = code;
  }
}

async function fetchDocument(fetch, base, nonce) {
  const response = await fetch(`${base}/v1/attestation?nonce=${toHex(nonce)}`);
  const body = await response.text();
  if (!response.ok) throw new PhalaError('attestation', `GET /v1/attestation: ${response.status} ${body.slice(0, 200)}`);
  if (body.length > DOCUMENT_MAX) throw new PhalaError('attestation', 'the attestation document is too large');
  const document = JSON.parse(body);
  if (document.format !== 'phala-attestation-v1') throw new PhalaError('attestation', 'the worker sent no attestation document');
  if (document.nonce !== toHex(nonce)) throw new PhalaError('attestation', 'the evidence is not fresh: it answers another nonce');
  if (!document.identity?.ohttp_keys) throw new PhalaError('attestation', 'the worker takes no private calls: its evidence binds no key for them');
  return document;
}

/**
 * Verifies a worker and yields a client of it. Throws PhalaError, or what `verifyEvidence` throws.
 * See index.d.ts for the options.
 */
export async function connect(url, { verifyEvidence, policy, collateral, nonce, now = new Date(), fetch = globalThis.fetch } = {}) {
  if (typeof verifyEvidence !== 'function')
    throw new TypeError('connect needs verifyEvidence: without a verdict about the evidence nothing is encrypted to a worker');
  // A Date has no unit to be mistaken in: verifiers count seconds, clocks milliseconds.
  if (!(now instanceof Date) || Number.isNaN(now.getTime())) throw new TypeError('now is a Date');
  const base = String(url).replace(/\/+$/, '');
  const challenge = nonce ?? crypto.getRandomValues(new Uint8Array(32));
  if (challenge.length !== 32) throw new TypeError('nonce is 32 bytes');
  const document = await fetchDocument(fetch, base, challenge);
  const bound = await reportData(document.identity, challenge);
  const evidence = new TextEncoder().encode(JSON.stringify(document.evidence));
  const verdict = await verifyEvidence(evidence, { ...(collateral !== undefined && { collateral }), ...(policy !== undefined && { policy }), now, reportData: bound });
  if (verdict?.verdict !== 'accepted')
    throw new PhalaError('evidence', `the worker's evidence is refused: ${verdict?.sentence ?? 'no verdict'}`);
  return new Client({ base, fetch, identity: document.identity, verdict });
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A verified worker. Made by connect(). */
class Client {
  #base;
  #fetch;
  #keys;
  #clock = 0; // seconds to add to ours, as the worker told
  constructor({ base, fetch, identity, verdict }) {
    this.#base = base;
    this.#fetch = fetch;
    this.#keys = parseKeys(fromHex(identity.ohttp_keys));
    this.identity = Object.freeze({ ...identity });
    this.verdict = verdict;
  }

  /** As fetch(): `path` begins with a slash, or is a URL whose host names the phat. */
  async fetch(path, init = {}) {
    const request = await this.#request(path, init);
    let answer = await this.#send(request);
    const late = this.#dateProblem(answer);
    if (late) {
      await wait(1000 * Math.min(late.retryAfter, WAIT_MAX_S));
      this.#clock = late.clock;
      answer = await this.#send(request);
    }
    return this.#response(answer, request);
  }

  async #request(path, { method = 'GET', headers, body, receipt = false } = {}) {
    const url = new URL(path, `${this.#base}/`);
    // A Response knows how to turn every kind of body into bytes, and which type it has.
    const carrier = new Response(body ?? null);
    const fields = new Headers(headers);
    if (!fields.has('content-type') && carrier.headers.has('content-type')) fields.set('content-type', carrier.headers.get('content-type'));
    const nonce = receipt ? toHex(crypto.getRandomValues(new Uint8Array(32))) : null;
    if (receipt) {
      fields.set('phala-receipt', 'inline');
      fields.set('phala-nonce', nonce);
    }
    fields.delete('host');
    fields.delete('date');
    return {
      nonce,
      method: String(method).toUpperCase(),
      scheme: url.protocol.slice(0, -1),
      authority: url.host,
      path: url.pathname + url.search,
      headers: [...fields],
      body: new Uint8Array(await carrier.arrayBuffer()),
    };
  }

  /** One envelope; each has a key and a date of its own. */
  async #send(request) {
    const date = new Date(Date.now() + 1000 * this.#clock).toUTCString();
    const { envelope, open } = await seal(this.#keys, encodeRequest({ ...request, headers: [...request.headers, ['date', date]] }));
    const fetch = this.#fetch;
    const response = await fetch(this.#base + GATEWAY, { method: 'POST', headers: { 'content-type': 'message/ohttp-req' }, body: envelope });
    const body = new Uint8Array(await response.arrayBuffer());
    if (response.status === 200 && response.headers.get('content-type') === 'message/ohttp-res') return decodeResponse(await open(body));
    const told = new TextDecoder().decode(body.subarray(0, 400));
    if (told.includes(KEY_PROBLEM)) throw new PhalaError('key', 'the worker has another key now: connect again');
    throw new PhalaError('gateway', `the gateway answered ${response.status}: ${told}`);
  }

  #dateProblem({ status, headers, body }) {
    const fields = new Headers(headers);
    if (status !== 400 || fields.get('content-type') !== 'application/problem+json') return null;
    if (!new TextDecoder().decode(body).includes(DATE_PROBLEM)) return null;
    const theirs = Date.parse(fields.get('date')), retryAfter = Number(fields.get('retry-after') ?? 0);
    return Number.isNaN(theirs) ? null : { clock: Math.ceil((theirs - Date.now()) / 1000), retryAfter };
  }

  #response({ status, headers, body, trailers }, { nonce }) {
    const response = new Response([204, 205, 304].includes(status) ? null : body, { status, headers });
    const inline = new Headers([...headers, ...trailers]).get('phala-receipt');
    let receipt = null;
    if (nonce !== null) {
      if (!inline) throw new PhalaError('receipt', 'the answer came without the receipt that was asked for');
      receipt = JSON.parse(atob(inline.replaceAll('-', '+').replaceAll('_', '/')));
      if (receipt.leaf?.nonce?.replace(/^0x/, '') !== nonce) throw new PhalaError('receipt', 'the receipt is of another call');
    }
    Object.defineProperty(response, 'receipt', { value: receipt });
    return response;
  }
}
