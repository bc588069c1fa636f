// The constructor of Request as a phat calls it (Fetch Standard §5.4).

import { isPlainUrl } from "../lib/url_plain.js";

export default function (I) {
  const { use, usv, isRequest, fillList, listGet, listOf, makeHeaders, extract, isUnusable, moveBody } = I;
  const { stateOf, href, headers, signal, requestState } = I.request;

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

  function methodOf(value) {
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

  return { construct };
}
