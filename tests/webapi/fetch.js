// fetch: what goes to the host, what comes back.

const answer = (f, { status = 200, headers = "content-type: text/plain\n", body = "ok", url = f.url, chunks = null } = {}) => {
  __host.hooks.onFetchHead(f.id, status, url, "OK", headers, body === null ? null : __host.bytes(body), chunks === null);
  for (const chunk of chunks ?? []) __host.later(() => __host.hooks.onFetchBody(f.id, __host.bytes(chunk)));
  if (chunks !== null) __host.later(() => __host.hooks.onFetchDone(f.id));
};
const seen = () => [...__host.fetches.values()].at(-1);

test("a GET goes out with its headers, and the response comes back", async () => {
  __host.fetchHandler = (f) => answer(f, { headers: "content-type: text/plain\nset-cookie: a=1\nset-cookie: b=2\n", url: "http://a.test/x" });
  const r = await fetch("HTTP://a.test/x#frag", { headers: { "X-Y": "z" } });
  const f = seen();
  assert.deepEqual([f.method, f.url, f.headers, f.redirect, f.done, f.chunks.length], ["GET", "http://a.test/x", "x-y: z\n", 0, true, 0]);
  assert.deepEqual([r.status, r.ok, r.statusText, r.url, r.redirected, r.type, r.headers.getSetCookie()], [200, true, "OK", "http://a.test/x", false, "basic", ["a=1", "b=2"]]);
  assert.equal(await r.text(), "ok");
  assert.throws(() => r.headers.set("a", "b"), TypeError);
});

test("a POST of text, bytes, a form, a Request", async () => {
  __host.fetchHandler = (f) => answer(f);
  await fetch("http://a.test/", { method: "post", body: "é" });
  assert.deepEqual([seen().method, seen().headers, __host.utf8(seen().chunks[0]), seen().done], ["POST", "content-type: text/plain;charset=UTF-8\n", "é", true]);
  await fetch(new Request("http://a.test/", { method: "PUT", body: new Uint8Array([1, 2]) }));
  assert.deepEqual([seen().method, [...seen().chunks[0]]], ["PUT", [1, 2]]);
  const request = new Request("http://a.test/", { method: "PUT", body: "x" });
  await fetch(request);
  assert(request.bodyUsed);
  await assert.rejects(fetch(request), TypeError);
});

test("redirect modes reach the host; redirected shows", async () => {
  for (const [mode, code] of [["follow", 0], ["manual", 1], ["error", 2]]) {
    __host.fetchHandler = (f) => answer(f, { url: "http://b.test/" });
    const r = await fetch("http://a.test/", { redirect: mode });
    assert.deepEqual([seen().redirect, r.redirected, r.url], [code, true, "http://b.test/"]);
  }
});

test("a response in pieces streams, with credit as it is read", async () => {
  __host.fetchHandler = (f) => answer(f, { body: "0", chunks: ["ab", "cd"] });
  const r = await fetch("http://a.test/");
  const f = seen();
  const reader = r.body.getReader();
  assert.equal(__host.utf8((await reader.read()).value), "0");
  assert.equal(__host.credits.get(`fetch ${f.id}`), 1);
  let text = "";
  for (let c = await reader.read(); !c.done; c = await reader.read()) text += __host.utf8(c.value);
  assert.equal(text, "abcd");
  assert.equal(__host.credits.get(`fetch ${f.id}`), 5);
});

test("cancelling the body cancels the fetch", async () => {
  __host.fetchHandler = (f) => __host.hooks.onFetchHead(f.id, 200, f.url, "", "", null, false);
  const r = await fetch("http://a.test/");
  await r.body.cancel();
  assert(seen().canceled);
});

test("a fetched response is the answer: head and body pass through", async () => {
  __host.fetchHandler = (f) => answer(f, { status: 207, headers: "x-from: origin\n", body: "a", chunks: ["b", "c"] });
  const a = await __host.callOnce(() => fetch("http://a.test/"));
  assert.deepEqual([a.status, a.headers, __host.text(a), a.chunks.length], [207, "x-from: origin\n", "abc", 3]);
});

