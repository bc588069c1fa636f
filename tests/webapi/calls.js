// Calls: from the hook to the handler and back.

const kHead = "host: phat.test\naccept: text/html\naccept: */*\ncookie: a=b\n";

test("the rehearsal of an instance that waits answers its own calls, and leaves nothing behind", async () => {
  const globals = () => Object.getOwnPropertyNames(globalThis).filter((name) => name !== "__phat").sort(); // host.js makes that one
  const names = globals();
  const answers = [];
  for (let step = 0, more = true; more; step++) {
    more = __host.hooks.onIdle(step);
    await 1;
    await 1;
    await new Promise((r) => setTimeout(r, 0));
    if (__host.calls.has(0)) answers.push(__host.text(__host.calls.get(0)));
    __host.calls.delete(0);
  }
  assert.deepEqual(answers, ["1a.test", "1a.test"]);
  assert.deepEqual(globals(), names);
  assert.deepEqual(__host.logs, []);
  const a = await __host.callOnce((request) => new Response(request.url));
  assert.equal(__host.text(a), "http://phat.test/");
});

test("a string response goes out at once, with its default type", async () => {
  const a = await __host.callOnce(() => new Response("Hello, world!\n"));
  assert.equal(a.status, 200);
  assert.equal(a.headers, "content-type: text/plain;charset=UTF-8\n");
  assert.equal(__host.text(a), "Hello, world!\n");
});

test("the answer of a sync handler is out when the hook returns", () => {
  __host.start({ fetch: () => new Response("now") });
  __host.hooks.onCall(900001, 0, "GET", "http://phat.test/", "", null, true);
  assert.equal(__host.text(__host.calls.get(900001)), "now");
  assert(__host.calls.get(900001).done);
});

test("an async handler answers after its awaits, status and headers kept in order", async () => {
  const a = await __host.callOnce(async () => {
    await new Promise((r) => setTimeout(r, 20));
    return new Response("late", { status: 418, headers: [["x-b", "2"], ["x-a", "1"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]] });
  });
  assert.equal(a.status, 418);
  assert.equal(a.headers, "x-b: 2\nx-a: 1\nset-cookie: a=1\nset-cookie: b=2\ncontent-type: text/plain;charset=UTF-8\n");
});

test("the request shows method, url, headers, and no body for GET", async () => {
  let seen;
  await __host.callOnce((request) => {
    seen = [request.method, request.url, request.headers.get("Accept"), request.headers.get("cookie"), request.body, request.bodyUsed];
    return new Response("");
  }, "http://phat.test/a?b=c", { headers: kHead });
  assert.deepEqual(seen, ["GET", "http://phat.test/a?b=c", "text/html, */*", "a=b", null, false]);
});

test("the headers of a call's request are immutable, a copy is not", async () => {
  await __host.callOnce((request) => {
    assert.throws(() => request.headers.set("a", "b"), TypeError);
    const copy = new Headers(request.headers);
    copy.set("a", "b");
    assert.equal(copy.get("a"), "b");
    return new Response("");
  }, "http://phat.test/", { headers: kHead });
});

test("a URL that is not serialised is, when it is read", async () => {
  const a = await __host.callOnce((r) => new Response(r.url), "http://phat.test/a/../b/./c d?q='x'");
  assert.equal(__host.text(a), "http://phat.test/b/c%20d?q=%27x%27");
});

test("env has variables, then secrets, is frozen, and has ASSETS", async () => {
  __host.assets.set("index.html", __host.bytes("<p>é</p>"));
  __host.start({
    fetch(request, env) {
      "use strict";
      assert.throws(() => {
        env.A = "x";
      }, TypeError);
      return Response.json([env.A, env.B, env.SECRET, env.ASSETS.get("/index.html").length, env.ASSETS.text("index.html"), env.ASSETS.get("no"), env.ASSETS.list()]);
    },
  }, { A: "1", B: { c: [2] } }, { SECRET: "s", A: "secret wins" });
  const a = await __host.call("http://phat.test/");
  assert.equal(__host.text(a), '["secret wins",{"c":[2]},"s",9,"<p>é</p>",null,["index.html"]]');
});

