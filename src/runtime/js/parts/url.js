// URL and URLSearchParams (URL Standard §6), over the parser of the package whatwg-url.

import { setInternals } from "../lib/url_internal.js";
import * as machine from "../lib/url_machine.js";
import { parseUrlencodedString, serializeUrlencoded } from "../lib/url_urlencoded.js";

let usv;
const kDropped = /[\t\n\r]/;

function need(args, count, name) {
  if (args.length < count) throw new TypeError(`${name}: ${count} argument${count > 1 ? "s" : ""} required, but only ${args.length} present`);
}

/** The record of `url` against `base`; null: the URL is invalid, undefined: its base is. */
function parse(url, base) {
  const text = usv(url);
  if (base === undefined) return machine.basicURLParse(text);
  const against = machine.basicURLParse(usv(base));
  return against === null ? undefined : machine.basicURLParse(text, { baseURL: against });
}

const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

// The list of names and values that an init stands for.
function listOf(init) {
  if (!isObject(init)) {
    const text = usv(init);
    return parseUrlencodedString(text.startsWith("?") ? text.slice(1) : text);
  }
  const iterate = init[Symbol.iterator];
  if (iterate !== undefined && iterate !== null) {
    return Array.from(init, (item) => {
      const pair = isObject(item) ? Array.from(item, usv) : [];
      if (pair.length !== 2) throw new TypeError("URLSearchParams: an item of the init is not a pair");
      return pair;
    });
  }
  const record = new Map();
  for (const key of Reflect.ownKeys(init)) {
    if (Reflect.getOwnPropertyDescriptor(init, key)?.enumerable) record.set(usv(key), usv(init[key]));
  }
  return [...record];
}

let makeParams;
let setList;
let pairsOf;
let isParams;

class URLSearchParams {
  #list;
  #record = null; // of the URL that it belongs to

  constructor(init = "") {
    this.#list = listOf(init);
  }

  static {
    makeParams = (record) => {
      const params = new URLSearchParams();
      params.#record = record;
      if (record.query !== null) params.#list = parseUrlencodedString(record.query);
      return params;
    };
    setList = (params, record, query) => {
      params.#record = record;
      params.#list = query === null ? [] : parseUrlencodedString(query);
    };
    pairsOf = (params) => params.#list;
    isParams = (value) => isObject(value) && #list in value;
  }

  #change(list) {
    this.#list = list;
    if (this.#record === null) return;
    this.#record.query = serializeUrlencoded(list) || null;
  }

  get size() {
    return this.#list.length;
  }

  append(name, value) {
    const list = this.#list;
    need(arguments, 2, "URLSearchParams.append");
    list.push([usv(name), usv(value)]);
    this.#change(list);
  }

  delete(name, value = undefined) {
    const list = this.#list;
    need(arguments, 1, "URLSearchParams.delete");
    const n = usv(name);
    const v = value === undefined ? undefined : usv(value);
    this.#change(list.filter((pair) => pair[0] !== n || (v !== undefined && pair[1] !== v)));
  }

  get(name) {
    const list = this.#list;
    need(arguments, 1, "URLSearchParams.get");
    const n = usv(name);
    for (let i = 0; i < list.length; i++) if (list[i][0] === n) return list[i][1];
    return null;
  }

  getAll(name) {
    const list = this.#list;
    need(arguments, 1, "URLSearchParams.getAll");
    const n = usv(name);
    return list.filter((pair) => pair[0] === n).map((pair) => pair[1]);
  }

  has(name, value = undefined) {
    const list = this.#list;
    need(arguments, 1, "URLSearchParams.has");
    const n = usv(name);
    const v = value === undefined ? undefined : usv(value);
    return list.some((pair) => pair[0] === n && (v === undefined || pair[1] === v));
  }

  set(name, value) {
    const list = this.#list;
    need(arguments, 2, "URLSearchParams.set");
    const n = usv(name);
    const v = usv(value);
    const at = list.findIndex((pair) => pair[0] === n);
    if (at < 0) {
      list.push([n, v]);
      this.#change(list);
      return;
    }
    list[at][1] = v;
    this.#change(list.filter((pair, i) => i <= at || pair[0] !== n));
  }

  sort() {
    const list = this.#list;
    list.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    this.#change(list);
  }

  forEach(callback, thisArg = undefined) {
    this.#list;
    if (typeof callback !== "function") throw new TypeError("URLSearchParams.forEach: the callback is not a function");
    for (let i = 0; i < this.#list.length; i++) callback.call(thisArg, this.#list[i][1], this.#list[i][0], this);
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

  toString() {
    return serializeUrlencoded(this.#list);
  }
}

// An iterator looks at the list anew at each step, as Web IDL's pair iterators do.
const iteratorProto = Object.create(Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())), {
  next: { value: next, writable: true, enumerable: true, configurable: true },
  [Symbol.toStringTag]: { value: "URLSearchParams Iterator", configurable: true },
});
const iteratorState = new WeakMap();

function iterator(params, kind) {
  pairsOf(params); // throws for another receiver
  const it = Object.create(iteratorProto);
  iteratorState.set(it, { params, kind, at: 0 });
  return it;
}

function next() {
  const state = iteratorState.get(this);
  if (state === undefined) throw new TypeError("next: not a URLSearchParams iterator");
  const list = pairsOf(state.params);
  if (state.at >= list.length) return { value: undefined, done: true };
  const pair = list[state.at++];
  return { value: state.kind === 2 ? [pair[0], pair[1]] : pair[state.kind], done: false };
}

let makeURL;

class URL {
  #record;
  #params = null; // made when it is touched

