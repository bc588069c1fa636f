// Request and Response: Fetch Standard §5.4, §5.5.

test("new Request takes a URL and normalises it and the method", () => {
  const r = new Request("HTTP://EXAMPLE.com:80/a b", { method: "post", body: "x" });
  assert.equal(r.url, "http://example.com/a%20b");
  assert.equal(r.method, "POST");
  assert.equal(new Request("http://a.test/", { method: "patch" }).method, "patch");
  assert.equal(new Request(new URL("http://a.test/x")).url, "http://a.test/x");
  assert.equal(new Request("https://a.test").url, "https://a.test/");
  assert.equal(new Request("http://a.test/#frag").url, "http://a.test/#frag");
});

test("new Request refuses what the standard refuses", () => {
  for (const args of [[], ["/relative"], ["http://"], ["http://user:pass@a.test/"], ["http://a.test/", { method: "CONNECT" }],
    ["http://a.test/", { method: "track" }], ["http://a.test/", { method: "a b" }], ["http://a.test/", { method: "" }],
    ["http://a.test/", { body: "x" }], ["http://a.test/", { method: "HEAD", body: "" }], ["http://a.test/", { window: {} }],
    ["http://a.test/", { redirect: "sometimes" }], ["http://a.test/", { mode: "navigate" }], ["http://a.test/", { cache: "x" }],
    ["http://a.test/", { signal: {} }], ["http://a.test/", { headers: { "a b": "c" } }], ["http://a.test/", { duplex: "full" }],
    ["http://a.test/", 1]]) {
    assert.throws(() => new Request(...args), TypeError);
  }
});

test("attributes have the standard's defaults and keep what is given", () => {
  const r = new Request("http://a.test/");
  assert.deepEqual([r.method, r.mode, r.credentials, r.cache, r.redirect, r.referrer, r.referrerPolicy, r.integrity, r.keepalive, r.destination, r.duplex, r.body, r.bodyUsed],
    ["GET", "cors", "same-origin", "default", "follow", "about:client", "", "", false, "", "half", null, false]);
  assert(r.signal instanceof AbortSignal);
  assert(!r.signal.aborted);
  const q = new Request(new Request("http://a.test/", { redirect: "manual", cache: "no-store", keepalive: true }), { credentials: "omit" });
  assert.deepEqual([q.redirect, q.cache, q.keepalive, q.credentials], ["manual", "no-store", true, "omit"]);
});

test("a Request from a Request copies, takes the body over, and init wins", async () => {
  const a = new Request("http://a.test/", { method: "POST", body: "data", headers: { x: "1" } });
  const b = new Request(a);
  assert(a.bodyUsed);
  assert.equal(b.method, "POST");
  assert.equal(b.headers.get("x"), "1");
  assert.equal(await b.text(), "data");
  await assert.rejects(a.text(), TypeError);
  assert.throws(() => new Request(a), TypeError);
  const c = new Request(new Request("http://a.test/", { method: "POST", body: "old", headers: { x: "1" } }), { body: "new", headers: { y: "2" } });
  assert.equal(await c.text(), "new");
  assert.deepEqual([...c.headers], [["content-type", "text/plain;charset=UTF-8"], ["y", "2"]]);
  assert.throws(() => new Request(new Request("http://a.test/", { method: "POST", body: "x" }), { method: "GET" }), TypeError);
});