test("env.ASSETS.fetch serves a file with its type, or 404", async () => {
  __host.assets.set("index.html", __host.bytes("<p>"));
  __host.start({ fetch: (request, env) => env.ASSETS.fetch(request) });
  const page = await __host.call("http://phat.test/");
  assert.equal(page.status, 200);
  assert.equal(__host.header(page, "content-type"), "text/html;charset=UTF-8");
  assert.equal((await __host.call("http://phat.test/none.css")).status, 404);
});

test("ctx.phat names the phat; ctx has no passThroughOnException", async () => {
  const a = await __host.callOnce((r, e, ctx) => Response.json([ctx.phat, typeof ctx.passThroughOnException]));
  assert.equal(__host.text(a), '[{"id":"0xabc","bundleHash":"0xdef"},"undefined"]');
});

test("waitUntil keeps running after the answer, and its failure is logged for the call", async () => {
  let ran = false;
  __host.start({
    fetch(r, e, ctx) {
      ctx.waitUntil(new Promise((resolve) => setTimeout(() => resolve((ran = true)), 5)));
      ctx.waitUntil(Promise.reject(new Error("background")));
      return new Response("");
    },
  });
  const done = __host.call("http://phat.test/");
  await done;
  await new Promise((r) => setTimeout(r, 50));
  assert(ran);
  const entry = __host.logs.find((l) => l.text.includes("background"));
  assert.equal(entry.call, done.id);
  assert.equal(entry.level, 3);
});

test("what a handler throws fails the call with a stack of the user's file", () => {
  __host.startSource("var __phat = { default: {\n  fetch() {\n    return boom();\n  } } };\nfunction boom() { throw new TypeError('nope'); }");
  __host.hooks.onCall(900010, 0, "GET", "http://phat.test/", "", null, true);
  const { failed } = __host.calls.get(900010);
  assert.equal(failed.code, "exception");
  assert.match(failed.message, /^TypeError: nope\n {4}at boom \(worker\.js:5:\d+\)\n {4}at fetch \(worker\.js:3:\d+\)\n/);
});

test("a rejection fails the call too, with its cause", async () => {
  const a = await __host.callOnce(async () => {
    throw new Error("outer", { cause: new RangeError("inner") });
  });
  assert.equal(a.failed.code, "exception");
  assert.match(a.failed.message, /^Error: outer\n[^]*\[cause\]: RangeError: inner/);
});

test("a thrown value that is no error is shown", async () => {
  assert.match((await __host.callOnce(() => { throw { code: 7 }; })).failed.message, /\{ code: 7 \}/);
  assert.match((await __host.callOnce(() => { throw undefined; })).failed.message, /undefined/);
  const hostile = await __host.callOnce(() => {
    throw Object.defineProperty(new Error(), "message", { get() { throw 1; } });
  });
  assert.equal(hostile.failed.code, "exception");
});

test("a result that is no Response is refused and named", async () => {
  for (const [value, text] of [[undefined, /undefined/], ["text", /text/], [null, /null/], [{ status: 200 }, /status: 200/], [42, /42/]]) {
    for (const handler of [() => value, async () => value]) {
      const a = await __host.callOnce(handler);
      assert.equal(a.failed.code, "no-response");
      assert.match(a.failed.message, text);
    }
  }
});

test("a thenable that is no promise is awaited", async () => {
  const a = await __host.callOnce(() => ({ then: (ok) => ok(new Response("thenable")) }));
  assert.equal(__host.text(a), "thenable");
});

test("Response.error() and a used body cannot be answers", async () => {
  assert.equal((await __host.callOnce(() => Response.error())).failed.code, "no-response");
  const used = await __host.callOnce(async () => {
    const r = new Response("x");
    await r.text();
    return r;
  });
  assert.equal(used.failed.code, "exception");
  assert.match(used.failed.message, /read already/);
});

test("the same Response object cannot answer twice", async () => {
  const shared = new Response("once");
  __host.start({ fetch: () => shared });
  assert.equal(__host.text(await __host.call("http://phat.test/")), "once");
  assert.equal((await __host.call("http://phat.test/")).failed.code, "exception");
});

