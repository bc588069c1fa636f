// Headers: Fetch Standard §5.1.

test("the constructor takes a record, pairs, an iterable, Headers, nothing", () => {
  for (const init of [{ A: "1", b: "2" }, [["A", "1"], ["b", "2"]], new Map([["A", "1"], ["b", "2"]]), new Headers({ A: "1", b: "2" })]) {
    assert.deepEqual([...new Headers(init)], [["a", "1"], ["b", "2"]]);
  }
  assert.deepEqual([...new Headers()], []);
  assert.deepEqual([...new Headers(undefined)], []);
  for (const bad of [null, 1, "x", [["a"]], [["a", "b", "c"]], [1], ["ab", 3]]) assert.throws(() => new Headers(bad), TypeError);
});

test("names compare without case, and must be tokens", () => {
  const h = new Headers({ "Content-Type": "a" });
  assert.equal(h.get("CONTENT-TYPE"), "a");
  assert(h.has("content-type"));
  for (const name of ["", "a b", "a:b", "é", "a\n", "(", "a,"]) {
    for (const op of ["get", "has", "delete"]) assert.throws(() => h[op](name), TypeError);
    for (const op of ["set", "append"]) assert.throws(() => h[op](name, "x"), TypeError);
  }
});

test("values lose white space at the ends, and refuse forbidden characters", () => {
  const h = new Headers();
  h.set("a", " \t b c \r\n");
  assert.equal(h.get("a"), "b c");
  for (const value of ["a\nb", "a\rb", "a\0b", "€", "a\r\nx: y"]) assert.throws(() => h.set("a", value), TypeError);
  h.set("b", "\u00ff\u0001");
  assert.equal(h.get("b"), "\u00ff\u0001");
  h.set("c", "");
  assert.equal(h.get("c"), "");
  h.set("d", 12);
  assert.equal(h.get("d"), "12");
  h.set("e", null);
  assert.equal(h.get("e"), "null");
});

test("append combines, set replaces in place, delete removes all", () => {
  const h = new Headers([["a", "1"], ["b", "2"], ["A", "3"]]);
  assert.equal(h.get("a"), "1, 3");
  h.append("a", "4");
  assert.equal(h.get("a"), "1, 3, 4");
  h.set("A", "x");
  assert.deepEqual([...h], [["a", "x"], ["b", "2"]]);
  h.delete("a");
  assert.equal(h.get("a"), null);
  assert(!h.has("a"));
});

test("set-cookie is never combined when listed", () => {
  const h = new Headers([["set-cookie", "a=1"], ["x", "y"], ["Set-Cookie", "b=2; Expires=Thu, 01 Jan 1970"]]);
  assert.deepEqual(h.getSetCookie(), ["a=1", "b=2; Expires=Thu, 01 Jan 1970"]);
  assert.equal(h.get("set-cookie"), "a=1, b=2; Expires=Thu, 01 Jan 1970");
  assert.deepEqual([...h.keys()], ["set-cookie", "set-cookie", "x"]);
  h.set("set-cookie", "c=3");
  assert.deepEqual(h.getSetCookie(), ["c=3"]);
  assert.deepEqual(new Headers().getSetCookie(), []);
});

test("iteration is sorted, live, and has all its forms", () => {
  const h = new Headers({ c: "3", a: "1", b: "2" });
  assert.deepEqual([...h.entries()], [["a", "1"], ["b", "2"], ["c", "3"]]);
  assert.deepEqual([...h.keys()], ["a", "b", "c"]);
  assert.deepEqual([...h.values()], ["1", "2", "3"]);
  const seen = [];
  h.forEach(function (value, name, all) {
    seen.push(name + value);
    assert.equal(all, h);
    assert.equal(this, seen);
  }, seen);
  assert.deepEqual(seen, ["a1", "b2", "c3"]);
  const it = h.entries();
  it.next();
  h.append("d", "4");
  assert.deepEqual([...it].map((e) => e[0]), ["b", "c", "d"]);
  assert.equal(Headers.prototype[Symbol.iterator], Headers.prototype.entries);
  assert.equal(Object.prototype.toString.call(it), "[object Headers Iterator]");
  assert.throws(() => h.forEach("x"), TypeError);
});

test("missing arguments and wrong receivers throw TypeError", () => {
  const h = new Headers();
  assert.throws(() => h.append("a"), TypeError);
  assert.throws(() => h.get(), TypeError);
  assert.throws(() => Headers.prototype.get.call({}, "a"), TypeError);
  assert.throws(() => Headers(), TypeError);
  assert.equal(Headers.name, "Headers");
  assert.equal(String(h), "[object Headers]");
});

test("a record with a symbol, a getter that throws, a huge record", () => {
  assert.throws(() => new Headers({ [Symbol("a")]: "b" }), TypeError);
  assert.throws(() => new Headers({ get a() { throw new RangeError(); } }), RangeError);
  const many = {};
  for (let i = 0; i < 2000; i++) many[`x-${i}`] = `${i}`;
  const h = new Headers(many);
  assert.equal(h.get("x-1999"), "1999");
  assert.equal([...h].length, 2000);
});
