// Unmodified @noble/hashes: hashes of everything it is asked for.

import { blake2b } from "@noble/hashes/blake2";
import { blake3 } from "@noble/hashes/blake3";
import { hkdf } from "@noble/hashes/hkdf";
import { hmac } from "@noble/hashes/hmac";
import { pbkdf2 } from "@noble/hashes/pbkdf2";
import { ripemd160, sha1 } from "@noble/hashes/legacy";
import { scrypt } from "@noble/hashes/scrypt";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2";
import { keccak_256, sha3_256 } from "@noble/hashes/sha3";
import { bytesToHex, randomBytes, utf8ToBytes } from "@noble/hashes/utils";

const hashes = { blake2b, blake3, keccak_256, ripemd160, sha1, sha256, sha384, sha3_256, sha512 };

export default {
  async fetch(request) {
    const data = await request.bytes();
    const out = {};
    for (const name in hashes) out[name] = bytesToHex(hashes[name](data));
    out.hmac = bytesToHex(hmac(sha256, utf8ToBytes("key"), data));
    out.hkdf = bytesToHex(hkdf(sha256, data, utf8ToBytes("salt"), utf8ToBytes("info"), 42));
    out.pbkdf2 = bytesToHex(pbkdf2(sha256, data, utf8ToBytes("salt"), { c: 10, dkLen: 32 }));
    out.scrypt = bytesToHex(scrypt(data, utf8ToBytes("salt"), { N: 16, r: 1, p: 1, dkLen: 32 }));
    out.random = randomBytes(16).length;
    return Response.json(out);
  },
};
