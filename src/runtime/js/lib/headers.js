// Headers (Fetch Standard §5.1), over a flat list [name, value, …] with lower-case names.

import { I, kMake, webClass } from "./internal.js";

const kToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const kBadValue = /[\0\r\n]|[^\0-\xff]/;
const kEdge = /^[\t\n\r ]+|[\t\n\r ]+$/g;

// Names seen before, so that the usual ones are neither checked nor lowered again.
const names = new Map();

/** The lower-case name; throws TypeError if it is no token. */
export function headerName(value) {
  const known = names.get(value);
  if (known !== undefined) return known;
  const name = `${value}`;
  if (!kToken.test(name)) throw new TypeError(`Invalid header name: ${JSON.stringify(name)}`);
  const lower = name.toLowerCase();
  if (names.size < 256) names.set(name, lower);
  return lower;
}

/** The value without white space at its ends; throws TypeError if it has a forbidden character. */
export function headerValue(value) {
  let text = typeof value === "string" ? value : `${value}`;
  if (text === "") return text;
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  if (first <= 32 || last <= 32) text = text.replace(kEdge, "");
  if (kBadValue.test(text)) throw new TypeError("Invalid header value: it has a line break, a NUL or a character above U+00FF");
  return text;
}

/** The flat list of a header block (`name: value\n` per field). */
export function parseBlock(block) {
  const list = [];
  let at = 0;
  while (at < block.length) {
    let end = block.indexOf("\n", at);
    if (end < 0) end = block.length;
    const colon = block.indexOf(":", at);
    if (colon > at && colon < end) {
      list.push(block.slice(at, colon), block.slice(block.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1, end));
    }
    at = end + 1;
  }
  return list;
}

/** The header block of a flat list. */
export function blockOf(list) {
  let block = "";
  for (let i = 0; i < list.length; i += 2) block += `${list[i]}: ${list[i + 1]}\n`;
  return block;
}

export function listGet(list, name) {
  let value = null;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) value = value === null ? list[i + 1] : `${value}, ${list[i + 1]}`;
  }
  return value;
}

function listDelete(list, name) {
  let to = 0;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) continue;
    list[to] = list[i];
    list[to + 1] = list[i + 1];
    to += 2;
  }
  list.length = to;
}

function listSet(list, name, value) {
  let to = 0;
  let done = false;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) {
      if (done) continue;
      done = true;
      list[to] = name;
      list[to + 1] = value;
    } else {
      list[to] = list[i];
      list[to + 1] = list[i + 1];
    }
    to += 2;
  }
  list.length = to;
  if (!done) list.push(name, value);
}

/** Appends what a HeadersInit holds to a flat list. */
export function fillList(list, init) {
  if (init instanceof Headers && init[Symbol.iterator] === kIterate) {
    const from = listOf(init);
    for (let i = 0; i < from.length; i += 2) list.push(from[i], from[i + 1]);
    return;
  }
  if ((typeof init !== "object" && typeof init !== "function") || init === null) {
    throw new TypeError("Headers: the init is neither a sequence of pairs nor a record");
  }
  const iterate = init[Symbol.iterator];
  if (iterate !== undefined && iterate !== null) {
    if (typeof iterate !== "function") throw new TypeError("Headers: the init is not iterable");
    for (const pair of init) {
      if ((typeof pair !== "object" && typeof pair !== "function") || pair === null || typeof pair[Symbol.iterator] !== "function") {
        throw new TypeError("Headers: an item of the init is not a pair");
      }
      const both = [...pair];
      if (both.length !== 2) throw new TypeError("Headers: an item of the init is not a pair");
      list.push(headerName(both[0]), headerValue(both[1]));
    }
    return;
  }
  for (const key of Reflect.ownKeys(init)) {
    const own = Reflect.getOwnPropertyDescriptor(init, key);
    if (own === undefined || !own.enumerable) continue;
    if (typeof key === "symbol") throw new TypeError("Headers: a name is a symbol");
    const value = init[key];
    list.push(headerName(key), headerValue(value));
  }
}