test("bodies of every kind bring their type and come back", async () => {
  const form = new FormData();
  form.append("k", "v");
  const cases = [
    ["text é", "text/plain;charset=UTF-8", "text é"],
    [new URLSearchParams("a=b c"), "application/x-www-form-urlencoded;charset=UTF-8", "a=b+c"],
    [new Blob(["blob"], { type: "Image/PNG" }), "image/png", "blob"],
    [new Blob(["blob"]), null, "blob"],
    [new Uint8Array([104, 105]), null, "hi"],
    [new Uint8Array([0, 104, 105, 0]).subarray(1, 3), null, "hi"],
    [new Uint8Array([104, 105]).buffer, null, "hi"],
    [new DataView(new Uint8Array([104, 105]).buffer, 1), null, "i"],
    [new ReadableStream({ start(c) { c.enqueue(new Uint8Array([104, 105])); c.close(); } }), null, "hi"],
    [{ toString: () => "object" }, "text/plain;charset=UTF-8", "object"],
    [12, "text/plain;charset=UTF-8", "12"],
    ["", "text/plain;charset=UTF-8", ""],
    ["\ud800x", "text/plain;charset=UTF-8", "\ufffdx"],
    ["\ufeffbom", "text/plain;charset=UTF-8", "bom"],
  ];
  for (const [body, type, text] of cases) {
    const response = new Response(body);
    assert.equal(response.headers.get("content-type"), type);
    assert.equal(await response.text(), text);
    assert(response.bodyUsed);
  }
  assert.match(new Response(form).headers.get("content-type"), /^multipart\/form-data; boundary=\S+$/);
  assert.equal(new Response("x", { headers: { "content-type": "a/b" } }).headers.get("content-type"), "a/b");
  assert.equal(new Response().body, null);
  assert.equal(new Response(undefined).body, null);
  assert.equal(await new Response(null).text(), "");
});

test("bytes given to a body are copied, bytes got from it are the caller's", async () => {
  const source = new Uint8Array([1, 2, 3]);
  const response = new Response(source);
  source[0] = 9;
  const clone = response.clone();
  const got = await response.bytes();
  assert.deepEqual([...got], [1, 2, 3]);
  got[0] = 7;
  assert.deepEqual([...(await clone.bytes())], [1, 2, 3]);
  got.buffer.transfer();
});

test("Response init: status, statusText, headers are checked", () => {
  const r = new Response("x", { status: 201, statusText: "Made" });
  assert.deepEqual([r.status, r.statusText, r.ok, r.type, r.url, r.redirected], [201, "Made", true, "default", "", false]);
  for (const status of [0, 100, 101, 199, 600, 1000, -1, "x"]) assert.throws(() => new Response(null, { status }), RangeError);
  for (const status of [204, 205, 304]) {
    assert.throws(() => new Response("", { status }), TypeError);
    assert.throws(() => new Response(new Uint8Array(0), { status }), TypeError);
    assert.equal(new Response(null, { status }).body, null);
  }
  assert.throws(() => new Response("", { statusText: "a\nb" }), TypeError);
  assert.throws(() => new Response("", { headers: { "a b": "" } }), TypeError);
  assert.throws(() => new Response("", 1), TypeError);
  assert.equal(new Response("", { status: 404 }).ok, false);
  assert.equal(new Response("", null).status, 200);
});

test("Response.json, redirect, error", async () => {
  const j = Response.json({ a: [1, null] }, { status: 202, headers: { x: "y" } });
  assert.equal(j.status, 202);
  assert.equal(j.headers.get("content-type"), "application/json");
  assert.equal(j.headers.get("x"), "y");
  assert.deepEqual(await j.json(), { a: [1, null] });
  assert.equal(Response.json(1, { headers: { "content-type": "application/ld+json" } }).headers.get("content-type"), "application/ld+json");
  assert.throws(() => Response.json(undefined), TypeError);
  assert.throws(() => Response.json(() => {}), TypeError);
  assert.throws(() => Response.json(1n), TypeError);
  assert.throws(() => Response.json(1, { status: 204 }), TypeError);
  const cyclic = {};
  cyclic.self = cyclic;
  assert.throws(() => Response.json(cyclic), TypeError);
  const r = Response.redirect("http://a.test/x y", 301);
  assert.deepEqual([r.status, r.headers.get("location")], [301, "http://a.test/x%20y"]);
  assert.equal(Response.redirect("http://a.test/").status, 302);
  assert.throws(() => Response.redirect("http://a.test/", 200), RangeError);
  assert.throws(() => Response.redirect("//"), TypeError);
  assert.throws(() => r.headers.set("a", "b"), TypeError);
  const e = Response.error();
  assert.deepEqual([e.type, e.status, e.body], ["error", 0, null]);
});

