// The Hono application of apps/hono_app.js, bundled, runs unmodified.

const app = globalThis.__phat.default;
const get = async (path, options) => {
  __host.start(app, { KEY: "secret" });
  const a = await __host.call(`http://phat.test${path}`, options);
  assert.equal(a.failed, null, path);
  return a;
};

test("routes, parameters, query, headers, CORS", async () => {
  assert.equal(__host.text(await get("/")), "home");
  const a = await get("/api/thing/42?q=a%20b", { headers: "user-agent: t\norigin: http://x.test\n" });
  assert.equal(__host.text(a), '{"id":"42","name":"thing","q":"a b","agent":"t"}');
  assert.equal(__host.header(a, "access-control-allow-origin"), "*");
  const options = await get("/api/echo", { method: "OPTIONS", headers: "origin: http://x.test\naccess-control-request-method: POST\n" });
  assert.equal(options.status, 204);
});

test("JSON and form bodies, also in pieces", async () => {
  const a = await get("/api/echo", { method: "POST", headers: "content-type: application/json\n", chunks: ['{"a":', "[1,2]}"] });
  assert.deepEqual([a.status, __host.text(a)], [201, '{"a":[1,2]}']);
  const form = await get("/form", { method: "POST", headers: "content-type: application/x-www-form-urlencoded\n", body: "name=J%C3%BCrgen" });
  assert.equal(__host.text(form), "Jürgen ");
  const body = '--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nn\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n';
  assert.equal(__host.text(await get("/form", { method: "POST", headers: "content-type: multipart/form-data; boundary=b\n", body })), "n f.txt:hello");
});

test("cookies come and go", async () => {
  const a = await get("/cookie", { headers: "cookie: a=1; z=9\n" });
  assert.equal(__host.text(a), "1");
  assert.match(a.headers, /set-cookie: b=2; Path=\/; HttpOnly\nset-cookie: c=3; Path=\/\n/);
});

test("ETag, HTML, basic auth, JWT", async () => {
  const tag = __host.header(await get("/etag"), "etag");
  assert.match(tag, /^"[0-9a-f]{40}"$/);
  assert.equal((await get("/etag", { headers: `if-none-match: ${tag}\n` })).status, 304);
  assert.equal(__host.text(await get("/html")), "<p>&lt;escaped&gt;</p>");
  assert.equal((await get("/admin/x")).status, 401);
  assert.equal(__host.text(await get("/admin/x", { headers: `authorization: Basic ${btoa("u:p")}\n` })), "in");
  const token = __host.text(await get("/token"));
  assert.equal(__host.text(await get("/jwt/me", { headers: `authorization: Bearer ${token}\n` })), '{"sub":"me"}');
  assert.equal((await get("/jwt/me", { headers: `authorization: Bearer ${token}x\n` })).status, 401);
});

test("text and event streams", async () => {
  assert.equal(__host.text(await get("/stream")), "a\nb\nc\n");
  const sse = await get("/sse");
  assert.equal(__host.text(sse), "event: tick\ndata: 1\nid: x\n\n");
  assert.equal(__host.header(sse, "content-type"), "text/event-stream");
});

test("a proxied request, errors, 404, redirect", async () => {
  __host.fetchHandler = (f) => __host.hooks.onFetchHead(f.id, 200, f.url, "OK", "x-o: 1\n", __host.bytes(f.headers), true);
  const a = await get("/proxy", { headers: "accept: text/x\n" });
  assert.deepEqual([__host.text(a), __host.header(a, "x-o")], ["accept: text/x\n", "1"]);
  assert.deepEqual([(await get("/boom")).status, __host.text(await get("/boom"))], [500, "caught handler failed"]);
  assert.equal((await get("/none")).status, 404);
  assert.equal(__host.header(await get("/redirect"), "location"), "/");
});