test("a request body that is there is read whole, by each method", async () => {
  const body = '{"a":"é"}';
  for (const [what, expected] of [["text", body], ["json", '{"a":"é"}'], ["arrayBuffer", "10"], ["bytes", "10"], ["blob", "10"]]) {
    const a = await __host.callOnce(async (request) => {
      const value = await request[what]();
      assert(request.bodyUsed);
      await assert.rejects(request.text(), TypeError);
      const shown = what === "text" ? value : what === "json" ? JSON.stringify(value) : `${value.byteLength ?? value.size}`;
      return new Response(shown);
    }, "http://phat.test/", { method: "POST", headers: "content-type: application/json\n", body });
    assert.equal(__host.text(a), expected, what);
  }
});

test("a request body in pieces is collected, and gives credit", async () => {
  __host.start({ fetch: async (request) => new Response(await request.text()) });
  const call = __host.call("http://phat.test/", { method: "POST", chunks: ["ab", "", "c\u00e9"], body: "0" });
  assert.equal(__host.text(await call), "0abcé");
  assert.equal(__host.credits.get(`call ${call.id}`), 6);
});

test("a request body is a stream of bytes, pulled as it is read", async () => {
  __host.start({
    async fetch(request) {
      assert(request.body instanceof ReadableStream);
      assert.equal(request.body, request.body);
      const reader = request.body.getReader();
      const first = await reader.read();
      assert(first.value instanceof Uint8Array);
      let text = `[${new TextDecoder().decode(first.value)}]`;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        text += `(${new TextDecoder().decode(value)})`;
      }
      assert(request.bodyUsed);
      return new Response(text);
    },
  });
  assert.equal(__host.text(await __host.call("http://phat.test/", { method: "PUT", chunks: ["one", "two"] })), "[one](two)");
});

test("who reads the request body after the answer gets an error, not a part of it", async () => {
  let outcome;
  __host.start({
    fetch(request, env, ctx) {
      ctx.waitUntil(request.text().then((text) => (outcome = text), (error) => (outcome = error)));
      return new Response("early");
    },
  });
  const a = await __host.call("http://phat.test/", { method: "POST", body: "first", chunks: ["second"] });
  assert.equal(__host.text(a), "early");
  await new Promise((r) => setTimeout(r, 1));
  assert(outcome instanceof TypeError);
});

test("a request body echoed as response body streams through", async () => {
  __host.start({ fetch: (request) => new Response(request.body) });
  const a = await __host.call("http://phat.test/", { method: "POST", chunks: ["x".repeat(1000), "y".repeat(1000), "z"] });
  assert.equal(__host.text(a).length, 2001);
  assert.equal(a.failed, null);
});

test("a streamed response sends head first, then pieces, then the end", async () => {
  const a = await __host.callOnce(() => {
    let n = 0;
    const stream = new ReadableStream({
      async pull(c) {
        await new Promise((r) => setTimeout(r, 1));
        if (n === 3) c.close();
        else c.enqueue(new TextEncoder().encode(`part ${n++}\n`));
      },
    });
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });
  });
  assert.equal(a.headers, "content-type: text/event-stream\n");
  assert.equal(a.chunks.length, 3);
  assert.equal(__host.text(a), "part 0\npart 1\npart 2\n");
});

test("a closed window holds the stream back until it opens", async () => {
  let pulled = 0;
  __host.start({
    fetch: () => new Response(new ReadableStream({
      pull(c) {
        pulled++;
        c.enqueue(new Uint8Array(100));
        if (pulled === 10) c.close();
      },
    }, { highWaterMark: 0 })),
  });
  const call = 900100;
  __host.windows.set(call, 250);
  __host.hooks.onCall(call, 0, "GET", "http://phat.test/", "", null, true);
  for (let i = 0; i < 50; i++) await null;
  await new Promise((r) => setTimeout(r, 10));
  const a = __host.calls.get(call);
  assert.equal(a.chunks.length, 3);
  assert(pulled <= 4, `pulled ${pulled}`);
  __host.windows.set(call, 1 << 20);
  __host.hooks.onCallWindow(call);
  await new Promise((r) => setTimeout(r, 10));
  assert.equal(a.chunks.length, 10);
  assert(a.done);
});

