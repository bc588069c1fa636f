// Event, EventTarget, AbortController, AbortSignal, DOMException; timers, microtasks, performance.

test("listeners run in order, once, with objects, and can be removed", () => {
  const target = new EventTarget();
  const seen = [];
  const f = (e) => seen.push(e.type);
  target.addEventListener("x", f);
  target.addEventListener("x", f);
  target.addEventListener("x", { handleEvent() { seen.push("object"); } });
  target.addEventListener("x", () => seen.push("once"), { once: true });
  target.dispatchEvent(new Event("x"));
  target.removeEventListener("x", f);
  target.dispatchEvent(new Event("x"));
  assert.deepEqual(seen, ["x", "object", "once", "object"]);
});

test("preventDefault, stopImmediatePropagation, passive, properties during dispatch", () => {
  const target = new EventTarget();
  target.addEventListener("x", (e) => {
    assert.deepEqual([e.target, e.currentTarget, e.eventPhase, e.composedPath()[0], e.isTrusted], [target, target, 2, target, false]);
    e.preventDefault();
    e.stopImmediatePropagation();
  });
  target.addEventListener("x", () => assert.fail("not reached"));
  assert.equal(target.dispatchEvent(new Event("x", { cancelable: true })), false);
  assert.equal(target.dispatchEvent(new Event("x")), true);
  const passive = new EventTarget();
  passive.addEventListener("y", (e) => e.preventDefault(), { passive: true });
  assert.equal(passive.dispatchEvent(new Event("y", { cancelable: true })), true);
  assert.throws(() => target.dispatchEvent({}), TypeError);
  assert.throws(() => new Event(), TypeError);
});

test("a listener that throws is reported and does not stop the others", () => {
  const target = new EventTarget();
  let after = false;
  target.addEventListener("x", () => { throw new Error("in listener"); });
  target.addEventListener("x", () => { after = true; });
  target.dispatchEvent(new Event("x"));
  assert(after);
  assert.match(__host.logs.at(-1).text, /Uncaught Error: in listener/);
});

test("a signal removes a listener", () => {
  const target = new EventTarget();
  const controller = new AbortController();
  let n = 0;
  target.addEventListener("x", () => n++, { signal: controller.signal });
  target.dispatchEvent(new Event("x"));
  controller.abort();
  target.dispatchEvent(new Event("x"));
  assert.equal(n, 1);
});

test("CustomEvent and subclasses of EventTarget", () => {
  class Emitter extends EventTarget {}
  const e = new Emitter();
  let detail;
  e.addEventListener("c", (event) => { detail = event.detail; });
  e.dispatchEvent(new CustomEvent("c", { detail: { a: 1 } }));
  assert.deepEqual(detail, { a: 1 });
  assert.equal(new CustomEvent("c").detail, null);
  assert(new CustomEvent("c") instanceof Event);
});

test("AbortController aborts once, with a reason", () => {
  const c = new AbortController();
  const seen = [];
  c.signal.onabort = () => seen.push("on");
  c.signal.addEventListener("abort", (e) => seen.push(e.isTrusted));
  assert.equal(c.signal.aborted, false);
  c.abort();
  c.abort("again");
  assert.deepEqual(seen, ["on", true]);
  assert.equal(c.signal.reason.name, "AbortError");
  assert.equal(c.signal.reason.code, 20);
  assert.throws(() => c.signal.throwIfAborted(), "AbortError");
  assert.equal(AbortSignal.abort(5).reason, 5);
  assert.throws(() => new AbortSignal(), TypeError);
});

test("AbortSignal.any follows the first, timeout fires", async () => {
  const a = new AbortController();
  const b = new AbortController();
  const any = AbortSignal.any([a.signal, AbortSignal.any([b.signal])]);
  let n = 0;
  any.addEventListener("abort", () => n++);
  b.abort("b");
  a.abort("a");
  assert.deepEqual([any.aborted, any.reason, n], [true, "b", 1]);
  assert.equal(AbortSignal.any([AbortSignal.abort("x"), a.signal]).reason, "x");
  assert.equal(AbortSignal.any([]).aborted, false);
  const t = AbortSignal.timeout(10);
  await new Promise((r) => t.addEventListener("abort", r));
  assert.equal(t.reason.name, "TimeoutError");
  assert.throws(() => AbortSignal.timeout(-1), TypeError);
  assert.throws(() => AbortSignal.any([1]), TypeError);
});

test("DOMException", () => {
  const e = new DOMException("msg", "DataCloneError");
  assert.deepEqual([e.name, e.message, e.code, e instanceof Error, String(e)], ["DataCloneError", "msg", 25, true, "DataCloneError: msg"]);
  assert.equal(new DOMException().name, "Error");
  assert.equal(DOMException.ABORT_ERR, 20);
  assert.equal(typeof e.stack, "string");
  assert.equal(Object.prototype.toString.call(e), "[object DOMException]");
});

test("timers: order, arguments, clear, intervals, bad callbacks", async () => {
  const seen = [];
  setTimeout((...args) => seen.push(args), 10, 1, "b");
  setTimeout(() => seen.push("first"), 5);
  const dropped = setTimeout(() => seen.push("never"), 1);
  clearTimeout(dropped);
  clearTimeout(undefined);
  clearTimeout(12345);
  let ticks = 0;
  const interval = setInterval(() => {
    if (++ticks === 3) clearInterval(interval);
  }, 7);
  setTimeout(() => { throw new Error("in timer"); }, 2);
  await new Promise((r) => setTimeout(r, 100));
  assert.deepEqual(seen, ["first", [1, "b"]]);
  assert.equal(ticks, 3);
  assert.match(__host.logs[0].text, /Uncaught Error: in timer/);
  assert.throws(() => setTimeout("code", 1), TypeError);
  assert.equal(typeof setTimeout(() => {}), "number");
  assert.throws(() => setTimeout(), TypeError);
});

test("queueMicrotask runs before timers and reports throws", async () => {
  const seen = [];
  setTimeout(() => seen.push("timer"), 0);
  queueMicrotask(() => seen.push("micro"));
  seen.push("sync");
  queueMicrotask(() => { throw new Error("in microtask"); });
  await new Promise((r) => setTimeout(r, 1));
  assert.deepEqual(seen, ["sync", "micro", "timer"]);
  assert.match(__host.logs[0].text, /Uncaught Error: in microtask/);
  assert.throws(() => queueMicrotask(1), TypeError);
});

test("performance, navigator, self", () => {
  assert(Number.isInteger(performance.now()));
  assert(performance.timeOrigin + performance.now() > 1e12);
  assert.equal(navigator.userAgent, "phala");
  assert.equal(self, globalThis);
});
