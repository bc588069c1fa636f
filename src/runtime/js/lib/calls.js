// Calls: from the hook to the handler and back. A handler that returns a Response with its body at once costs no
// promise and no entry in a table.

import { I, N, enterCall, exception, kMake, use, describe } from "./internal.js";
import { Incoming, dataBody, incomingBody, isUnusable, streamOf } from "./body.js";
import { Request, abortRequest, callState } from "./request.js";
import { isNullBodyStatus, isResponse, responseBlock, responseState } from "./response.js";
import { makeContext, withState } from "./context.js";

const kCodeException = "exception";
const kCodeNoResponse = "no-response";
const kCodeNoHandler = "no-handler";

let target = null; // the phat's default export
let env = null;

export function serve(handlers, environment) {
  target = handlers;
  env = environment;
}

/** From now on the phat has its state: env.DB and env.KV. */
export function openState() {
  env = withState(env);
}

// Calls in flight that C may still speak of: { request, incoming, out, over }.
const calls = new Map();
const then = Promise.prototype.then;

function open(call, request, incoming) {
  const entry = { request, incoming, out: null, over: false };
  calls.set(call, entry);
  return entry;
}

function close(call) {
  const entry = calls.get(call);
  if (entry === undefined) return;
  calls.delete(call);
  entry.over = true;
  // Who still reads the request must not take a part for the whole.
  if (entry.incoming !== null) entry.incoming.fail(new TypeError("The call is over: the rest of its request body is gone"));
}

function fail(call, code, message) {
  close(call);
  N.respondFail(call, code, message);
}

function threw(call, error) {
  fail(call, kCodeException, describe(error));
}

function stream(call, entry, s, body) {
  const leave = (cancel, read) => {
    entry.out = new (use("outgoing").Outgoing)(call, cancel);
    entry.out.pump(entry, read);
  };
  N.respond(call, s.status, responseBlock(s), null, false);
  const { incoming } = body;
  if (body.stream === null && incoming !== null) {
    // A response passed on untouched needs no stream object.
    body.used = true;
    leave(() => incoming.cancel(), () => incoming.read());
    return;
  }
  const reader = use("streams").byteReader(streamOf(body));
  leave((reason) => reader.cancel(reason), reader.read);
}

function headBlock(s) {
  const block = responseBlock(s);
  const data = s.body === null ? null : s.body.data;
  if (data === null || s.body.stream !== null || /^(?:content-length|transfer-encoding):/m.test(block)) return block;
  return `${block}content-length: ${(typeof data === "string" ? N.utf8Encode(data) : data).length}\n`;
}

function send(call, response, method) {
  const s = responseState(response);
  const { body } = s;
  if (body === null) {
    if (s.status === 0) {
      fail(call, kCodeNoResponse, "The handler returned Response.error()");
      return;
    }
    close(call);
    N.respond(call, s.status, responseBlock(s), null, true);
    return;
  }
  if (isUnusable(body)) {
    fail(call, kCodeException, "TypeError: The handler returned a Response whose body was read already, or is locked");
    return;
  }
  if (method === "HEAD" || isNullBodyStatus(s.status)) {
    const block = headBlock(s);
    close(call);
    N.respond(call, s.status, block, null, true);
    if (body.stream !== null) body.stream.cancel();
    else body.incoming?.cancel();
    return;
  }
  if (body.stream === null && body.data !== null) {
    body.used = true;
    close(call);
    N.respond(call, s.status, responseBlock(s), body.data, true);
    return;
  }
  stream(call, calls.get(call) ?? open(call, null, null), s, body);
}

function finish(call, result, method) {
  if (isResponse(result)) {
    try {
      send(call, result, method);
    } catch (error) {
      threw(call, error);
    }
    return;
  }
  const got = result === undefined ? "undefined" : describe(result);
  fail(call, kCodeNoResponse, `The handler must return a Response, but it returned ${got.slice(0, 200)}`);
}