test("a stream that fails or yields no bytes fails the call after its head", async () => {
  const broken = await __host.callOnce(() => new Response(new ReadableStream({ pull(c) { c.error(new Error("disk on fire")); } })));
  assert.match(broken.failed.message, /disk on fire/);
  const text = await __host.callOnce(() => new Response(new ReadableStream({ start(c) { c.enqueue("text"); } })));
  assert.match(text.failed.message, /TypeError.*Uint8Array/);
});

test("onCallCancel aborts the signal, the body and the response stream", async () => {
  const seen = [];
  __host.start({
    async fetch(request) {
      request.signal.addEventListener("abort", () => seen.push(request.signal.reason.name));
      request.text().catch((e) => seen.push(`body ${e.name}`));
      await new Promise(() => {});
    },
  });
  __host.hooks.onCall(900200, 0, "POST", "http://phat.test/", "", null, false);
  __host.hooks.onCallCancel(900200);
  await new Promise((r) => setTimeout(r, 1));
  assert.deepEqual(seen.sort(), ["AbortError", "body AbortError"]);
  assert.equal(__host.calls.get(900200), undefined);

  let canceled = null;
  __host.start({ fetch: () => new Response(new ReadableStream({ cancel: (reason) => (canceled = reason) })) });
  __host.hooks.onCall(900201, 0, "GET", "http://phat.test/", "", null, true);
  await null;
  __host.hooks.onCallCancel(900201);
  await new Promise((r) => setTimeout(r, 1));
  assert.equal(canceled.name, "AbortError");
});

test("an answer that comes after the cancel is dropped", async () => {
  __host.start({ fetch: async () => { await new Promise((r) => setTimeout(r, 5)); return new Response("too late"); } });
  __host.hooks.onCall(900300, 0, "GET", "http://phat.test/", "", null, true);
  __host.hooks.onCallCancel(900300);
  await new Promise((r) => setTimeout(r, 20));
  assert.equal(__host.calls.get(900300), undefined);
});

test("HEAD and statuses without body send none, but the length of what there is", async () => {
  const head = await __host.callOnce(() => new Response("héllo"), "http://phat.test/", { method: "HEAD" });
  assert.equal(head.chunks.length, 0);
  assert.equal(__host.header(head, "content-length"), "6");
  for (const status of [204, 205, 304]) {
    const a = await __host.callOnce(() => new Response(null, { status }));
    assert.equal(a.status, status);
    assert.equal(a.chunks.length, 0);
    assert(a.done);
  }
});

test("console inside a call is attributed to it, after awaits and in timers too", async () => {
  __host.start({
    async fetch(request) {
      const name = request.url.slice(-1);
      console.log(`${name} sync`);
      await new Promise((r) => setTimeout(r, name === "a" ? 20 : 10));
      console.log(`${name} timer`);
      await null;
      console.log(`${name} micro`);
      return new Response("");
    },
  });
  const a = __host.call("http://phat.test/a");
  const b = __host.call("http://phat.test/b");
  await Promise.all([a, b]);
  for (const { call, text } of __host.logs) assert.equal(call, text.startsWith("a") ? a.id : b.id, text);
  assert.equal(__host.logs.length, 6);
});

test("an unhandled rejection is logged with its stack", async () => {
  await __host.callOnce(() => {
    Promise.reject(new Error("lost"));
    return new Response("");
  });
  const entry = __host.logs.find((l) => l.text.includes("lost"));
  assert.match(entry.text, /^Uncaught \(in promise\) Error: lost\n {4}at /);
});

