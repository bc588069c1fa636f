// Streams: what bodies and pipelines of a phat rely on.

const collect = async (stream) => {
  const out = [];
  for await (const chunk of stream) out.push(chunk);
  return out;
};

test("ReadableStream: pull, async iteration, cancel, locked", async () => {
  let n = 0;
  const stream = new ReadableStream({ pull(c) { n < 3 ? c.enqueue(n++) : c.close(); } });
  assert.deepEqual(await collect(stream), [0, 1, 2]);
  let reason;
  const other = new ReadableStream({ cancel: (r) => { reason = r; } });
  const reader = other.getReader();
  assert(other.locked);
  await reader.cancel("why");
  assert.equal(reason, "why");
  assert.throws(() => other.getReader(), TypeError);
});

test("ReadableStream.from takes iterables, sync and async", async () => {
  assert.deepEqual(await collect(ReadableStream.from([1, 2])), [1, 2]);
  assert.deepEqual(await collect(ReadableStream.from((async function* () { yield "a"; yield "b"; })())), ["a", "b"]);
});

test("back-pressure: pull stops at the high water mark", async () => {
  let pulls = 0;
  new ReadableStream({ pull(c) { pulls++; c.enqueue(new Uint8Array(10)); } }, new ByteLengthQueuingStrategy({ highWaterMark: 25 }));
  await new Promise((r) => setTimeout(r, 5));
  assert.equal(pulls, 3);
});

test("tee gives both branches all chunks", async () => {
  const [a, b] = ReadableStream.from(["x", "y"]).tee();
  assert.deepEqual(await Promise.all([collect(a), collect(b)]), [["x", "y"], ["x", "y"]]);
});

test("pipeThrough and pipeTo transform, and errors travel", async () => {
  const upper = new TransformStream({ transform: (chunk, c) => c.enqueue(chunk.toUpperCase()), flush: (c) => c.enqueue("END") });
  assert.deepEqual(await collect(ReadableStream.from(["a", "b"]).pipeThrough(upper)), ["A", "B", "END"]);
  const written = [];
  await ReadableStream.from([1, 2]).pipeTo(new WritableStream({ write: (chunk) => { written.push(chunk); } }));
  assert.deepEqual(written, [1, 2]);
  const broken = new ReadableStream({ start(c) { c.error(new RangeError("up")); } });
  await assert.rejects(broken.pipeTo(new WritableStream()), RangeError);
  const sink = new WritableStream({ write() { throw new SyntaxError("down"); } });
  await assert.rejects(ReadableStream.from([1]).pipeTo(sink), SyntaxError);
});

test("pipeTo stops on an AbortSignal", async () => {
  const controller = new AbortController();
  const done = new ReadableStream({}).pipeTo(new WritableStream(), { signal: controller.signal });
  controller.abort();
  await assert.rejects(done, "AbortError");
});

test("WritableStream: writer, desiredSize, close, abort", async () => {
  const log = [];
  const writer = new WritableStream({ write: (c) => { log.push(c); }, close: () => { log.push("close"); } }, new CountQueuingStrategy({ highWaterMark: 2 })).getWriter();
  assert.equal(writer.desiredSize, 2);
  writer.write("a");
  assert.equal(writer.desiredSize, 1);
  await writer.close();
  assert.deepEqual(log, ["a", "close"]);
  const aborted = new WritableStream({ abort: (r) => { log.push(r); } });
  await aborted.abort("no");
  assert.equal(log.at(-1), "no");
});

test("byte streams: BYOB fills the caller's buffer", async () => {
  const stream = new ReadableStream({
    type: "bytes",
    pull(c) {
      const view = c.byobRequest.view;
      view[0] = 1;
      view[1] = 2;
      c.byobRequest.respond(2);
      c.close();
    },
  });
  const { value } = await stream.getReader({ mode: "byob" }).read(new Uint8Array(4));
  assert.deepEqual([...value], [1, 2]);
});

test("TextEncoderStream and TextDecoderStream join split characters", async () => {
  const bytes = await collect(ReadableStream.from(["a\ud83d", "\ude00b", "\ud83d"]).pipeThrough(new TextEncoderStream()));
  assert.deepEqual(bytes.flatMap((b) => [...b]), [0x61, 0xf0, 0x9f, 0x98, 0x80, 0x62, 0xef, 0xbf, 0xbd]);
  const text = await collect(ReadableStream.from([new Uint8Array([0xf0, 0x9f]), new Uint8Array([0x98, 0x80, 0x61]), new Uint8Array([0xe2])]).pipeThrough(new TextDecoderStream()));
  assert.equal(text.join(""), "\ud83d\ude00a\ufffd");
  await assert.rejects(collect(ReadableStream.from([new Uint8Array([0xff])]).pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))), TypeError);
});

test("a TransformStream as response body streams what the handler writes later", async () => {
  const a = await __host.callOnce((request, env, ctx) => {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    ctx.waitUntil((async () => {
      for (const word of ["one ", "two ", "three"]) {
        await writer.write(new TextEncoder().encode(word));
        await new Promise((r) => setTimeout(r, 3));
      }
      await writer.close();
    })());
    return new Response(readable);
  });
  assert.equal(__host.text(a), "one two three");
  assert.equal(a.chunks.length, 3);
});

test("a response body through a text pipeline", async () => {
  const r = new Response("a,b\nc").body.pipeThrough(new TextDecoderStream()).pipeThrough(new TransformStream({ transform: (t, c) => c.enqueue(t.split(",").length) }));
  assert.deepEqual(await collect(r), [2]);
});

const zip = (bytes, format) => new Response(new Response(bytes).body.pipeThrough(new CompressionStream(format))).bytes();
const unzip = (bytes, format) => new Response(new Response(bytes).body.pipeThrough(new DecompressionStream(format))).bytes();

test("CompressionStream and DecompressionStream: there and back, in every format", async () => {
  const data = new TextEncoder().encode("phat ".repeat(50000));
  for (const format of ["gzip", "deflate", "deflate-raw"]) {
    const packed = await zip(data, format);
    assert(packed.length < 2000, format);
    assert.deepEqual(await unzip(packed, format), data);
    assert.equal((await unzip(await zip(new Uint8Array(0), format), format)).length, 0);
  }
  // What gzip(1) writes for "hi\n", without name and time.
  const gz = Uint8Array.fromHex("1f8b0800000000000003cbc8e402007a7a6fed03000000");
  assert.equal(new TextDecoder().decode(await unzip(gz, "gzip")), "hi\n");
  assert.throws(() => new CompressionStream("br"), TypeError);
  assert.throws(() => new DecompressionStream(), TypeError);
});

test("broken compressed data rejects: cut, changed, followed by more, wrong format", async () => {
  const gz = await zip(new TextEncoder().encode("hello hello hello"), "gzip");
  const changed = gz.slice();
  changed[changed.length - 6] ^= 1; // in the CRC
  for (const bad of [gz.slice(0, -1), gz.slice(0, 5), new Uint8Array(0), changed, new Uint8Array([...gz, 0]), new Uint8Array([1, 2, 3])]) {
    await assert.rejects(unzip(bad, "gzip"), TypeError);
  }
  await assert.rejects(unzip(gz, "deflate"), TypeError);
  await assert.rejects(new Response(ReadableStream.from(["text"]).pipeThrough(new CompressionStream("gzip"))).bytes(), TypeError);
});