// "sort and combine" of the standard.
function sorted(list) {
  const order = [];
  for (let i = 0; i < list.length; i += 2) if (!order.includes(list[i])) order.push(list[i]);
  order.sort();
  const out = [];
  for (const name of order) {
    if (name === "set-cookie") {
      for (let i = 0; i < list.length; i += 2) if (list[i] === name) out.push([name, list[i + 1]]);
    } else {
      out.push([name, listGet(list, name)]);
    }
  }
  return out;
}

let listOf;
let versionOf;
let makeHeaders;

export class Headers {
  #list;
  #immutable = false;
  #version = 0;

  constructor(init = undefined, list = undefined, immutable = false) {
    if (init === kMake) {
      this.#list = list;
      this.#immutable = immutable;
      return;
    }
    this.#list = [];
    if (init !== undefined) fillList(this.#list, init);
  }

  static {
    listOf = (headers) => headers.#list;
    versionOf = (headers) => headers.#version;
    makeHeaders = (list, immutable) => new Headers(kMake, list, immutable);
  }

  #change() {
    if (this.#immutable) throw new TypeError("These headers are immutable: copy them with new Headers(headers)");
    this.#version++;
    return this.#list;
  }

  append(name, value) {
    need(arguments, 2, "append");
    const n = headerName(name);
    const v = headerValue(value);
    this.#change().push(n, v);
  }

  delete(name) {
    need(arguments, 1, "delete");
    const n = headerName(name);
    listDelete(this.#change(), n);
  }

  get(name) {
    need(arguments, 1, "get");
    return listGet(this.#list, headerName(name));
  }

  getSetCookie() {
    const list = this.#list;
    const out = [];
    for (let i = 0; i < list.length; i += 2) if (list[i] === "set-cookie") out.push(list[i + 1]);
    return out;
  }

  has(name) {
    need(arguments, 1, "has");
    const n = headerName(name);
    const list = this.#list;
    for (let i = 0; i < list.length; i += 2) if (list[i] === n) return true;
    return false;
  }

  set(name, value) {
    need(arguments, 2, "set");
    const n = headerName(name);
    const v = headerValue(value);
    listSet(this.#change(), n, v);
  }

  forEach(callback, thisArg = undefined) {
    if (typeof callback !== "function") throw new TypeError("Headers.forEach: the callback is not a function");
    for (const [name, value] of this) callback.call(thisArg, value, name, this);
  }

  keys() {
    return iterator(this, 0);
  }

  values() {
    return iterator(this, 1);
  }

  entries() {
    return iterator(this, 2);
  }
}

function need(args, count, name) {
  if (args.length < count) throw new TypeError(`Headers.${name}: ${count} argument${count > 1 ? "s" : ""} required, but only ${args.length} present`);
}

const kIterate = Headers.prototype.entries;
webClass(Headers, "Headers");
Object.defineProperty(Headers.prototype, Symbol.iterator, { value: kIterate, writable: true, configurable: true });

// The list may change while it is iterated: each step looks at it anew, as Web IDL's pair iterators do.
const iteratorProto = Object.create(Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())), {
  next: { value: next, writable: true, enumerable: true, configurable: true },
  [Symbol.toStringTag]: { value: "Headers Iterator", configurable: true },
});
const iteratorState = new WeakMap();

function iterator(headers, kind) {
  listOf(headers); // throws for another receiver
  const it = Object.create(iteratorProto);
  iteratorState.set(it, { headers, kind, at: 0, pairs: null, version: -1 });
  return it;
}

function next() {
  const state = iteratorState.get(this);
  if (state === undefined) throw new TypeError("next: not a Headers iterator");
  const version = versionOf(state.headers);
  if (state.version !== version) {
    state.version = version;
    state.pairs = sorted(listOf(state.headers));
  }
  const pairs = state.pairs;
  if (state.at >= pairs.length) return { value: undefined, done: true };
  const pair = pairs[state.at++];
  return { value: state.kind === 2 ? pair : pair[state.kind], done: false };
}

export { listOf, listSet, makeHeaders };
Object.assign(I, { Headers, listOf, makeHeaders, parseBlock, blockOf, listGet, headerName, headerValue, fillList });