test("chain gets what a contract asked, and its result is the answer's bytes", async () => {
  let seen;
  const facts = "chain-id: 31337\nrequest-id: 18446744073709551615\napp: 0x0a\nconsumer: 0x0b\ndeadline: 1700000000\n";
  const ask = { kind: 4, method: "CHAIN", headers: facts, body: '{"a":1}' };
  const bits = __host.start({ chain: (r) => ((seen = [r.chainId, r.requestId, r.app, r.consumer, r.deadline.getTime(), r.text(), r.json().a, r.input.length]), "answer") });
  assert.equal(bits, 4);
  const a = await __host.call("phala:chain", ask);
  assert.equal(__host.text(a), "answer");
  assert.deepEqual(seen, [31337, 18446744073709551615n, "0x0a", "0x0b", 1700000000000, '{"a":1}', 1, 7]);
  for (const [result, text] of [[new Uint8Array([65, 66]), "AB"], [new Uint8Array([65, 66]).buffer, "AB"], [new DataView(new Uint8Array([64, 65, 66]).buffer, 1), "AB"], [undefined, ""]]) {
    __host.start({ chain: async () => result });
    assert.equal(__host.text(await __host.call("phala:chain", ask)), text);
  }
  for (const chain of [() => 5, async () => ({}), () => { throw new Error("no"); }, async () => { throw new Error("no"); }]) {
    __host.start({ chain });
    assert.equal((await __host.call("phala:chain", ask)).failed.code, "exception");
  }
});

test("scheduled gets cron and time, and succeeds with an empty answer", async () => {
  let seen;
  const bits = __host.start({ scheduled: (event, env, ctx) => (seen = [event.cron, event.scheduledTime, event.type, typeof ctx.waitUntil]) });
  assert.equal(bits, 2);
  const a = await __host.call("phala:scheduled", { kind: 1, method: "SCHEDULED", body: '{"cron":"*/5 * * * *","scheduledTime":1700000000123}' });
  assert.equal(a.status, 200);
  assert.deepEqual(seen, ["*/5 * * * *", 1700000000123, "scheduled", "function"]);
  __host.start({ scheduled: async () => { throw new Error("cron"); } });
  assert.match((await __host.call("phala:scheduled", { kind: 1, body: '{"cron":"* * * * *","scheduledTime":1}' })).failed.message, /^Error: cron/);
});

test("a call without handler says which one is missing", async () => {
  __host.start({ scheduled() {} });
  const a = await __host.call("http://phat.test/");
  assert.deepEqual(a.failed, { code: "no-handler", message: "The phat has no fetch handler" });
});

test("onStart reports handlers, and what is wrong with a script", () => {
  assert.equal(__host.start({ fetch() {} }), 1);
  assert.equal(__host.start({ fetch() {}, scheduled() {}, chain() {}, event() {} }), 15);
  assert.equal(globalThis.__phat, undefined);
  assert(!("__phat" in globalThis));
  assert.throws(() => __host.startSource("var x = 1;"), /worker\.js has no default export/);
  assert.throws(() => __host.startSource("var __phat = { default: {} };"), /none of the functions fetch/);
  const error = assert.throws(() => __host.startSource("var __phat = (() => {\n  throw new Error('top');\n})();", "src/app.js"));
  assert.match(__host.hooks.describe(error), /^Error: top\n {4}at src\/app\.js:2:\d+/);
  const syntax = assert.throws(() => __host.startSource("var a = 1;\nvar b = ;"), SyntaxError);
  assert.match(__host.hooks.describe(syntax), /^SyntaxError: [^\n]*\n {4}at worker\.js:2:/);
});

test("a class with a fetch method works, `this` is the default export", async () => {
  class Worker {
    name = "w";
    fetch() {
      return new Response(this.name);
    }
  }
  __host.start(new Worker());
  assert.equal(__host.text(await __host.call("http://phat.test/")), "w");
});

test("addEventListener('fetch') is refused with what to write instead", () => {
  assert.throws(() => addEventListener("fetch", () => {}), /export default \{ fetch/);
  addEventListener("unhandledrejection", () => {});
});

test("nothing of the natives is reachable", () => {
  assert.equal(typeof __ph, "undefined");
  for (const key of Reflect.ownKeys(globalThis)) assert(typeof key === "symbol" || !key.startsWith("__p") || key === "__print", String(key));
});

test("request.signal exists, and a derived request follows it", async () => {
  __host.start({
    fetch(request) {
      const derived = new Request(request);
      request.signal.onabort = () => {};
      return new Promise((resolve) => derived.signal.addEventListener("abort", () => resolve(new Response("")))) ;
    },
  });
  __host.hooks.onCall(900400, 0, "GET", "http://phat.test/", "", null, true);
  __host.hooks.onCallCancel(900400);
  await null;
});
