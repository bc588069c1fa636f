// WebAssembly is the engine's own; here: that it works from a phat's asset, sync and async.

// (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add) (memory (export "m") 1))
const kModule = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 11, 2, 3, 97, 100, 100, 0, 0, 1, 109, 2, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);

test("compiled from an asset, synchronously", () => {
  __host.assets.set("add.wasm", kModule);
  let exports;
  __host.start({
    fetch(request, env) {
      ({ exports } = new WebAssembly.Instance(new WebAssembly.Module(env.ASSETS.get("add.wasm"))));
      return new Response(`${exports.add(40, 2)}`);
    },
  });
  __host.hooks.onCall(950000, 0, "GET", "http://phat.test/", "", null, true);
  assert.equal(__host.text(__host.calls.get(950000)), "42");
});

test("instantiated asynchronously; bytes of its memory make bodies and digests", async () => {
  const { instance } = await WebAssembly.instantiate(kModule);
  const memory = new Uint8Array(instance.exports.m.buffer);
  memory.set([104, 105], 10);
  assert.equal(await new Response(memory.subarray(10, 12)).text(), "hi");
  assert.equal(new TextDecoder().decode(memory.subarray(10, 12)), "hi");
  assert.equal((await crypto.subtle.digest("SHA-256", memory.subarray(10, 12))).byteLength, 32);
  crypto.getRandomValues(memory.subarray(0, 8));
  instance.exports.m.grow(1);
  assert.equal(instance.exports.m.buffer.byteLength, 131072);
});

test("streaming compilation takes a Response of the right type", async () => {
  const response = () => new Response(kModule, { headers: { "content-type": "application/wasm" } });
  const { instance } = await WebAssembly.instantiateStreaming(Promise.resolve(response()));
  assert.equal(instance.exports.add(1, 2), 3);
  assert((await WebAssembly.compileStreaming(response())) instanceof WebAssembly.Module);
  await assert.rejects(WebAssembly.instantiateStreaming(new Response(kModule)), TypeError);
  await assert.rejects(WebAssembly.compileStreaming(kModule), TypeError);
});
