// crypto: W3C Web Cryptography API Level 2. Values from FIPS 180-4, RFC 4231, 5869, 6070, 6979, 7748, 8032, the GCM specification.

const hex = (data) => new Uint8Array(data).toHex();
const unhex = (text) => Uint8Array.fromHex(text);
const utf8 = (text) => new TextEncoder().encode(text);
const { subtle } = crypto;

test("digest: all hashes, names in any case, every kind of buffer", async () => {
  for (const [name, expected] of [["SHA-1", "a9993e364706816aba3e25717850c26c9cd0d89d"], ["sha-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [{ name: "SHA-384" }, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"],
    ["SHA-512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"]]) {
    assert.equal(hex(await subtle.digest(name, utf8("abc"))), expected);
  }
  const padded = utf8("xabcx");
  assert.equal(hex(await subtle.digest("SHA-1", padded.subarray(1, 4))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  assert.equal(hex(await subtle.digest("SHA-1", new DataView(padded.buffer, 1, 3))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  assert((await subtle.digest("SHA-1", new ArrayBuffer(0))) instanceof ArrayBuffer);
  await assert.rejects(subtle.digest("MD5", utf8("")), "NotSupportedError");
  await assert.rejects(subtle.digest({}, utf8("")), TypeError);
  await assert.rejects(subtle.digest("SHA-1", "abc"), TypeError);
  await assert.rejects(subtle.digest("SHA-1"), TypeError);
});

test("the data is copied when the operation begins, and stays transferable", async () => {
  const data = utf8("abc");
  const promise = subtle.digest("SHA-1", data);
  data[0] = 0;
  assert.equal(hex(await promise), "a9993e364706816aba3e25717850c26c9cd0d89d");
  data.buffer.transfer();
  assert(data.buffer.detached);
});

test("getRandomValues fills integer arrays up to 65536 bytes", () => {
  const a = new Uint8Array(64);
  assert.equal(crypto.getRandomValues(a), a);
  assert(a.some((b) => b !== 0));
  const part = new Uint8Array(32);
  crypto.getRandomValues(part.subarray(8, 24));
  assert(part.slice(0, 8).every((b) => b === 0) && part.slice(24).every((b) => b === 0));
  crypto.getRandomValues(new BigInt64Array(2));
  crypto.getRandomValues(new Uint8Array(65536));
  crypto.getRandomValues(new Uint8Array(0));
  assert.throws(() => crypto.getRandomValues(new Uint8Array(65537)), "QuotaExceededError");
  assert.throws(() => crypto.getRandomValues(new Float32Array(1)), "TypeMismatchError");
  assert.throws(() => crypto.getRandomValues(new DataView(new ArrayBuffer(1))), "TypeMismatchError");
  assert.throws(() => crypto.getRandomValues([1]), TypeError);
  a.buffer.transfer();
});

test("randomUUID is version 4", () => {
  for (let i = 0; i < 20; i++) assert.match(crypto.randomUUID(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert(crypto.randomUUID() !== crypto.randomUUID());
});

test("HMAC: RFC 4231, verify, wrong MAC, usages", async () => {
  const key = await subtle.importKey("raw", utf8("Jefe"), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
  assert.deepEqual(key.algorithm, { name: "HMAC", hash: { name: "SHA-256" }, length: 32 });
  assert.deepEqual([key.type, key.extractable, key.usages], ["secret", false, ["sign", "verify"]]);
  const mac = await subtle.sign("HMAC", key, utf8("what do ya want for nothing?"));
  assert.equal(hex(mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  assert.equal(await subtle.verify("hmac", key, mac, utf8("what do ya want for nothing?")), true);
  assert.equal(await subtle.verify("HMAC", key, mac, utf8("x")), false);
  assert.equal(await subtle.verify("HMAC", key, mac.slice(1), utf8("x")), false);
  await assert.rejects(subtle.exportKey("raw", key), "InvalidAccessError");
  const signer = await subtle.importKey("raw", utf8("k"), { name: "HMAC", hash: { name: "SHA-1" } }, true, ["sign"]);
  await assert.rejects(subtle.verify("HMAC", signer, mac, mac), "InvalidAccessError");
  await assert.rejects(subtle.sign("AES-GCM", signer, mac), "NotSupportedError");
  await assert.rejects(subtle.sign("ECDSA", signer, mac), TypeError);
  await assert.rejects(subtle.importKey("raw", utf8("k"), { name: "HMAC", hash: "SHA-256" }, true, []), "SyntaxError");
  await assert.rejects(subtle.importKey("raw", utf8("k"), { name: "HMAC", hash: "SHA-256" }, true, ["encrypt"]), "SyntaxError");
  await assert.rejects(subtle.importKey("raw", utf8("k"), { name: "HMAC", hash: "SHA-256" }, true, ["fly"]), TypeError);
  await assert.rejects(subtle.importKey("raw", utf8("k"), "HMAC", true, ["sign"]), TypeError);
  await assert.rejects(subtle.importKey("raw", new Uint8Array(0), { name: "HMAC", hash: "SHA-256" }, true, ["sign"]), "DataError");
});

test("HMAC and AES keys as JWK", async () => {
  const jwk = { kty: "oct", k: "SmVmZQ", alg: "HS256", ext: true, key_ops: ["sign"], use: "sig" };
  const key = await subtle.importKey("jwk", jwk, { name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
  assert.deepEqual(await subtle.exportKey("jwk", key), { kty: "oct", k: "SmVmZQ", alg: "HS256", key_ops: ["sign"], ext: true });
  for (const wrong of [{ kty: "EC" }, { k: "a+b" }, { k: undefined }, { alg: "HS512" }, { ext: false }, { key_ops: ["verify"] }, { key_ops: ["sign", "sign"] }, { use: "enc" }]) {
    await assert.rejects(subtle.importKey("jwk", { ...jwk, ...wrong }, { name: "HMAC", hash: "SHA-256" }, true, ["sign"]), "DataError");
  }
  await assert.rejects(subtle.importKey("jwk", utf8("x"), { name: "HMAC", hash: "SHA-256" }, true, ["sign"]), TypeError);
  const aes = await subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt", "decrypt"]);
  const out = await subtle.exportKey("jwk", aes);
  assert.deepEqual([out.kty, out.alg, out.k.length, out.key_ops], ["oct", "A256GCM", 43, ["encrypt", "decrypt"]]);
});

test("HMAC generateKey: default and given lengths", async () => {
  const key = await subtle.generateKey({ name: "HMAC", hash: "SHA-512" }, true, ["sign"]);
  assert.equal(key.algorithm.length, 1024);
  assert.equal((await subtle.exportKey("raw", key)).byteLength, 128);
  const odd = await subtle.generateKey({ name: "HMAC", hash: "SHA-1", length: 13 }, true, ["sign"]);
  const raw = new Uint8Array(await subtle.exportKey("raw", odd));
  assert.deepEqual([raw.length, raw[1] & 7], [2, 0]);
  await assert.rejects(subtle.generateKey({ name: "HMAC", hash: "SHA-1", length: 0 }, true, ["sign"]), "OperationError");
  await assert.rejects(subtle.generateKey({ name: "HMAC", hash: "SHA-1" }, true, []), "SyntaxError");
});

test("AES-GCM: the specification's case 4, tags, tampering", async () => {
  const key = await subtle.importKey("raw", unhex("feffe9928665731c6d6a8f9467308308"), "AES-GCM", false, ["encrypt", "decrypt"]);
  const iv = unhex("cafebabefacedbaddecaf888");
  const additionalData = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const plain = unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  const sealed = await subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, plain);
  assert.equal(hex(sealed), "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47");
  assert.equal(hex(await subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, sealed)), hex(plain));
  const changed = sealed.slice(0);
  new Uint8Array(changed)[0] ^= 1;
  for (const bad of [changed, sealed.slice(1), new ArrayBuffer(3), new ArrayBuffer(0)]) {
    await assert.rejects(subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, bad), "OperationError");
  }
  await assert.rejects(subtle.decrypt({ name: "AES-GCM", iv }, key, sealed), "OperationError");
  const short = await subtle.encrypt({ name: "AES-GCM", iv, tagLength: 96 }, key, new Uint8Array(0));
  assert.equal(short.byteLength, 12);
  assert.equal((await subtle.decrypt({ name: "AES-GCM", iv, tagLength: 96 }, key, short)).byteLength, 0);
  for (const tagLength of [32, 64, 129, 100]) await assert.rejects(subtle.encrypt({ name: "AES-GCM", iv, tagLength }, key, plain), "OperationError");
  await assert.rejects(subtle.encrypt({ name: "AES-GCM" }, key, plain), TypeError);
  await assert.rejects(subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(0) }, key, plain), "OperationError");
});

test("AES-GCM keys: lengths and usages", async () => {
  for (const length of [128, 192, 256]) {
    const key = await subtle.generateKey({ name: "AES-GCM", length }, true, ["encrypt"]);
    assert.deepEqual([key.algorithm.length, (await subtle.exportKey("raw", key)).byteLength], [length, length / 8]);
    await assert.rejects(subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, new Uint8Array(16)), "InvalidAccessError");
  }
  await assert.rejects(subtle.generateKey({ name: "AES-GCM", length: 64 }, true, ["encrypt"]), "OperationError");
  await assert.rejects(subtle.importKey("raw", new Uint8Array(15), "AES-GCM", true, ["encrypt"]), "DataError");
  await assert.rejects(subtle.importKey("pkcs8", new Uint8Array(16), "AES-GCM", true, ["encrypt"]), "NotSupportedError");
  await assert.rejects(subtle.importKey("hex", new Uint8Array(16), "AES-GCM", true, ["encrypt"]), TypeError);
  await assert.rejects(subtle.generateKey({ name: "AES-CBC", length: 128 }, true, ["encrypt"]), "NotSupportedError");
});

test("HKDF: RFC 5869 case 1; PBKDF2: RFC 6070", async () => {
  const ikm = await subtle.importKey("raw", new Uint8Array(22).fill(11), "HKDF", false, ["deriveBits", "deriveKey"]);
  const bits = await subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: unhex("000102030405060708090a0b0c"), info: unhex("f0f1f2f3f4f5f6f7f8f9") }, ikm, 336);
  assert.equal(hex(bits), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  const none = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: new Uint8Array(0) };
  await assert.rejects(subtle.deriveBits(none, ikm, 255 * 256 + 8), "OperationError");
  await assert.rejects(subtle.deriveBits(none, ikm, 12), "OperationError");
  await assert.rejects(subtle.deriveBits(none, ikm), "OperationError");
  const password = await subtle.importKey("raw", utf8("password"), "PBKDF2", false, ["deriveBits", "deriveKey"]);
  for (const [iterations, expected] of [[1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"], [4096, "4b007901b765489abead49d926f721d065a429c1"]]) {
    assert.equal(hex(await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-1", salt: utf8("salt"), iterations }, password, 160)), expected);
  }
  await assert.rejects(subtle.deriveBits({ name: "PBKDF2", hash: "SHA-1", salt: utf8("s"), iterations: 0 }, password, 160), "OperationError");
  const derived = await subtle.deriveKey({ name: "PBKDF2", hash: "SHA-256", salt: utf8("s"), iterations: 10 }, password, { name: "AES-GCM", length: 256 }, true, ["encrypt"]);
  assert.equal(derived.algorithm.length, 256);
  const mac = await subtle.deriveKey(none, ikm, { name: "HMAC", hash: "SHA-384" }, true, ["sign"]);
  assert.equal(mac.algorithm.length, 1024);
  await assert.rejects(subtle.importKey("raw", utf8("x"), "PBKDF2", true, ["deriveBits"]), "SyntaxError");
});

test("ECDSA P-256: RFC 6979's signature verifies; own ones do; changed ones do not", async () => {
  const x = "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6";
  const y = "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";
  const publicKey = await subtle.importKey("raw", unhex(`04${x}${y}`), { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]);
  const sig = unhex("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8");
  const algorithm = { name: "ECDSA", hash: "SHA-256" };
  assert.equal(await subtle.verify(algorithm, publicKey, sig, utf8("sample")), true);
  assert.equal(await subtle.verify(algorithm, publicKey, sig, utf8("Sample")), false);
  assert.equal(await subtle.verify({ name: "ECDSA", hash: "SHA-512" }, publicKey, sig, utf8("sample")), false);
  assert.equal(await subtle.verify(algorithm, publicKey, sig.subarray(1), utf8("sample")), false);
  const pair = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const own = await subtle.sign(algorithm, pair.privateKey, utf8("m"));
  assert.equal(own.byteLength, 64);
  assert.equal(await subtle.verify(algorithm, pair.publicKey, own, utf8("m")), true);
  assert.deepEqual([pair.publicKey.extractable, pair.privateKey.extractable, pair.publicKey.usages, pair.privateKey.usages], [true, false, ["verify"], ["sign"]]);
  assert.deepEqual(pair.privateKey.algorithm, { name: "ECDSA", namedCurve: "P-256" });
  await assert.rejects(subtle.sign(algorithm, pair.publicKey, own), "InvalidAccessError");
  await assert.rejects(subtle.exportKey("pkcs8", pair.privateKey), "InvalidAccessError");
  await assert.rejects(subtle.generateKey({ name: "ECDSA", namedCurve: "P-521" }, true, ["sign"]), "NotSupportedError");
  await assert.rejects(subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]), "SyntaxError");
  await assert.rejects(subtle.importKey("raw", unhex(`04${x}${x}`), { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]), "DataError");
});

test("key pairs of every kind travel through raw, spki, pkcs8 and jwk", async () => {
  for (const [algorithm, privateUses, publicUses] of [[{ name: "ECDSA", namedCurve: "P-256" }, ["sign"], ["verify"]], [{ name: "ECDH", namedCurve: "P-256" }, ["deriveBits"], []], [{ name: "Ed25519" }, ["sign"], ["verify"]], [{ name: "X25519" }, ["deriveBits"], []]]) {
    const { privateKey, publicKey } = await subtle.generateKey(algorithm, true, [...privateUses, ...publicUses]);
    for (const format of ["raw", "spki", "jwk"]) {
      const data = await subtle.exportKey(format, publicKey);
      const again = await subtle.importKey(format, data, algorithm, true, publicUses);
      assert.deepEqual(format === "jwk" ? await subtle.exportKey(format, again) : hex(await subtle.exportKey(format, again)), format === "jwk" ? data : hex(data));
      assert.equal(again.type, "public");
    }
    for (const format of ["pkcs8", "jwk"]) {
      const data = await subtle.exportKey(format, privateKey);
      const again = await subtle.importKey(format, data, algorithm, true, privateUses);
      assert.equal(again.type, "private");
      const pkcs8 = await subtle.exportKey("pkcs8", again);
      assert.equal(hex(pkcs8), hex(await subtle.exportKey("pkcs8", privateKey)));
      await assert.rejects(subtle.importKey(format, data, algorithm, true, []), "SyntaxError");
    }
    await assert.rejects(subtle.exportKey("raw", privateKey), "InvalidAccessError");
    await assert.rejects(subtle.exportKey("pkcs8", publicKey), "InvalidAccessError");
    await assert.rejects(subtle.importKey("spki", new Uint8Array(10), algorithm, true, publicUses), "DataError");
    const jwk = await subtle.exportKey("jwk", privateKey);
    await assert.rejects(subtle.importKey("jwk", { ...jwk, crv: "P-384" }, algorithm, true, privateUses), "DataError");
    await assert.rejects(subtle.importKey("jwk", { ...jwk, x: "AA" }, algorithm, true, privateUses), "DataError");
    await assert.rejects(subtle.importKey("jwk", { ...jwk, kty: "RSA" }, algorithm, true, privateUses), "DataError");
  }
});

test("Ed25519: RFC 8032 test 2", async () => {
  const d = unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  const x = unhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const url = (b) => b.toBase64({ alphabet: "base64url", omitPadding: true });
  const key = await subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", d: url(d), x: url(x) }, "Ed25519", false, ["sign"]);
  const sig = await subtle.sign("Ed25519", key, unhex("72"));
  assert.equal(hex(sig), "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  const pub = await subtle.importKey("raw", x, { name: "ed25519" }, true, ["verify"]);
  assert.equal(await subtle.verify("Ed25519", pub, sig, unhex("72")), true);
  assert.equal(await subtle.verify("Ed25519", pub, sig, unhex("73")), false);
  await assert.rejects(subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", d: url(d), x: url(d) }, "Ed25519", false, ["sign"]), "DataError");
});

test("X25519 and ECDH agree, RFC 7748's value included", async () => {
  const bob = await subtle.importKey("pkcs8", unhex(`302e020100300506032b656e042204205dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb`), "X25519", false, ["deriveBits"]);
  const alice = await subtle.importKey("raw", unhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"), "X25519", true, []);
  assert.equal(hex(await subtle.deriveBits({ name: "X25519", public: alice }, bob, 256)), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  for (const algorithm of [{ name: "X25519" }, { name: "ECDH", namedCurve: "P-256" }]) {
    const a = await subtle.generateKey(algorithm, false, ["deriveBits", "deriveKey"]);
    const b = await subtle.generateKey(algorithm, false, ["deriveBits", "deriveKey"]);
    const ab = await subtle.deriveBits({ name: algorithm.name, public: b.publicKey }, a.privateKey, 256);
    const ba = await subtle.deriveBits({ name: algorithm.name, public: a.publicKey }, b.privateKey, null);
    assert.equal(hex(ab), hex(ba));
    assert.equal(hex(await subtle.deriveBits({ name: algorithm.name, public: b.publicKey }, a.privateKey, 128)), hex(ab).slice(0, 32));
    await assert.rejects(subtle.deriveBits({ name: algorithm.name, public: b.publicKey }, a.privateKey, 264), "OperationError");
    await assert.rejects(subtle.deriveBits({ name: algorithm.name, public: b.privateKey }, a.privateKey, 256), "InvalidAccessError");
    await assert.rejects(subtle.deriveBits({ name: algorithm.name }, a.privateKey, 256), TypeError);
    const key = await subtle.deriveKey({ name: algorithm.name, public: b.publicKey }, a.privateKey, { name: "AES-GCM", length: 256 }, true, ["encrypt"]);
    assert.equal(hex(await subtle.exportKey("raw", key)), hex(ab));
  }
});

test("wrapKey and unwrapKey with AES-GCM", async () => {
  const wrapper = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["wrapKey", "unwrapKey"]);
  const key = await subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
  const algorithm = { name: "AES-GCM", iv: new Uint8Array(12) };
  for (const format of ["raw", "jwk"]) {
    const wrapped = await subtle.wrapKey(format, key, wrapper, algorithm);
    const back = await subtle.unwrapKey(format, wrapped, wrapper, algorithm, { name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
    assert.equal(hex(await subtle.exportKey("raw", back)), hex(await subtle.exportKey("raw", key)));
  }
  const fixed = await subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  await assert.rejects(subtle.wrapKey("raw", fixed, wrapper, algorithm), "InvalidAccessError");
});

test("keys cannot be made or forged by a phat, and their attributes are its own copy", async () => {
  assert.throws(() => new CryptoKey(), TypeError);
  assert.throws(() => new Crypto(), TypeError);
  assert.throws(() => new SubtleCrypto(), TypeError);
  const key = await subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt"]);
  key.algorithm.name = "HMAC";
  key.usages.push("decrypt");
  key.algorithm.length = 8;
  await assert.rejects(subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, new Uint8Array(16)), "InvalidAccessError");
  await subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, new Uint8Array(1));
  await assert.rejects(subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, Object.create(CryptoKey.prototype), new Uint8Array(1)), TypeError);
  await assert.rejects(SubtleCrypto.prototype.digest.call({}, "SHA-1", new Uint8Array(1)), TypeError);
  assert.equal(String(key), "[object CryptoKey]");
});

test("the bytes of a key that is not extractable do not pass through what a phat can replace", async () => {
  const secret = new Uint8Array(32).fill(0xa5);
  const key = await subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
  const aes = await subtle.importKey("raw", secret, "AES-GCM", false, ["encrypt"]);
  const seen = [];
  const watch = (owner, name) => {
    const original = owner[name];
    owner[name] = function (...args) {
      if (this instanceof Uint8Array && this.length === 32 && this[0] === 0xa5 && this[31] === 0xa5) seen.push(String(name));
      for (let i = 0; i < args.length; i++) if (args[i] instanceof Uint8Array && args[i].length === 32 && args[i][0] === 0xa5) seen.push(String(name));
      if (Array.isArray(this)) for (let i = 0; i < this.length; i++) if (this[i] instanceof Uint8Array && this[i].length === 32 && this[i][0] === 0xa5) seen.push(String(name));
      return Reflect.apply(original, this, args);
    };
    return () => {
      owner[name] = original;
    };
  };
  const typed = Object.getPrototypeOf(Uint8Array.prototype);
  const undo = [watch(typed, "slice"), watch(typed, "set"), watch(typed, Symbol.iterator), watch(Array.prototype, Symbol.iterator), watch(Function.prototype, "call")];
  try {
    await subtle.sign("HMAC", key, new Uint8Array(1));
    await subtle.verify("HMAC", key, new Uint8Array(32), new Uint8Array(1));
    await subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, aes, new Uint8Array(1));
  } finally {
    for (let i = 0; i < undo.length; i++) undo[i]();
  }
  assert.deepEqual(seen, []);
});
