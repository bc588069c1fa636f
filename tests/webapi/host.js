// Stands in for phalad and the engine's loop, and runs the tests: test(name, fn), assert.*; all tests of a run are
// sequential, their clock is virtual. Evaluated before the prelude; the natives that need no host are there already.

(() => {
  const ph = globalThis.__ph;
  // A bundle that is evaluated before its test assigns this global; the prelude must be able to delete it.
  Object.defineProperty(globalThis, "__phat", { value: undefined, writable: true, configurable: true });
  const events = []; // what the host does next, in order
  const timers = new Map();
  let clock = 1_700_000_000_000;
  let lastId = 0;
  const host = {
    hooks: null,
    calls: new Map(), // answers by call id
    fetches: new Map(), // requests of the phat by fetch id
    logs: [],
    windows: new Map(), // response window per call, default unlimited
    credits: new Map(),
    assets: new Map(),
    fetchHandler: null, // (request) => void, called for each fetch
    later: (fn) => events.push(fn),
    utf8: (bytes) => (typeof bytes === "string" ? bytes : bytes === null ? null : ph.utf8Decode(bytes, false, true)),
    bytes: (text) => ph.utf8Encode(text),
  };
  const view = (data) => (typeof data === "string" ? ph.utf8Encode(data) : data.slice());
  const answer = (call) => {
    let a = host.calls.get(call);
    if (a === undefined) host.calls.set(call, (a = { status: 0, headers: "", chunks: [], done: false, failed: null, responds: 0 }));
    return a;
  };
  Object.assign(ph, {
    hooks: (object) => (host.hooks = object),
    respond(call, status, headers, body, done) {
      const a = answer(call);
      if (a.done || a.responds > 0) throw new Error("respond called twice");
      Object.assign(a, { status, headers, done, responds: a.responds + 1 });
      if (body !== null) a.chunks.push(view(body));
    },
    respondChunk(call, data) {
      const a = answer(call);
      if (a.done) throw new Error("a chunk after the end");
      a.chunks.push(view(data));
      if (!host.windows.has(call)) return 1 << 20;
      const left = host.windows.get(call) - data.length;
      host.windows.set(call, left);
      return left;
    },
    respondEnd: (call) => (answer(call).done = true),
    respondFail(call, code, message) {
      const a = answer(call);
      a.failed = { code, message };
      a.done = true;
    },
    callCredit: (call, bytes) => host.credits.set(`call ${call}`, (host.credits.get(`call ${call}`) ?? 0) + bytes),
    fetchStart(call, method, url, headers, redirect, body, done) {
      const id = ++lastId;
      const f = { id, call, method, url, headers, redirect, chunks: [], done, canceled: false, window: 1 << 20 };
      if (body !== null) f.chunks.push(view(body));
      host.fetches.set(id, f);
      if (host.fetchHandler !== null) {
        const handler = host.fetchHandler;
        events.push(() => handler(f));
      }
      return id;
    },
    fetchSend(id, data) {
      const f = host.fetches.get(id);
      f.chunks.push(view(data));
      f.window -= data.length;
      return f.window;
    },
    fetchSendEnd: (id) => (host.fetches.get(id).done = true),
    fetchCancel: (id) => (host.fetches.get(id).canceled = true),
    fetchCredit: (id, bytes) => host.credits.set(`fetch ${id}`, (host.credits.get(`fetch ${id}`) ?? 0) + bytes),
    log: (call, level, text) => host.logs.push({ call, level, text }),
    timer(ms) {
      const id = ++lastId;
      timers.set(id, clock + ms);
      return id;
    },
    timerCancel: (id) => timers.delete(id),
    now: () => clock,
    mono: () => clock - 1_700_000_000_000,
    asset: (path) => host.assets.get(path) ?? null,
    assets: () => [...host.assets.keys()],
    callNow: () => 0,
  });

  const waiting = []; // calls whose answer a test awaits: { call, resolve }
  const settle = (all) => {
    const before = waiting.length;
    for (let i = waiting.length - 1; i >= 0; i--) {
      if (all || answer(waiting[i].call).done) waiting.splice(i, 1).forEach((w) => w.resolve(answer(w.call)));
    }
    return waiting.length < before;
  };

  // One host event, or else the next timer; false when there is neither and nobody waits.
  host.turn = () => {
    if (settle(false)) return true;
    const event = events.shift();
    if (event !== undefined) {
      event();
      return true;
    }
    let next = null;
    for (const [id, at] of timers) if (next === null || at < next.at || (at === next.at && id < next.id)) next = { id, at };
    if (next === null) return settle(true);
    timers.delete(next.id);
    clock = Math.max(clock, next.at);
    host.hooks.onTimer(next.id);
    return true;
  };
  host.unhandled = (promise, reason) => host.hooks.onUnhandled(reason);

  let lastCall = 0;
  /** A call to the phat; resolves with the answer when it is over. `chunks`: the body comes in pieces, one per turn. */
  host.call = (url, { method = "GET", headers = "", body = null, chunks = null, kind = 0 } = {}) => {
    const call = ++lastCall;
    const inline = body === null ? null : view(body);
    const done = new Promise((resolve) => {
      waiting.push({ call, resolve });
      events.push(() => {
        host.hooks.onCall(call, kind, method, url, headers, inline, chunks === null);
        for (const chunk of chunks ?? []) events.push(() => host.hooks.onCallBody(call, view(chunk)));
        if (chunks !== null) events.push(() => host.hooks.onCallEnd(call));
      });
    });
    done.id = call;
    return done;
  };
  host.text = (a) => a.chunks.map((c) => host.utf8(c)).join("");
  host.header = (a, name) => new RegExp(`^${name}: (.*)$`, "m").exec(a.headers)?.[1] ?? null;
  /** Starts a phat; returns the handler bits. */
  host.start = (handlers, env = {}, secrets = {}) => {
    globalThis.__testHandlers = handlers;
    return host.hooks.onStart(JSON.stringify(env), JSON.stringify(secrets), "var __phat = { default: globalThis.__testHandlers };", "worker.js", "0xabc", "0xdef");
  };
  host.startSource = (source, name = "worker.js") => host.hooks.onStart("{}", "{}", source, name, "0xabc", "0xdef");
  host.callOnce = async (handler, url = "http://phat.test/", options = {}) => {
    host.start({ fetch: handler });
    return host.call(url, options);
  };

  const tests = [];
  let failed = 0;
  let ran = 0;
  let running = false;
  globalThis.__host = host;
  globalThis.test = (name, fn) => {
    tests.push({ name, fn });
    if (!running) {
      running = true;
      events.push(runAll);
    }
  };
  async function runAll() {
    for (let i = 0; i < tests.length; i++) {
      const { name, fn } = tests[i];
      host.fetchHandler = null;
      host.logs.length = 0;
      try {
        await fn();
        __print(`ok ${++ran} - ${name}`);
      } catch (error) {
        failed++;
        __print(`not ok ${++ran} - ${name}`);
        __print(`# ${host.hooks.describe(error)}`.replaceAll("\n", "\n# "));
      }
    }
  }
  host.pending = () => tests.length > ran;
  host.report = () => {
    const missing = tests.length - ran;
    if (missing > 0) __print(`not ok ${ran + 1} - ${tests[ran].name}\n# never settled`);
    __print(`1..${tests.length}`);
    return failed + missing;
  };

  const show = (v) => (typeof v === "string" ? JSON.stringify(v) : host.hooks.describe(v));
  class AssertionError extends Error {}
  const fail = (message) => {
    throw new AssertionError(message);
  };
  const same = (a, b) => {
    if (Object.is(a, b)) return true;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
    if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
    if (a instanceof Date) return a.getTime() === b.getTime();
    if (a instanceof RegExp) return String(a) === String(b);
    if (a instanceof Map || a instanceof Set) return same([...a], [...b]);
    if (a instanceof ArrayBuffer) return same(new Uint8Array(a), new Uint8Array(b));
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((k) => Object.hasOwn(b, k) && same(a[k], b[k]));
  };
  const checkError = (error, expected) => {
    if (expected === undefined) return;
    if (typeof expected === "string") {
      if (error?.name !== expected) fail(`threw ${show(error)}, not a ${expected}`);
    } else if (expected instanceof RegExp) {
      if (!expected.test(`${error?.message}`)) fail(`threw ${show(error)}, which does not match ${expected}`);
    } else if (!(error instanceof expected)) fail(`threw ${show(error)}, not a ${expected.name}`);
  };
  globalThis.assert = Object.assign((value, message = "not true") => value || fail(message), {
    equal: (a, b, message = "") => Object.is(a, b) || fail(`${show(a)} is not ${show(b)} ${message}`),
    deepEqual: (a, b, message = "") => same(a, b) || fail(`${show(a)} is not ${show(b)} ${message}`),
    throws(fn, expected) {
      try {
        fn();
      } catch (error) {
        checkError(error, expected);
        return error;
      }
      return fail("did not throw");
    },
    async rejects(promise, expected) {
      try {
        await (typeof promise === "function" ? promise() : promise);
      } catch (error) {
        checkError(error, expected);
        return error;
      }
      return fail("did not reject");
    },
    match: (text, pattern) => pattern.test(text) || fail(`${show(text)} does not match ${pattern}`),
    fail,
  });
})();