test("clone gives two readable bodies, of text, bytes and streams", async () => {
  for (const body of ["text", new Uint8Array([116, 101, 120, 116]), new ReadableStream({ start(c) { c.enqueue(new Uint8Array([116, 101])); c.enqueue(new Uint8Array([120, 116])); c.close(); } })]) {
    const a = new Response(body, { status: 203, headers: { x: "1" } });
    const b = a.clone();
    b.headers.set("x", "2");
    assert.deepEqual([a.headers.get("x"), b.headers.get("x"), b.status], ["1", "2", 203]);
    assert.deepEqual(await Promise.all([a.text(), b.text()]), ["text", "text"]);
    assert.throws(() => a.clone(), TypeError);
  }
  const locked = new Response(new ReadableStream());
  locked.body.getReader();
  assert.throws(() => locked.clone(), TypeError);
  const request = new Request("http://a.test/", { method: "POST", body: "x" });
  assert.equal(await request.clone().text(), "x");
  assert.equal(await request.text(), "x");
});

test("body is the same stream each time; reading it uses the body", async () => {
  const r = new Response("abc");
  const { body } = r;
  assert(body instanceof ReadableStream);
  assert.equal(body, r.body);
  assert(!r.bodyUsed);
  const reader = body.getReader();
  await assert.rejects(r.text(), TypeError);
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value), "abc");
  assert(r.bodyUsed);
  reader.releaseLock();
  await assert.rejects(r.text(), TypeError);
  assert.throws(() => new Response(body), TypeError);
});

test("a body read without a stream shows a disturbed stream after", async () => {
  const r = new Response("abc");
  await r.text();
  assert(r.body instanceof ReadableStream);
  assert(r.bodyUsed);
  assert.equal((await r.body.getReader().read()).done, true);
});

test("BYOB readers work on bodies", async () => {
  const reader = new Response("hello").body.getReader({ mode: "byob" });
  const first = await reader.read(new Uint8Array(3));
  assert.equal(new TextDecoder().decode(first.value), "hel");
  const second = await reader.read(new Uint8Array(8));
  assert.equal(new TextDecoder().decode(second.value), "lo");
  assert((await reader.read(new Uint8Array(8))).done);
});

test("broken JSON and a broken receiver reject, not throw", async () => {
  await assert.rejects(new Response("{").json(), SyntaxError);
  await assert.rejects(new Response("").json(), SyntaxError);
  await assert.rejects(Response.prototype.text.call({}), TypeError);
  await assert.rejects(new Response("x").formData(), TypeError);
});

test("a chunk that is no Uint8Array rejects the body", async () => {
  await assert.rejects(new Response(new ReadableStream({ start(c) { c.enqueue("s"); c.close(); } })).text(), TypeError);
  await assert.rejects(new Response(new ReadableStream({ start(c) { c.error(new RangeError("r")); } })).text(), RangeError);
});

test("the signal of a request follows the given one", () => {
  const controller = new AbortController();
  const r = new Request("http://a.test/", { signal: controller.signal });
  const clone = r.clone();
  assert(r.signal !== controller.signal);
  controller.abort(7);
  assert.deepEqual([r.signal.aborted, r.signal.reason, clone.signal.aborted], [true, 7, true]);
  assert.equal(new Request(r, { signal: null }).signal.aborted, false);
});

test("Web IDL: names, tags, enumerable members, constructors need new", () => {
  assert.equal(String(new Response()), "[object Response]");
  assert.equal(String(new Request("http://a.test/")), "[object Request]");
  assert.deepEqual([Response.name, Request.name, Response.length], ["Response", "Request", 0]);
  const keys = [];
  for (const key in new Response()) keys.push(key);
  assert(keys.includes("status") && keys.includes("text"));
  assert.throws(() => Response(), TypeError);
  class Sub extends Response {}
  assert.equal(new Sub("x").status, 200);
});
