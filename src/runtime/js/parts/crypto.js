// crypto: getRandomValues, randomUUID and subtle (W3C Web Cryptography API Level 2, and the Secure Curves it took in),
// for SHA-1/256/384/512, HMAC, AES-GCM, ECDSA and ECDH over P-256, Ed25519, X25519, HKDF, PBKDF2.

export default function (I) {
  const { N, kMake, webClass, isBytes, copyBytes, exception } = I;

  // A failure of the native has the name of the DOMException it stands for. The arguments are named, since spreading a
  // list of them would show key bytes to whoever replaced the array iterator.
  function native(op, a, b, c, d, e) {
    try {
      return N.crypto(op, a, b, c, d, e);
    } catch (error) {
      if (error instanceof Error && error.name.endsWith("Error") && error.name !== "TypeError" && error.name !== "RangeError") {
        throw exception(error.message, error.name);
      }
      throw error;
    }
  }

  // Bytes that a native made lie in a buffer that cannot be detached: the phat gets one that can.
  const fresh = (bytes) => bytes.slice().buffer;

  const kHashes = { "SHA-1": 512, "SHA-256": 512, "SHA-384": 1024, "SHA-512": 1024 };
  const kNames = ["SHA-1", "SHA-256", "SHA-384", "SHA-512", "HMAC", "AES-GCM", "ECDSA", "ECDH", "Ed25519", "X25519", "HKDF", "PBKDF2"];
  const byUpper = new Map(kNames.map((name) => [name.toUpperCase(), name]));
  const kUsages = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];

  // What each operation knows (§18.4), and what it is called in errors.
  const kSupport = {
    digest: ["SHA-1", "SHA-256", "SHA-384", "SHA-512"],
    sign: ["HMAC", "ECDSA", "Ed25519"],
    verify: ["HMAC", "ECDSA", "Ed25519"],
    encrypt: ["AES-GCM"],
    decrypt: ["AES-GCM"],
    wrapKey: ["AES-GCM"],
    unwrapKey: ["AES-GCM"],
    deriveBits: ["ECDH", "X25519", "HKDF", "PBKDF2"],
    generateKey: ["HMAC", "AES-GCM", "ECDSA", "ECDH", "Ed25519", "X25519"],
    importKey: ["HMAC", "AES-GCM", "ECDSA", "ECDH", "Ed25519", "X25519", "HKDF", "PBKDF2"],
    length: ["HMAC", "AES-GCM", "HKDF", "PBKDF2"],
  };

  const unsupported = (message) => exception(message, "NotSupportedError");

  /** "normalize an algorithm": an object whose name is exact, with the caller's other members. */
  function normalize(op, algorithm) {
    const given = typeof algorithm === "string" ? { name: algorithm } : algorithm;
    if (typeof given !== "object" || given === null || given.name === undefined) {
      throw new TypeError("crypto.subtle: the algorithm is neither a string nor an object with a name");
    }
    const name = byUpper.get(`${given.name}`.toUpperCase());
    if (name === undefined || !kSupport[op].includes(name)) throw unsupported(`${given.name} is not supported for ${op}`);
    return { ...given, name };
  }

  function hashOf(algorithm) {
    if (algorithm.hash === undefined) throw new TypeError(`crypto.subtle: ${algorithm.name} needs the member hash`);
    return normalize("digest", algorithm.hash).name;
  }

  function bytesOf(value, what) {
    if (!isBytes(value)) throw new TypeError(`crypto.subtle: ${what} is neither an ArrayBuffer nor a view of one`);
    return copyBytes(value);
  }

  function integer(value, what, max = 0xffffffff) {
    const n = Number(value);
    if (!Number.isFinite(n) || Math.trunc(n) < 0 || Math.trunc(n) > max) throw new TypeError(`crypto.subtle: ${what} is not an integer from 0 to ${max}`);
    return Math.trunc(n);
  }

  function usagesOf(usages) {
    if (typeof usages !== "object" || usages === null || typeof usages[Symbol.iterator] !== "function") {
      throw new TypeError("crypto.subtle: the key usages are not a sequence");
    }
    const list = [...usages];
    for (const usage of list) {
      if (!kUsages.includes(usage)) throw new TypeError(`crypto.subtle: ${JSON.stringify(`${usage}`)} is no key usage`);
    }
    return kUsages.filter((usage) => list.includes(usage));
  }

  function onlyUsages(usages, allowed, name) {
    for (const usage of usages) {
      if (!allowed.includes(usage)) throw exception(`A key for ${name} of this kind cannot ${usage}`, "SyntaxError");
    }
  }

  let slots;
  let isKey;

  class CryptoKey {
    #s;

    constructor(mark, s) {
      if (mark !== kMake) throw new TypeError("Illegal constructor");
      this.#s = s;
    }

    static {
      slots = (key) => key.#s;
      isKey = (value) => typeof value === "object" && value !== null && #s in value;
    }

    get type() {
      return this.#s.type;
    }

    get extractable() {
      return this.#s.extractable;
    }

    get algorithm() {
      return (this.#s.shownAlgorithm ??= structured(this.#s.algorithm));
    }

    get usages() {
      return (this.#s.shownUsages ??= [...this.#s.usages]);
    }
  }
  webClass(CryptoKey);

  const structured = (algorithm) => (algorithm.hash === undefined ? { ...algorithm } : { ...algorithm, hash: { ...algorithm.hash } });

  // `secret`: the bytes of a symmetric key; `handle`: an asymmetric key in C.
  function makeKey(type, algorithm, extractable, usages, material) {
    return new CryptoKey(kMake, { type, algorithm, extractable: Boolean(extractable), usages, shownAlgorithm: undefined, shownUsages: undefined, ...material });
  }

  function needKey(key, what = "the key") {
    if (!isKey(key)) throw new TypeError(`crypto.subtle: ${what} is not a CryptoKey`);
    return slots(key);
  }

  /** The slots of a key that may do this with this algorithm. */
  function useKey(key, name, usage) {
    const s = needKey(key);
    if (s.algorithm.name !== name) throw exception(`The key is for ${s.algorithm.name}, not for ${name}`, "InvalidAccessError");
    if (!s.usages.includes(usage)) throw exception(`The key's usages do not include ${usage}`, "InvalidAccessError");
    return s;
  }

  const needType = (s, type) => {
    if (s.type !== type) throw exception(`The key is ${s.type}, not ${type}`, "InvalidAccessError");
  };

  // --- the algorithms ---

  const kPairUsages = {
    ECDSA: { private: ["sign"], public: ["verify"] },
    Ed25519: { private: ["sign"], public: ["verify"] },
    ECDH: { private: ["deriveKey", "deriveBits"], public: [] },
    X25519: { private: ["deriveKey", "deriveBits"], public: [] },
  };
  const isCurve = (name) => name === "ECDSA" || name === "ECDH";

  function pairAlgorithm(algorithm) {
    const { name } = algorithm;
    if (!isCurve(name)) return { name };
    if (algorithm.namedCurve === undefined) throw new TypeError(`crypto.subtle: ${name} needs the member namedCurve`);
    if (`${algorithm.namedCurve}` !== "P-256") throw unsupported(`The curve ${algorithm.namedCurve} is not supported`);
    return { name, namedCurve: "P-256" };
  }

  const kSecretUsages = {
    HMAC: ["sign", "verify"],
    "AES-GCM": ["encrypt", "decrypt", "wrapKey", "unwrapKey"],
    HKDF: ["deriveKey", "deriveBits"],
    PBKDF2: ["deriveKey", "deriveBits"],
  };

  function aesLength(value) {
    const length = integer(value, "length", 0xffff);
    if (length !== 128 && length !== 192 && length !== 256) throw exception(`An AES key has 128, 192 or 256 bits, not ${length}`, "OperationError");
    return length;
  }

  function generate(algorithm, extractable, usages) {
    const { name } = algorithm;
    const pair = kPairUsages[name];
    if (pair !== undefined) {
      const kept = pairAlgorithm(algorithm);
      onlyUsages(usages, [...pair.private, ...pair.public], name);
      const handle = native("generate", name);
      const own = usages.filter((u) => pair.private.includes(u));
      if (own.length === 0) throw exception("The private key would have no usage", "SyntaxError");
      return {
        publicKey: makeKey("public", kept, true, usages.filter((u) => pair.public.includes(u)), { handle: native("public", handle) }),
        privateKey: makeKey("private", kept, extractable, own, { handle }),
      };
    }
    onlyUsages(usages, kSecretUsages[name], name);
    let length;
    let kept;
    if (name === "HMAC") {
      const hash = hashOf(algorithm);
      length = algorithm.length === undefined ? kHashes[hash] : integer(algorithm.length, "length");
      if (length === 0) throw exception("An HMAC key of no bits", "OperationError");
      kept = { name, hash: { name: hash }, length };
    } else {
      length = aesLength(algorithm.length);
      kept = { name, length };
    }
    if (usages.length === 0) throw exception("The key would have no usage", "SyntaxError");
    const secret = N.random(new Uint8Array(Math.ceil(length / 8)));
    if (length % 8 !== 0) secret[secret.length - 1] &= 0xff << (8 - (length % 8));
    return makeKey("secret", kept, extractable, usages, { secret });
  }

  // JSON Web Keys (RFC 7517, 7518, 8037).
  const kBase64Url = /^[A-Za-z0-9_-]*$/;

  function fromBase64Url(value, what) {
    if (typeof value !== "string" || !kBase64Url.test(value)) throw exception(`The JWK's ${what} is not base64url`, "DataError");
    const bytes = N.base64Decode(value.replaceAll("-", "+").replaceAll("_", "/"));
    if (bytes === null) throw exception(`The JWK's ${what} is not base64url`, "DataError");
    return bytes;
  }

  const toBase64Url = (bytes) => N.base64Encode(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

  function checkJwk(jwk, kty, use, alg, extractable, usages) {
    const bad = (what) => exception(`The JWK's ${what} does not fit`, "DataError");
    if (jwk.kty !== kty) throw bad("kty");
    if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) throw bad("use");
    if (jwk.key_ops !== undefined) {
      const ops = [...jwk.key_ops];
      if (new Set(ops).size !== ops.length || !usages.every((u) => ops.includes(u))) throw bad("key_ops");
    }
    if (jwk.ext === false && extractable) throw bad("ext");
    if (jwk.alg !== undefined && alg !== null && jwk.alg !== alg) throw bad("alg");
  }

  function importPair(format, data, algorithm, extractable, usages) {
    const { name } = algorithm;
    const kept = pairAlgorithm(algorithm);
    const allowed = kPairUsages[name];
    let handle;
    let type;
    if (format === "jwk") {
      type = data.d === undefined ? "public" : "private";
      onlyUsages(usages, allowed[type], name);
      const use = name === "ECDSA" || name === "Ed25519" ? "sig" : "enc";
      const alg = name === "ECDSA" ? "ES256" : null;
      checkJwk(data, isCurve(name) ? "EC" : "OKP", use, alg, extractable && type === "private", usages);
      if (name === "Ed25519" && data.alg !== undefined && data.alg !== "Ed25519" && data.alg !== "EdDSA") {
        throw exception("The JWK's alg does not fit", "DataError");
      }
      if (data.crv !== (kept.namedCurve ?? name)) throw exception("The JWK's crv does not fit", "DataError");
      handle = native("import", name, "jwk", fromBase64Url(data.x, "x"), isCurve(name) ? fromBase64Url(data.y, "y") : null,
        type === "private" ? fromBase64Url(data.d, "d") : null);
    } else if (format === "raw" || format === "spki" || format === "pkcs8") {
      type = format === "pkcs8" ? "private" : "public";
      onlyUsages(usages, allowed[type], name);
      handle = native("import", name, format, data);
    } else {
      throw unsupported(`The format ${format} is not supported for ${name}`);
    }
    if (type === "private" && usages.length === 0) throw exception("The private key would have no usage", "SyntaxError");
    return makeKey(type, kept, extractable, usages, { handle });
  }

  function importSecret(format, data, algorithm, extractable, usages) {
    const { name } = algorithm;
    const kdf = name === "HKDF" || name === "PBKDF2";
    onlyUsages(usages, kSecretUsages[name], name);
    if (kdf && format !== "raw") throw unsupported(`The format ${format} is not supported for ${name}`);
    if (kdf && extractable) throw exception(`A key for ${name} is not extractable`, "SyntaxError");
    const hash = name === "HMAC" ? hashOf(algorithm) : null;
    let secret;
    if (format === "raw") {
      secret = data;
    } else if (format === "jwk") {
      if (data.kty !== "oct") throw exception("The JWK's kty does not fit", "DataError");
      secret = fromBase64Url(data.k, "k");
      const alg = hash !== null ? `HS${hash.slice(4)}` : `A${secret.length * 8}GCM`;
      checkJwk(data, "oct", hash !== null ? "sig" : "enc", alg, extractable, usages);
    } else {
      throw unsupported(`The format ${format} is not supported for ${name}`);
    }
    let kept = { name };
    if (name === "AES-GCM") {
      if (![16, 24, 32].includes(secret.length)) throw exception("An AES key has 128, 192 or 256 bits", "DataError");
      kept = { name, length: secret.length * 8 };
    } else if (name === "HMAC") {
      let length = secret.length * 8;
      if (length === 0) throw exception("An HMAC key of no bits", "DataError");
      if (algorithm.length !== undefined) {
        const given = integer(algorithm.length, "length");
        if (given > length || given <= length - 8) throw exception("The length does not fit the HMAC key", "DataError");
        length = given;
        if (length % 8 !== 0) secret[secret.length - 1] &= 0xff << (8 - (length % 8));
      }
      kept = { name, hash: { name: hash }, length };
    }
    if (usages.length === 0) throw exception("The key would have no usage", "SyntaxError");
    return makeKey("secret", kept, extractable, usages, { secret });
  }

  function importKey(format, data, algorithm, extractable, usages) {
    return kPairUsages[algorithm.name] !== undefined
      ? importPair(format, data, algorithm, extractable, usages)
      : importSecret(format, data, algorithm, extractable, usages);
  }

  const kFormats = ["raw", "spki", "pkcs8", "jwk", "raw-secret", "raw-public"];

  function formatOf(format) {
    const text = `${format}`;
    if (!kFormats.includes(text)) throw new TypeError(`crypto.subtle: ${JSON.stringify(text)} is no key format`);
    return text.startsWith("raw") ? "raw" : text;
  }

  function keyData(format, data) {
    if (format !== "jwk") return bytesOf(data, "the key data");
    if (typeof data !== "object" || data === null || isBytes(data)) throw new TypeError("crypto.subtle: the key data is not a JsonWebKey");
    return data;
  }

  function exportSecret(format, s) {
    const { name } = s.algorithm;
    if (name === "HKDF" || name === "PBKDF2") throw unsupported(`A key for ${name} cannot be exported`);
    if (format === "raw") return s.secret.slice().buffer;
    if (format !== "jwk") throw unsupported(`The format ${format} is not supported for ${name}`);
    const alg = name === "HMAC" ? `HS${s.algorithm.hash.name.slice(4)}` : `A${s.algorithm.length}GCM`;
    return { kty: "oct", k: toBase64Url(s.secret), alg, key_ops: [...s.usages], ext: s.extractable };
  }

  function exportPair(format, s) {
    const { name } = s.algorithm;
    if (format === "jwk") {
      const parts = native("export", s.handle, "jwk");
      const jwk = isCurve(name) ? { kty: "EC", crv: "P-256" } : { kty: "OKP", crv: name };
      if (name === "Ed25519") jwk.alg = "Ed25519";
      jwk.x = toBase64Url(parts.slice(0, 32));
      if (isCurve(name)) jwk.y = toBase64Url(parts.slice(32, 64));
      if (s.type === "private") jwk.d = toBase64Url(parts.slice(64, 96));
      jwk.key_ops = [...s.usages];
      jwk.ext = s.extractable;
      return jwk;
    }
    needType(s, format === "pkcs8" ? "private" : "public");
    return fresh(native("export", s.handle, format));
  }

  function exportKey(format, key) {
    const s = needKey(key);
    if (!s.extractable) throw exception("The key is not extractable", "InvalidAccessError");
    return s.handle === undefined ? exportSecret(format, s) : exportPair(format, s);
  }

  function gcmParams(algorithm) {
    const iv = bytesOf(algorithm.iv, "iv");
    const aad = algorithm.additionalData === undefined ? null : bytesOf(algorithm.additionalData, "additionalData");
    const tag = algorithm.tagLength === undefined ? 128 : integer(algorithm.tagLength, "tagLength", 255);
    if (![96, 104, 112, 120, 128].includes(tag)) throw exception(`A tag of ${tag} bits is not supported: use 96, 104, 112, 120 or 128`, "OperationError");
    return [iv, aad, tag];
  }

  function encrypt(algorithm, s, data) {
    const [iv, aad, tag] = gcmParams(algorithm);
    return fresh(native("gcmSeal", s.secret, iv, aad, data, tag));
  }

  function decrypt(algorithm, s, data) {
    const [iv, aad, tag] = gcmParams(algorithm);
    const plain = native("gcmOpen", s.secret, iv, aad, data, tag);
    if (plain === null) throw exception("The ciphertext, its tag, the iv or the additional data was changed", "OperationError");
    return fresh(plain);
  }

  // `usage` is the one that the caller's method needs: deriveKey is deriveBits under its own name.
  function deriveBits(algorithm, key, length, usage) {
    const { name } = algorithm;
    const s = useKey(key, name, usage);
    if (name === "ECDH" || name === "X25519") {
      needType(s, "private");
      const peer = needKey(algorithm.public, "the member public");
      needType(peer, "public");
      if (peer.algorithm.name !== name) throw exception("The public key is for another algorithm", "InvalidAccessError");
      const shared = native("derive", s.handle, peer.handle, 256);
      if (length === null) return shared;
      if (length > 256) throw exception("There are only 256 bits to derive", "OperationError");
      const bits = shared.slice(0, Math.ceil(length / 8));
      if (length % 8 !== 0) bits[bits.length - 1] &= 0xff << (8 - (length % 8));
      return bits;
    }
    const hash = hashOf(algorithm);
    const salt = bytesOf(algorithm.salt, "salt");
    if (name === "HKDF") {
      const info = bytesOf(algorithm.info, "info");
      if (length === null || length % 8 !== 0) throw exception("HKDF derives a whole number of bytes", "OperationError");
      return native("hkdf", hash, s.secret, salt, info, length);
    }
    const rounds = integer(algorithm.iterations, "iterations");
    if (length === null || length % 8 !== 0) throw exception("PBKDF2 derives a whole number of bytes", "OperationError");
    if (rounds === 0) throw exception("PBKDF2 needs at least one iteration", "OperationError");
    return native("pbkdf2", hash, s.secret, salt, rounds, length);
  }

  // "get key length" of the algorithm that a derived key is for.
  function lengthOf(algorithm) {
    if (algorithm.name === "AES-GCM") return aesLength(algorithm.length);
    if (algorithm.name !== "HMAC") return null;
    if (algorithm.length === undefined) return kHashes[hashOf(algorithm)];
    const length = integer(algorithm.length, "length");
    if (length === 0) throw new TypeError("crypto.subtle: an HMAC key of no bits");
    return length;
  }

  function need(args, count, name) {
    if (args.length < count) throw new TypeError(`crypto.subtle.${name}: ${count} arguments required, but only ${args.length} present`);
  }

  class SubtleCrypto {
    #brand = true;

    constructor(mark) {
      if (mark !== kMake) throw new TypeError("Illegal constructor");
    }

    async digest(algorithm, data) {
      this.#brand;
      need(arguments, 2, "digest");
      const { name } = normalize("digest", algorithm);
      return fresh(native("digest", name, bytesOf(data, "the data")));
    }

    async sign(algorithm, key, data) {
      this.#brand;
      need(arguments, 3, "sign");
      const a = normalize("sign", algorithm);
      const bytes = bytesOf(data, "the data");
      const hash = a.name === "ECDSA" ? hashOf(a) : null;
      const s = useKey(key, a.name, "sign");
      if (a.name === "HMAC") return fresh(native("hmacSign", s.algorithm.hash.name, s.secret, bytes));
      needType(s, "private");
      return fresh(native("sign", s.handle, hash, bytes));
    }

    async verify(algorithm, key, signature, data) {
      this.#brand;
      need(arguments, 4, "verify");
      const a = normalize("verify", algorithm);
      const sig = bytesOf(signature, "the signature");
      const bytes = bytesOf(data, "the data");
      const hash = a.name === "ECDSA" ? hashOf(a) : null;
      const s = useKey(key, a.name, "verify");
      if (a.name === "HMAC") return native("hmacVerify", s.algorithm.hash.name, s.secret, sig, bytes);
      needType(s, "public");
      return native("verify", s.handle, hash, sig, bytes);
    }

    async encrypt(algorithm, key, data) {
      this.#brand;
      need(arguments, 3, "encrypt");
      const a = normalize("encrypt", algorithm);
      const bytes = bytesOf(data, "the data");
      return encrypt(a, useKey(key, a.name, "encrypt"), bytes);
    }

    async decrypt(algorithm, key, data) {
      this.#brand;
      need(arguments, 3, "decrypt");
      const a = normalize("decrypt", algorithm);
      const bytes = bytesOf(data, "the data");
      return decrypt(a, useKey(key, a.name, "decrypt"), bytes);
    }

    async generateKey(algorithm, extractable, keyUsages) {
      this.#brand;
      need(arguments, 3, "generateKey");
      const usages = usagesOf(keyUsages);
      return generate(normalize("generateKey", algorithm), extractable, usages);
    }

    async importKey(format, keyDataGiven, algorithm, extractable, keyUsages) {
      this.#brand;
      need(arguments, 5, "importKey");
      const f = formatOf(format);
      const usages = usagesOf(keyUsages);
      const a = normalize("importKey", algorithm);
      return importKey(f, keyData(f, keyDataGiven), a, Boolean(extractable), usages);
    }

    async exportKey(format, key) {
      this.#brand;
      need(arguments, 2, "exportKey");
      return exportKey(formatOf(format), key);
    }

    async deriveBits(algorithm, baseKey, length = null) {
      this.#brand;
      need(arguments, 2, "deriveBits");
      const a = normalize("deriveBits", algorithm);
      return fresh(deriveBits(a, baseKey, length === null ? null : integer(length, "length"), "deriveBits"));
    }

    async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
      this.#brand;
      need(arguments, 5, "deriveKey");
      const usages = usagesOf(keyUsages);
      const a = normalize("deriveBits", algorithm);
      const target = normalize("importKey", derivedKeyType);
      const length = lengthOf(normalize("length", derivedKeyType));
      const bits = deriveBits(a, baseKey, length, "deriveKey");
      return importKey("raw", bits, target, Boolean(extractable), usages);
    }

    async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
      this.#brand;
      need(arguments, 4, "wrapKey");
      const f = formatOf(format);
      const a = normalize("wrapKey", wrapAlgorithm);
      const s = useKey(wrappingKey, a.name, "wrapKey");
      const exported = exportKey(f, key);
      return encrypt(a, s, f === "jwk" ? N.utf8Encode(JSON.stringify(exported)) : new Uint8Array(exported));
    }

    async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
      this.#brand;
      need(arguments, 7, "unwrapKey");
      const f = formatOf(format);
      const usages = usagesOf(keyUsages);
      const a = normalize("unwrapKey", unwrapAlgorithm);
      const target = normalize("importKey", unwrappedKeyAlgorithm);
      const s = useKey(unwrappingKey, a.name, "unwrapKey");
      const plain = new Uint8Array(decrypt(a, s, bytesOf(wrappedKey, "the wrapped key")));
      let data = plain;
      if (f === "jwk") {
        try {
          data = JSON.parse(N.utf8Decode(plain, true, false));
        } catch {
          throw exception("The wrapped key is not a JWK", "DataError");
        }
      }
      return importKey(f, keyData(f, data), target, Boolean(extractable), usages);
    }
  }
  webClass(SubtleCrypto);

  const subtle = new SubtleCrypto(kMake);
  const kIntegers = ["Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array",
    "BigInt64Array", "BigUint64Array"];
  const kindOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;

  class Crypto {
    #brand = true;

    constructor(mark) {
      if (mark !== kMake) throw new TypeError("Illegal constructor");
    }

    get subtle() {
      this.#brand;
      return subtle;
    }

    getRandomValues(array) {
      this.#brand;
      if (!ArrayBuffer.isView(array)) throw new TypeError("crypto.getRandomValues: the argument is not a typed array");
      if (!kIntegers.includes(kindOf.call(array))) throw exception("crypto.getRandomValues: the argument is no array of integers", "TypeMismatchError");
      if (array.byteLength > 65536) throw exception(`crypto.getRandomValues: ${array.byteLength} bytes are more than 65536`, "QuotaExceededError");
      // The native pins the memory that it is given: it gets its own.
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(N.random(new Uint8Array(array.byteLength)));
      return array;
    }

    randomUUID() {
      this.#brand;
      const b = N.random(new Uint8Array(16));
      b[6] = (b[6] & 0x0f) | 0x40;
      b[8] = (b[8] & 0x3f) | 0x80;
      const hex = b.toHex();
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    }
  }
  webClass(Crypto);

  const cloneKey = (key) => new CryptoKey(kMake, { ...slots(key), shownAlgorithm: undefined, shownUsages: undefined });
  return { crypto: new Crypto(kMake), Crypto, SubtleCrypto, CryptoKey, isKey, cloneKey };
}
