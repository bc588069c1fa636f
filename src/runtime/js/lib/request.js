// Request (Fetch Standard §5.4). The request of a call keeps the texts it came with; URL, headers, body and signal are
// made when they are touched.

import { I, kMake, use, usv, webClass } from "./internal.js";
import { blockOf, fillList, listGet, listOf, makeHeaders, parseBlock } from "./headers.js";
import { cloneBody, consume, extract, isUnusable, isUsed, moveBody, streamOf } from "./body.js";
import { isPlainUrl } from "./url_plain.js";

const kToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const kNormalized = { DELETE: 1, GET: 1, HEAD: 1, OPTIONS: 1, POST: 1, PUT: 1 };

const kEnums = {
  redirect: ["follow", "error", "manual"],
  mode: ["navigate", "same-origin", "no-cors", "cors"],
  credentials: ["omit", "same-origin", "include"],
  cache: ["default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached"],
  referrerPolicy: ["", "no-referrer", "no-referrer-when-downgrade", "same-origin", "origin", "strict-origin",
    "origin-when-cross-origin", "strict-origin-when-cross-origin", "unsafe-url"],
  priority: ["high", "low", "auto"],
};
const kDefaults = {
  redirect: "follow", mode: "cors", credentials: "same-origin", cache: "default", referrerPolicy: "", integrity: "",
  keepalive: false, referrer: "about:client",
};

export function methodOf(value) {
  const method = `${value}`;
  if (!kToken.test(method)) throw new TypeError(`Invalid method: ${JSON.stringify(method)}`);
  const upper = method.toUpperCase();
  if (upper === "CONNECT" || upper === "TRACE" || upper === "TRACK") throw new TypeError(`The method ${upper} is forbidden`);
  return kNormalized[upper] === 1 ? upper : method;
}

function urlOf(input) {
  const text = usv(input);
  if (isPlainUrl(text)) return text;
  const url = use("url").parseHref(text);
  if (url === null) throw new TypeError(`Invalid URL: ${JSON.stringify(text)}`);
  if (url.credentials) throw new TypeError(`The URL has credentials: ${JSON.stringify(text)}`);
  return url.href;
}

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

function extraOf(from, init) {
  let extra = from === null ? null : from.extra;
  for (const key in kDefaults) {
    const value = init[key];
    if (value === undefined) continue;
    const text = key === "keepalive" ? Boolean(value) : usv(value);
    if (kEnums[key] !== undefined && !kEnums[key].includes(text)) {
      throw new TypeError(`Request: ${JSON.stringify(text)} is no value of ${key}`);
    }
    if (key === "mode" && text === "navigate") throw new TypeError("Request: mode must not be navigate");
    extra = { ...extra, [key]: text };
  }
  if (init.priority !== undefined && !kEnums.priority.includes(`${init.priority}`)) {
    throw new TypeError(`Request: ${JSON.stringify(`${init.priority}`)} is no value of priority`);
  }
  return extra;
}

function construct(input, init) {
  if (init !== undefined && init !== null && typeof init !== "object" && typeof init !== "function") {
    throw new TypeError("Request: the init is not an object");
  }
  const from = isRequest(input) ? requestState(input) : null;
  const s = stateOf("GET", "", "", null);
  if (from === null) {
    s.url = urlOf(input);
  } else {
    s.url = href(from);
    s.method = from.method;
    s.extra = from.extra;
  }
  init ??= undefined;
  const list = [];
  if (init !== undefined) {
    if (init.window !== undefined && init.window !== null) throw new TypeError("Request: window must be null");
    s.extra = extraOf(from, init);
    if (init.method !== undefined) s.method = methodOf(init.method);
    if (init.headers !== undefined) fillList(list, init.headers);
    if (init.duplex !== undefined && init.duplex !== "half") throw new TypeError("Request: duplex must be half");
  }
  if (from !== null && (init === undefined || init.headers === undefined)) {
    const old = listOf(headers(from));
    for (let i = 0; i < old.length; i++) list.push(old[i]);
  }
  s.headers = makeHeaders(list, false);
  const given = init === undefined ? undefined : init.signal;
  if (given !== undefined && given !== null) {
    if (!use("events").isSignal(given)) throw new TypeError("Request: signal is not an AbortSignal");
    s.signal = use("events").follow([given]);
  } else if (from !== null && given === undefined && (from.signal !== null || from.call !== 0)) {
    s.signal = use("events").follow([signal(from)]);
  }
  const body = init === undefined || init.body === undefined ? null : init.body;
  if ((body !== null || (from !== null && from.body !== null)) && (s.method === "GET" || s.method === "HEAD")) {
    throw new TypeError(`A request with method ${s.method} has no body`);
  }
  if (body !== null) {
    const { body: extracted, type } = extract(body);
    s.body = extracted;
    if (type !== null && listGet(list, "content-type") === null) list.push("content-type", type);
  } else if (from !== null && from.body !== null) {
    if (isUnusable(from.body)) throw new TypeError("Request: the body of the input was read already, or is locked");
    s.body = moveBody(from.body);
  }
  return s;
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
    this.#s = construct(input, init);
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
Object.assign(I, { Request, isRequest, outgoing });
