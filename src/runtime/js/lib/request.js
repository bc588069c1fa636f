// Request (Fetch Standard §5.4). The request of a call keeps the texts it came with; URL, headers, body and signal are
// made when they are touched.

import { I, kMake, use, webClass } from "./internal.js";
import { blockOf, listGet, listOf, makeHeaders, parseBlock } from "./headers.js";
import { cloneBody, consume, isUnusable, isUsed, streamOf } from "./body.js";
import { isDefaultPort, isPlainUrl, plainParts } from "./url_plain.js";

// One shape for every request: `block` is a header block not parsed yet, `plain` says that `url` is serialised.
function stateOf(method, url, block, body) {
  return { method, url, plain: true, block, headers: null, body, signal: null, call: 0, aborted: undefined, extra: null };
}

/** State of a call's request. */
export function callState(call, method, url, block, body) {
  return { method, url, plain: false, block, headers: null, body, signal: null, call, aborted: undefined, extra: null };
}

function href(s) {
  if (!s.plain) {
    s.plain = true;
    if (!isPlainUrl(s.url)) s.url = use("url").parseHref(s.url)?.href ?? s.url;
  }
  return s.url;
}

function headers(s) {
  return (s.headers ??= makeHeaders(parseBlock(s.block), s.call !== 0));
}

function signal(s) {
  if (s.signal === null) {
    s.signal = use("events").makeSignal();
    if (s.aborted !== undefined) use("events").abortSignal(s.signal, s.aborted.reason);
  }
  return s.signal;
}

/** The caller left: aborts the request's signal. */
export function abortRequest(s, reason) {
  s.aborted = { reason };
  if (s.signal !== null) use("events").abortSignal(s.signal, reason);
}

let requestState;
let isRequest;

export class Request {
  #s;

  constructor(input, init = undefined) {
    if (input === kMake) {
      this.#s = init;
      return;
    }
    if (arguments.length === 0) throw new TypeError("Request: 1 argument required, but only 0 present");
    this.#s = use("request").construct(input, init);
  }

  static {
    requestState = (request) => request.#s;
    isRequest = (value) => typeof value === "object" && value !== null && #s in value;
  }

  get method() {
    return this.#s.method;
  }

  get url() {
    return href(this.#s);
  }

  get headers() {
    return headers(this.#s);
  }

  get destination() {
    this.#s;
    return "";
  }

  get referrer() {
    return this.#s.extra?.referrer ?? "about:client";
  }

  get referrerPolicy() {
    return this.#s.extra?.referrerPolicy ?? "";
  }

  get mode() {
    return this.#s.extra?.mode ?? "cors";
  }

  get credentials() {
    return this.#s.extra?.credentials ?? "same-origin";
  }

  get cache() {
    return this.#s.extra?.cache ?? "default";
  }

  get redirect() {
    return this.#s.extra?.redirect ?? "follow";
  }

  get integrity() {
    return this.#s.extra?.integrity ?? "";
  }

  get keepalive() {
    return this.#s.extra?.keepalive ?? false;
  }

  get isReloadNavigation() {
    this.#s;
    return false;
  }

  get isHistoryNavigation() {
    this.#s;
    return false;
  }

  get signal() {
    return signal(this.#s);
  }

  get duplex() {
    this.#s;
    return "half";
  }

  get body() {
    const { body } = this.#s;
    return body === null ? null : streamOf(body);
  }

  get bodyUsed() {
    return isUsed(this.#s.body);
  }

  clone() {
    const s = this.#s;
    if (isUnusable(s.body)) throw new TypeError("Request.clone: the body was read already, or is locked");
    const copy = stateOf(s.method, href(s), "", cloneBody(s.body));
    copy.headers = makeHeaders(listOf(headers(s)).slice(), false);
    copy.extra = s.extra;
    if (s.signal !== null || s.call !== 0) copy.signal = use("events").follow([signal(s)]);
    return new Request(kMake, copy);
  }

  async arrayBuffer() {
    return consume(this.#s.body, "arrayBuffer");
  }

  async blob() {
    return consume(this.#s.body, "blob", listGet(listOf(headers(this.#s)), "content-type"));
  }

  async bytes() {
    return consume(this.#s.body, "bytes");
  }

  async formData() {
    return consume(this.#s.body, "formData", listGet(listOf(headers(this.#s)), "content-type"));
  }

  async json() {
    return consume(this.#s.body, "json");
  }

  async text() {
    return consume(this.#s.body, "text");
  }
}
webClass(Request, "Request");

/** What a fetch sends: { method, url, block, body, redirect, signal }. */
export function outgoing(request) {
  const s = requestState(request);
  return { method: s.method, url: href(s), block: blockOf(listOf(headers(s))), body: s.body, redirect: s.extra?.redirect ?? "follow", signal: s.signal };
}

export { isRequest, requestState };
Object.assign(I, { Request, isRequest, outgoing, plainParts, isDefaultPort, request: { stateOf, href, headers, signal, requestState } });
