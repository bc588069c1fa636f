// Response (Fetch Standard §5.5). A response made from a string keeps the string; its headers become an object when
// they are touched.

import { I, N, kMake, use, usv, webClass } from "./internal.js";
import { blockOf, fillList, listGet, listOf, makeHeaders } from "./headers.js";
import { cloneBody, consume, dataBody, extract, isUnusable, isUsed, streamOf } from "./body.js";

const kText = "text/plain;charset=UTF-8";
const kTextBlock = `content-type: ${kText}\n`;
const kJson = "application/json";
const kJsonBlock = `content-type: ${kJson}\n`;
const kReason = /^[\t\x20-\x7e\x80-\xff]*$/;

export const isNullBodyStatus = (status) => status === 101 || status === 103 || status === 204 || status === 205 || status === 304;

// One shape for every response. `list` null: the only header is the Content-Type `type`, if that is not null.
function stateOf(status, type, body) {
  return { status, statusText: "", type, list: null, headers: null, immutable: false, body, kind: "default", url: "", redirected: false };
}

/** State of a fetch's response. */
export function fetchedState(status, statusText, list, body, url, redirected) {
  return { status, statusText, type: null, list, headers: null, immutable: true, body, kind: "basic", url, redirected };
}

function list(s) {
  return (s.list ??= s.type === null ? [] : ["content-type", s.type]);
}

function headers(s) {
  return (s.headers ??= makeHeaders(list(s), s.immutable));
}

/** The header block to send. */
export function responseBlock(s) {
  if (s.list !== null) return blockOf(s.list);
  if (s.type === kText) return kTextBlock;
  if (s.type === kJson) return kJsonBlock;
  return s.type === null ? "" : `content-type: ${s.type}\n`;
}

function initialize(s, init, type) {
  if (init === null) return;
  if (typeof init !== "object" && typeof init !== "function") throw new TypeError("Response: the init is not an object");
  const { headers: given, status, statusText } = init;
  if (status !== undefined) {
    const code = Number(status);
    const n = Number.isFinite(code) ? Math.trunc(code) & 0xffff : 0;
    if (n < 200 || n > 599) throw new RangeError(`Response: the status ${n} is not from 200 to 599`);
    s.status = n;
  }
  if (statusText !== undefined) {
    const text = `${statusText}`;
    if (!kReason.test(text)) throw new TypeError("Response: the statusText has a forbidden character");
    s.statusText = text;
  }
  if (given !== undefined) {
    const filled = [];
    fillList(filled, given);
    if (type !== null && listGet(filled, "content-type") === null) filled.push("content-type", type);
    s.list = filled;
  }
}

function noBodyFor(s) {
  if (isNullBodyStatus(s.status)) throw new TypeError(`Response: status ${s.status} has no body`);
}

let responseState;
let isResponse;

export class Response {
  #s;

  constructor(body = null, init = undefined) {
    if (typeof body === "string") {
      const s = stateOf(200, kText, dataBody(body));
      if (init !== undefined) {
        initialize(s, init, kText);
        noBodyFor(s);
      }
      this.#s = s;
      return;
    }
    if (body === kMake) {
      this.#s = init;
      return;
    }
    const s = stateOf(200, null, null);
    if (init === undefined) init = null;
    if (body === null) {
      initialize(s, init, null);
    } else {
      initialize(s, init, null);
      noBodyFor(s);
      const extracted = extract(body);
      s.body = extracted.body;
      if (s.list === null) s.type = extracted.type;
      else if (extracted.type !== null && listGet(s.list, "content-type") === null) s.list.push("content-type", extracted.type);
    }
    this.#s = s;
  }

  static {
    responseState = (response) => response.#s;
    isResponse = (value) => typeof value === "object" && value !== null && #s in value;
  }

  static error() {
    const s = stateOf(0, null, null);
    s.kind = "error";
    s.immutable = true;
    return new Response(kMake, s);
  }

  static redirect(url, status = 302) {
    if (arguments.length === 0) throw new TypeError("Response.redirect: 1 argument required, but only 0 present");
    const parsed = use("url").parseHref(usv(url));
    if (parsed === null) throw new TypeError(`Response.redirect: invalid URL: ${JSON.stringify(`${url}`)}`);
    const code = Number(status) & 0xffff;
    if (![301, 302, 303, 307, 308].includes(code)) throw new RangeError(`Response.redirect: ${code} is not a redirect status`);
    const s = stateOf(code, null, null);
    s.list = ["location", parsed.href];
    s.immutable = true;
    return new Response(kMake, s);
  }

  static json(data, init = undefined) {
    if (arguments.length === 0) throw new TypeError("Response.json: 1 argument required, but only 0 present");
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError("Response.json: the value has no JSON form");
    const s = stateOf(200, kJson, dataBody(text));
    if (init !== undefined) {
      initialize(s, init, kJson);
      noBodyFor(s);
    }
    return new Response(kMake, s);
  }

  get type() {
    return this.#s.kind;
  }

  get url() {
    return this.#s.url;
  }

  get redirected() {
    return this.#s.redirected;
  }

  get status() {
    return this.#s.status;
  }

  get ok() {
    const { status } = this.#s;
    return status >= 200 && status <= 299;
  }

  get statusText() {
    return this.#s.statusText;
  }

  get headers() {
    return headers(this.#s);
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
    if (isUnusable(s.body)) throw new TypeError("Response.clone: the body was read already, or is locked");
    return new Response(kMake, { ...s, list: list(s).slice(), headers: null, body: cloneBody(s.body) });
  }

  async arrayBuffer() {
    return consume(this.#s.body, "arrayBuffer");
  }

  async blob() {
    return consume(this.#s.body, "blob", listGet(list(this.#s), "content-type"));
  }

  async bytes() {
    return consume(this.#s.body, "bytes");
  }

  async formData() {
    return consume(this.#s.body, "formData", listGet(list(this.#s), "content-type"));
  }

  async json() {
    return consume(this.#s.body, "json");
  }

  async text() {
    return consume(this.#s.body, "text");
  }
}
webClass(Response, "Response");
for (const key of ["error", "redirect", "json"]) Object.defineProperty(Response, key, { enumerable: true });

export { isResponse, responseState };
Object.assign(I, { Response, isResponse, makeResponse: (s) => new Response(kMake, s), fetchedState, isNullBodyStatus });
