// The program of apps/noble_app.js, bundled: unmodified @noble/hashes agrees with crypto.subtle and with published values.

const hex = (data) => new Uint8Array(data).toHex();

test("@noble/hashes computes what crypto.subtle and the standards say", async () => {
  __host.start(globalThis.__phat.default);
  const data = "abc";
  const bytes = __host.bytes(data);
  const a = await __host.call("http://phat.test/", { method: "POST", body: data });
  assert.equal(a.failed, null);
  const out = JSON.parse(__host.text(a));
  for (const [mine, web] of [["sha1", "SHA-1"], ["sha256", "SHA-256"], ["sha384", "SHA-384"], ["sha512", "SHA-512"]]) {
    assert.equal(out[mine], hex(await crypto.subtle.digest(web, bytes)));
  }
  assert.equal(out.keccak_256, "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
  assert.equal(out.sha3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532");
  assert.equal(out.ripemd160, "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc");
  assert.equal(out.blake2b.slice(0, 32), "ba80a53f981c4d0d6a2797b69f12f6e9");
  assert.equal(out.blake3, "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
  const key = await crypto.subtle.importKey("raw", __host.bytes("key"), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  assert.equal(out.hmac, hex(await crypto.subtle.sign("HMAC", key, bytes)));
  const ikm = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits"]);
  assert.equal(out.hkdf, hex(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: __host.bytes("salt"), info: __host.bytes("info") }, ikm, 336)));
  const password = await crypto.subtle.importKey("raw", bytes, "PBKDF2", false, ["deriveBits"]);
  assert.equal(out.pbkdf2, hex(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: __host.bytes("salt"), iterations: 10 }, password, 256)));
  assert.equal(out.scrypt.length, 64);
  assert.equal(out.random, 16);
});