  constructor(url, base = undefined) {
    need(arguments, 1, "URL");
    const record = parse(url, base);
    if (record === undefined) throw new TypeError(`Invalid base URL: ${base}`);
    if (record === null) throw new TypeError(`Invalid URL: ${url}`);
    this.#record = record;
  }

  static {
    makeURL = (record) => {
      const url = new URL("http://a/");
      url.#record = record;
      return url;
    };
  }

  static parse(url, base = undefined) {
    need(arguments, 1, "URL.parse");
    const record = parse(url, base);
    return record === null || record === undefined ? null : makeURL(record);
  }

  static canParse(url, base = undefined) {
    need(arguments, 1, "URL.canParse");
    const record = parse(url, base);
    return record !== null && record !== undefined;
  }

  // Runs the parser over one part of the record.
  #set(value, stateOverride) {
    machine.basicURLParse(value, { url: this.#record, stateOverride });
  }

  get href() {
    return machine.serializeURL(this.#record);
  }

  set href(value) {
    this.#record;
    const record = parse(value, undefined);
    if (record === null) throw new TypeError(`Invalid URL: ${value}`);
    this.#record = record;
    if (this.#params !== null) setList(this.#params, record, record.query);
  }

  get origin() {
    return machine.serializeURLOrigin(this.#record);
  }

  get protocol() {
    return `${this.#record.scheme}:`;
  }

  set protocol(value) {
    this.#set(`${usv(value)}:`, "scheme start");
  }

  get username() {
    return this.#record.username;
  }

  set username(value) {
    const record = this.#record;
    const text = usv(value);
    if (!machine.cannotHaveAUsernamePasswordPort(record)) machine.setTheUsername(record, text);
  }

  get password() {
    return this.#record.password;
  }

  set password(value) {
    const record = this.#record;
    const text = usv(value);
    if (!machine.cannotHaveAUsernamePasswordPort(record)) machine.setThePassword(record, text);
  }

  get host() {
    const { host, port } = this.#record;
    if (host === null) return "";
    return port === null ? machine.serializeHost(host) : `${machine.serializeHost(host)}:${port}`;
  }

  set host(value) {
    const record = this.#record;
    const text = usv(value);
    if (!machine.hasAnOpaquePath(record)) this.#set(text, "host");
  }

  get hostname() {
    const { host } = this.#record;
    return host === null ? "" : machine.serializeHost(host);
  }

  set hostname(value) {
    const record = this.#record;
    const text = usv(value);
    if (!machine.hasAnOpaquePath(record)) this.#set(text, "hostname");
  }

  get port() {
    const { port } = this.#record;
    return port === null ? "" : String(port);
  }

  set port(value) {
    const record = this.#record;
    const text = usv(value);
    if (machine.cannotHaveAUsernamePasswordPort(record)) return;
    if (text === "") record.port = null;
    else this.#set(text, "port");
  }

  get pathname() {
    return machine.serializePath(this.#record);
  }

  set pathname(value) {
    const record = this.#record;
    const text = usv(value);
    if (machine.hasAnOpaquePath(record)) return;
    record.path = [];
    this.#set(text, "path start");
  }

  get search() {
    const { query } = this.#record;
    return query === null || query === "" ? "" : `?${query}`;
  }

  set search(value) {
    const record = this.#record;
    const text = usv(value);
    const input = text.startsWith("?") ? text.slice(1) : text;
    if (text === "") {
      record.query = null;
    } else {
      record.query = "";
      this.#set(input, "query");
    }
    // The parameters come from the text as it was given; the parser drops tabs and line breaks from its query.
    if (this.#params !== null || kDropped.test(input)) setList(this.searchParams, record, input);
  }

  get searchParams() {
    return (this.#params ??= makeParams(this.#record));
  }

  get hash() {
    const { fragment } = this.#record;
    return fragment === null || fragment === "" ? "" : `#${fragment}`;
  }

  set hash(value) {
    const record = this.#record;
    const text = usv(value);
    if (text === "") {
      record.fragment = null;
      return;
    }
    record.fragment = "";
    this.#set(text.startsWith("#") ? text.slice(1) : text, "fragment");
  }

  toString() {
    return machine.serializeURL(this.#record);
  }

  toJSON() {
    return machine.serializeURL(this.#record);
  }
}

export default function (I) {
  setInternals(I);
  usv = I.usv;
  I.webClass(URL, "URL");
  I.webClass(URLSearchParams, "URLSearchParams");
  for (const key of ["parse", "canParse"]) Object.defineProperty(URL, key, { enumerable: true });
  Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, { value: URLSearchParams.prototype.entries, writable: true, configurable: true });

  /** The serialised URL without base, or null; `credentials` tells whether it has any. */
  function parseHref(text) {
    const record = machine.basicURLParse(text);
    if (record === null) return null;
    return { href: machine.serializeURL(record), credentials: record.username !== "" || record.password !== "" };
  }

  return { URL, URLSearchParams, parseHref, isParams };
}