// The result is a promise, or something with a then: the call stays open until it settles.
function settle(call, request, result, done) {
  const entry = calls.get(call) ?? open(call, request, null);
  const promise = result instanceof Promise ? result : Promise.resolve(result);
  then.call(
    promise,
    (value) => {
      if (!entry.over) done(value);
    },
    (error) => {
      if (!entry.over) threw(call, error);
    },
  );
}

const isThenable = (value) => (typeof value === "object" || typeof value === "function") && value !== null && typeof value.then === "function";

function bodyOf(call, bytes, done) {
  if (done) return bytes === null || bytes.length === 0 ? null : dataBody(bytes);
  const incoming = new Incoming((n) => N.callCredit(call, n), () => {});
  if (bytes !== null) incoming.push(bytes);
  return incomingBody(incoming);
}

function fetchCall(call, method, url, headers, bytes, done) {
  const body = done && bytes === null ? null : bodyOf(call, bytes, done);
  const s = callState(call, method, url, headers, body);
  if (!done) open(call, s, body.incoming);
  let result;
  try {
    result = target.fetch(new Request(kMake, s), env, makeContext(call));
    if (isResponse(result)) {
      if (!done) calls.get(call).request = s;
      send(call, result, method);
      return;
    }
    if (!isThenable(result)) {
      finish(call, result, method);
      return;
    }
  } catch (error) {
    threw(call, error);
    return;
  }
  settle(call, s, result, (value) => finish(call, value, method));
}

// A cron call's body is {"cron": the expression that fired, "scheduledTime": the planned time, ms since 1970}.
function scheduledCall(call, body) {
  const { cron, scheduledTime } = JSON.parse(N.utf8Decode(body, false, false));
  const done = () => {
    close(call);
    N.respond(call, 200, "", null, true);
  };
  let result;
  try {
    result = target.scheduled(new (use("scheduled").ScheduledController)(cron, scheduledTime), env, makeContext(call));
    if (!isThenable(result)) {
      done();
      return;
    }
  } catch (error) {
    threw(call, error);
    return;
  }
  settle(call, null, result, done);
}

// What a contract asked: the handler's result is the answer's bytes.
function chainCall(call, headers, body) {
  const part = use("chain");
  const done = (value) => {
    let bytes;
    try {
      bytes = part.resultBytes(value);
    } catch (error) {
      threw(call, error);
      return;
    }
    close(call);
    N.respond(call, 200, "", bytes, true);
  };
  let result;
  try {
    result = target.chain(part.chainRequest(headers, body), env, makeContext(call));
    if (!isThenable(result)) {
      done(result);
      return;
    }
  } catch (error) {
    threw(call, error);
    return;
  }
  settle(call, null, result, done);
}

// 2 and 3 are the engine's own.
const kKinds = { 0: "fetch", 1: "scheduled", 4: "chain" };

export const callHooks = {
  onCall(call, kind, method, url, headers, body, done) {
    enterCall(call);
    const handler = kKinds[kind];
    if (handler === undefined || typeof target[handler] !== "function") {
      fail(call, kCodeNoHandler, `The phat has no ${handler ?? "such"} handler`);
    } else if (kind === 0) {
      fetchCall(call, method, url, headers, body, done);
    } else if (kind === 1) {
      scheduledCall(call, body);
    } else {
      chainCall(call, headers, body);
    }
  },
  onCallBody(call, bytes) {
    enterCall(call);
    const entry = calls.get(call);
    if (entry?.incoming) entry.incoming.push(bytes);
  },
  onCallEnd(call) {
    enterCall(call);
    calls.get(call)?.incoming?.end();
  },
  onCallCancel(call) {
    enterCall(call);
    const entry = calls.get(call);
    if (entry === undefined) return;
    calls.delete(call);
    entry.over = true;
    const reason = exception("The caller left, or the call's time is up", "AbortError");
    entry.incoming?.fail(reason);
    entry.out?.cancel(reason);
    if (entry.request !== null) abortRequest(entry.request, reason);
  },
  onCallWindow(call) {
    enterCall(call);
    calls.get(call)?.out?.opened();
  },
};

Object.assign(I, { closeCall: close, callThrew: threw });
