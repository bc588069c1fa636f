// console: levels, formats, inspection.

const logged = (...args) => {
  console.log(...args);
  return __host.logs.at(-1).text;
};

test("levels", () => {
  for (const [method, level] of [["debug", 0], ["log", 1], ["info", 1], ["warn", 2], ["error", 3]]) {
    console[method]("x");
    assert.deepEqual(__host.logs.at(-1), { call: __host.logs.at(-1).call, level, text: "x" });
  }
});

test("values look as in other runtimes", () => {
  class Point { constructor() { this.x = 1; this.y = [2]; } }
  for (const [value, text] of [["s", "s"], [1, "1"], [-0, "-0"], [10n, "10n"], [true, "true"], [null, "null"], [undefined, "undefined"], [Symbol("s"), "Symbol(s)"],
    [{}, "{}"], [{ a: 1, "b-c": "x'y" }, `{ a: 1, 'b-c': "x'y" }`], [[1, "a", [2]], "[ 1, 'a', [ 2 ] ]"], [[1, , 3], "[ 1, <1 empty item>, 3 ]"], [[], "[]"],
    [new Point(), "Point { x: 1, y: [ 2 ] }"], [new Map([["a", { b: 1 }]]), "Map(1) { 'a' => { b: 1 } }"], [new Set([1, "b"]), "Set(2) { 1, 'b' }"],
    [new Date(0), "1970-01-01T00:00:00.000Z"], [new Date(NaN), "Invalid Date"], [/a/g, "/a/g"], [function f() {}, "[Function: f]"], [() => {}, "[Function (anonymous)]"], [class A {}, "[class A]"], [class B extends Point {}, "[class B extends Point]"], [async () => {}, "[AsyncFunction (anonymous)]"],
    [new Uint8Array([1, 2]), "Uint8Array(2) [ 1, 2 ]"], [new ArrayBuffer(2), "ArrayBuffer { byteLength: 2 }"], [Object.create(null), "[Object: null prototype] {}"], [{ get a() { return 1; } }, "{ a: [Getter] }"],
    [{ a: { b: { c: { d: 1 } } } }, "{ a: { b: { c: [Object] } } }"], [Object(1), "[Number: 1]"], [Promise.resolve(1), "Promise { … }"], [new Headers({ a: "b" }), "Headers { a: 'b' }"], [{ [Symbol("k")]: 1 }, "{ [Symbol(k)]: 1 }"]]) {
    if (typeof value === "string") assert.equal(logged(value), text);
    else assert.equal(logged(value), text);
  }
});

test("circular, long and wide values", () => {
  const o = { name: "o" };
  o.self = o;
  assert.equal(logged(o), "<ref *1> { name: 'o', self: [Circular *1] }");
  assert.match(logged(new Array(200).fill(1)), /… 100 more items/);
  assert.match(logged({ a: "x".repeat(50), b: "y".repeat(50) }), /^\{\n {2}a: 'x+',\n {2}b: 'y+'\n\}$/);
});

test("several arguments, format directives", () => {
  assert.equal(logged("a", 1, { b: 2 }), "a 1 { b: 2 }");
  assert.equal(logged("%s is %d and %i, %f %j %o %% %c!", "x", "4.5", "4.5", "1.5", { a: 1 }, [1], "css"), 'x is 4.5 and 4, 1.5 {"a":1} [ 1 ] % !');
  assert.equal(logged("%s", "a", "b"), "a b");
  assert.equal(logged("100%", 1), "100% 1");
  assert.equal(logged("%s %s", 1), "1 %s");
  assert.equal(logged(), "");
});

test("errors show their stack, own properties and cause", () => {
  const e = Object.assign(new TypeError("bad"), { code: "E_X" });
  const text = logged(e);
  assert.match(text, /^TypeError: bad\n {4}at [^]*\{\n {2}code: 'E_X'\n\}$/);
  assert.match(logged("failed:", new Error("x")), /^failed: Error: x\n {4}at /);
  assert.match(logged({ e: new Error("nested") }), /e: Error: nested\n/);
  assert.match(logged(new AggregateError([new Error("one")], "many")), /AggregateError: many[^]*Error: one/);
  assert(!text.includes("phala:"));
});

test("the rest of console", () => {
  console.assert(true, "no");
  assert.equal(__host.logs.length, 0);
  console.assert(false, "yes %d", 1);
  assert.equal(__host.logs.at(-1).text, "Assertion failed: yes 1");
  console.count();
  console.count();
  assert.equal(__host.logs.at(-1).text, "default: 2");
  console.countReset();
  console.count();
  assert.equal(__host.logs.at(-1).text, "default: 1");
  console.time("t");
  console.timeEnd("t");
  assert.match(__host.logs.at(-1).text, /^t: \d+ms$/);
  console.group("G");
  console.log("in\nside");
  console.groupEnd();
  console.log("out");
  assert.deepEqual(__host.logs.slice(-3).map((l) => l.text), ["G", "  in\n  side", "out"]);
  console.table([{ a: 1, b: "x" }, { a: 2 }]);
  assert.match(__host.logs.at(-1).text, /│ \(index\) │ a │ b {3}│/);
  console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 });
  assert.equal(__host.logs.at(-1).text, "{ a: [Object] }");
  console.trace("here");
  assert.match(__host.logs.at(-1).text, /^Trace: here\n {4}at /);
});

test("hostile values do not break console", () => {
  console.log(new Proxy({}, { get() { throw new Error("trap"); }, ownKeys() { throw new Error("trap"); } }));
  console.log({ toString() { throw 1; }, [Symbol.toStringTag]: "x" });
  console.log(Object.defineProperty({}, Symbol.toStringTag, { get() { throw 1; } }));
  assert.equal(__host.logs.length, 3);
});