test("a streamed request body waits for the window", async () => {
  let n = 0;
  const body = new ReadableStream({ pull(c) { n++ < 5 ? c.enqueue(new Uint8Array(600_000)) : c.close(); } }, { highWaterMark: 0 });
  __host.fetchHandler = () => {};
  const done = fetch("http://a.test/", { method: "POST", body, duplex: "half" });
  await new Promise((r) => setTimeout(r, 5));
  const f = seen();
  assert.equal(f.done, false);
  assert.equal(f.chunks.length, 2);
  f.window = 1 << 30;
  __host.hooks.onFetchWindow(f.id);
  await new Promise((r) => setTimeout(r, 5));
  assert.deepEqual([f.chunks.length, f.done], [5, true]);
  answer(f);
  assert.equal(await (await done).text(), "ok");
});

test("a request body that fails rejects the fetch and cancels it", async () => {
  __host.fetchHandler = () => {};
  const body = new ReadableStream({ pull(c) { c.error(new RangeError("source")); } });
  await assert.rejects(fetch("http://a.test/", { method: "POST", body, duplex: "half" }), RangeError);
  assert(seen().canceled);
});

test("failures reject with TypeError, before and within the body", async () => {
  __host.fetchHandler = (f) => __host.hooks.onFetchFail(f.id, "egress-denied", "a.test is not in the allow-list");
  const error = await assert.rejects(fetch("http://a.test/"), /egress|allow-list/);
  assert(error instanceof TypeError);
  assert.equal(error.code, "egress-denied");
  __host.fetchHandler = (f) => {
    __host.hooks.onFetchHead(f.id, 200, f.url, "", "", __host.bytes("part"), false);
    __host.later(() => __host.hooks.onFetchFail(f.id, "reset", "connection reset"));
  };
  const r = await fetch("http://a.test/");
  await assert.rejects(r.text(), /connection reset/);
});

test("what cannot be fetched rejects, never throws", async () => {
  for (const args of [[], ["/relative"], ["ftp://a.test/"], ["http://a.test/", { method: "TRACE" }], ["http://a.test/", { body: "x" }], ["file:///etc/passwd"], ["http://u:p@a.test/"]]) {
    await assert.rejects(fetch(...args), TypeError);
  }
});

test("AbortSignal: before, during, and in the body", async () => {
  __host.fetchHandler = () => {};
  await assert.rejects(fetch("http://a.test/", { signal: AbortSignal.abort() }), "AbortError");
  const c = new AbortController();
  const pending = fetch("http://a.test/", { signal: c.signal });
  c.abort(new RangeError("mine"));
  await assert.rejects(pending, RangeError);
  assert(seen().canceled);
  await assert.rejects(fetch("http://a.test/", { signal: AbortSignal.timeout(5) }), "TimeoutError");
  __host.fetchHandler = (f) => __host.hooks.onFetchHead(f.id, 200, f.url, "", "", null, false);
  const d = new AbortController();
  const r = await fetch("http://a.test/", { signal: d.signal });
  const text = r.text();
  d.abort();
  await assert.rejects(text, "AbortError");
});

test("statuses without body, and HEAD, have none", async () => {
  __host.fetchHandler = (f) => answer(f, { status: 204, body: null });
  assert.equal((await fetch("http://a.test/")).body, null);
  __host.fetchHandler = (f) => answer(f, { body: "" });
  const r = await fetch("http://a.test/", { method: "HEAD" });
  assert.equal(r.body, null);
  assert.equal(await r.text(), "");
});

test("data: URLs are answered here", async () => {
  const r = await fetch("data:text/html;base64,PGI+");
  assert.deepEqual([r.headers.get("content-type"), await r.text()], ["text/html", "<b>"]);
  assert.equal(await (await fetch("data:,a%20%C3%A9")).text(), "a é");
  await assert.rejects(fetch("data:nope"), TypeError);
});

test("a fetch's callbacks belong to the call that began it", async () => {
  __host.fetchHandler = (f) => __host.later(() => answer(f));
  __host.start({
    async fetch(request) {
      const body = await (await fetch("http://a.test/")).text();
      console.log(`${request.url} ${body}`);
      return new Response("");
    },
  });
  const a = __host.call("http://one.test/");
  const b = __host.call("http://two.test/");
  await Promise.all([a, b]);
  for (const { call, text } of __host.logs) assert.equal(call, text.includes("one") ? a.id : b.id);
  assert.equal(__host.fetches.get(seen().id).call, b.id);
});
