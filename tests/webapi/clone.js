// structuredClone: HTML Standard §2.7.

test("primitives, wrappers, dates, regexps", () => {
  for (const v of [1, -0, NaN, "x", true, null, undefined, 10n]) assert(Object.is(structuredClone(v), v));
  assert.deepEqual(structuredClone(new Date(5)), new Date(5));
  const r = structuredClone(/a/gi);
  assert.deepEqual([r.source, r.flags, r.lastIndex], ["a", "gi", 0]);
  assert.equal(structuredClone(Object("s")).valueOf(), "s");
  assert.equal(typeof structuredClone(Object(1n)), "object");
  assert.equal(structuredClone(new Boolean(false)).valueOf(), false);
});

test("objects: own enumerable strings only, prototypes lost, getters run, holes kept", () => {
  class A { constructor() { this.x = 1; } get y() { return 2; } }
  const copy = structuredClone(new A());
  assert.equal(Object.getPrototypeOf(copy), Object.prototype);
  assert.deepEqual(copy, { x: 1 });
  assert.deepEqual(structuredClone({ get a() { return 3; }, [Symbol("s")]: 1 }), { a: 3 });
  const holes = structuredClone([1, , 3]);
  assert.equal(1 in holes, false);
  assert.equal(holes.length, 3);
  const extra = [1];
  extra.k = "v";
  assert.equal(structuredClone(extra).k, "v");
  assert.equal(Object.getPrototypeOf(structuredClone(Object.create(null))), Object.prototype);
  const proto = structuredClone(JSON.parse('{"__proto__": 1}'));
  assert(Object.hasOwn(proto, "__proto__"));
});

test("cycles and shared references", () => {
  const a = { list: [] };
  a.self = a;
  a.list.push(a.list, a);
  const c = structuredClone(a);
  assert.equal(c.self, c);
  assert.equal(c.list[0], c.list);
  assert.equal(c.list[1], c);
});

test("Map, Set, buffers and views share what they shared", () => {
  const m = new Map([["k", { v: 1 }]]);
  m.set(m, new Set([m]));
  const c = structuredClone(m);
  assert.deepEqual(c.get("k"), { v: 1 });
  assert(c.get(c).has(c));
  const buffer = new ArrayBuffer(8);
  const { a, b, d } = structuredClone({ a: new Uint8Array(buffer, 2, 3), b: new Float64Array(buffer), d: new DataView(buffer, 1, 2) });
  assert.equal(a.buffer, b.buffer);
  assert.deepEqual([a.byteOffset, a.length, d.byteOffset, d.byteLength], [2, 3, 1, 2]);
  assert(a.buffer !== buffer);
  assert.equal(structuredClone(new ArrayBuffer(2, { maxByteLength: 8 })).maxByteLength, 8);
});

test("errors keep name, message, cause; DOMException too", () => {
  const e = structuredClone(new RangeError("m", { cause: { a: 1 } }));
  assert(e instanceof RangeError);
  assert.deepEqual([e.message, e.cause], ["m", { a: 1 }]);
  class Mine extends Error { name = "Mine"; }
  const mine = structuredClone(new Mine("x"));
  assert.deepEqual([Object.getPrototypeOf(mine) === Error.prototype, mine.message], [true, "x"]);
  const d = structuredClone(new DOMException("m", "AbortError"));
  assert.deepEqual([d.name, d.message, d instanceof DOMException], ["AbortError", "m", true]);
});

test("what cannot be cloned is a DataCloneError", () => {
  for (const v of [() => {}, Symbol(), Promise.resolve(), new WeakMap(), new WeakSet(), { f() {} }, [Symbol()], new Response(), new Headers(), new AbortController(), (function* () {})(), new WeakRef({}), new URL("http://a/")]) {
    assert.throws(() => structuredClone(v), "DataCloneError");
  }
  assert.throws(() => structuredClone(), TypeError);
  assert.throws(() => structuredClone({ get a() { throw new RangeError(); } }), RangeError);
});

test("transfer moves buffers and their views", () => {
  const buffer = new ArrayBuffer(8);
  const view = new Uint8Array(buffer, 2, 4);
  view[0] = 7;
  const copy = structuredClone({ buffer, view }, { transfer: [buffer] });
  assert.equal(buffer.byteLength, 0);
  assert.deepEqual([copy.buffer.byteLength, copy.view.buffer === copy.buffer, copy.view.byteOffset, copy.view.length, copy.view[0]], [8, true, 2, 4, 7]);
  assert.throws(() => structuredClone(1, { transfer: [buffer] }), "DataCloneError");
  assert.throws(() => structuredClone(1, { transfer: [{}] }), "DataCloneError");
  const twice = new ArrayBuffer(1);
  assert.throws(() => structuredClone(1, { transfer: [twice, twice] }), "DataCloneError");
  const kept = new ArrayBuffer(4);
  assert.throws(() => structuredClone({ kept, f() {} }, { transfer: [kept] }), "DataCloneError");
  assert.equal(kept.byteLength, 4);
});

test("Blob, File and CryptoKey survive", async () => {
  const f = structuredClone(new File(["x"], "n", { type: "a/b", lastModified: 3 }));
  assert.deepEqual([f.name, f.type, f.lastModified, await f.text()], ["n", "a/b", 3, "x"]);
  const key = await crypto.subtle.importKey("raw", new Uint8Array(16), "AES-GCM", true, ["encrypt"]);
  const clone = structuredClone(key);
  assert(clone !== key && clone instanceof CryptoKey);
  assert.equal((await crypto.subtle.exportKey("raw", clone)).byteLength, 16);
});
