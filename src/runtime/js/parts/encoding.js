// TextEncoder, TextDecoder (Encoding Standard §7) for UTF-8, UTF-16 and the single-byte encodings windows-1252 and
// x-user-defined; atob and btoa (HTML Standard §8.3).

export default function (I) {
  const { N, webClass, usv, isBytes, copyBytes, exception } = I;

  const kLabels = {
    "utf-8": ["utf-8", "utf8", "unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "x-unicode20utf8"],
    "utf-16le": ["utf-16le", "utf-16", "unicode", "ucs-2", "iso-10646-ucs-2", "csunicode", "unicodefeff"],
    "utf-16be": ["utf-16be", "unicodefffe"],
    "windows-1252": ["windows-1252", "ansi_x3.4-1968", "ascii", "cp1252", "cp819", "csisolatin1", "ibm819", "iso-8859-1", "iso-ir-100",
      "iso8859-1", "iso88591", "iso_8859-1", "iso_8859-1:1987", "l1", "latin1", "us-ascii", "x-cp1252"],
    "x-user-defined": ["x-user-defined"],
  };
  const byLabel = new Map();
  for (const name in kLabels) for (const label of kLabels[name]) byLabel.set(label, name);

  // 0x80 to 0x9F of windows-1252; the rest is Latin-1.
  const kHigh1252 =
    "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f" +
    "\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";

  class TextEncoder {
    #brand = true;

    get encoding() {
      this.#brand;
      return "utf-8";
    }

    encode(input = "") {
      this.#brand;
      return N.utf8Encode(`${input}`).slice(); // a buffer that the phat can transfer
    }

    encodeInto(source, destination) {
      this.#brand;
      if (!(destination instanceof Uint8Array)) throw new TypeError("encodeInto: the destination is not a Uint8Array");
      const text = usv(source);
      const room = destination.length;
      const bytes = N.utf8Encode(text.length > room ? text.slice(0, room) : text);
      if (bytes.length <= room && text.length <= room) {
        destination.set(bytes);
        return { read: text.length, written: bytes.length };
      }
      let written = Math.min(room, bytes.length);
      while (written > 0 && written < bytes.length && (bytes[written] & 0xc0) === 0x80) written--;
      let read = 0;
      // A slice may have cut a pair: what follows it counts only if whole.
      for (let at = 0; at < written; ) {
        const n = bytes[at] < 0x80 ? 1 : bytes[at] < 0xe0 ? 2 : bytes[at] < 0xf0 ? 3 : 4;
        const unit = text.charCodeAt(read);
        if (n === 3 && unit >= 0xd800 && unit <= 0xdbff) {
          written = at;
          break;
        }
        at += n;
        read += n === 4 ? 2 : 1;
      }
      destination.set(bytes.subarray(0, written));
      return { read, written };
    }
  }
  webClass(TextEncoder);

  const kEmpty = new Uint8Array(0);

  // Bytes at the end of a chunk that may be the start of a UTF-8 sequence.
  function unfinished(bytes) {
    const { length } = bytes;
    for (let back = 1; back <= Math.min(3, length); back++) {
      const b = bytes[length - back];
      if (b < 0x80) return 0;
      if (b < 0xc0) continue;
      const need = b >= 0xc2 && b <= 0xdf ? 2 : b >= 0xe0 && b <= 0xef ? 3 : b >= 0xf0 && b <= 0xf4 ? 4 : 0;
      if (need <= back) return 0;
      if (back > 1) {
        // The second byte decides whether the prefix is a valid start.
        const second = bytes[length - back + 1];
        const low = b === 0xe0 ? 0xa0 : b === 0xf0 ? 0x90 : 0x80;
        const high = b === 0xed ? 0x9f : b === 0xf4 ? 0x8f : 0xbf;
        if (second < low || second > high) return 0;
      }
      return back;
    }
    return 0;
  }

  function utf16(bytes, big) {
    let text = "";
    const units = new Uint16Array(bytes.length >> 1);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let i = 0; i < units.length; i++) units[i] = view.getUint16(2 * i, !big);
    for (let i = 0; i < units.length; i += 8192) text += String.fromCharCode.apply(null, units.subarray(i, i + 8192));
    return text;
  }

  function singleByte(bytes, high) {
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) {
      const units = Uint16Array.from(bytes.subarray(i, i + 8192), high);
      text += String.fromCharCode.apply(null, units);
    }
    return text;
  }

  class TextDecoder {
    #encoding;
    #fatal;
    #ignoreBOM;
    #rest = kEmpty;
    #bomSeen = false;
    #streaming = false;

    constructor(label = "utf-8", options = {}) {
      const name = byLabel.get(`${label}`.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, "").toLowerCase());
      if (name === undefined) throw new RangeError(`TextDecoder: the encoding ${JSON.stringify(`${label}`)} is not supported`);
      this.#encoding = name;
      this.#fatal = Boolean(options?.fatal);
      this.#ignoreBOM = Boolean(options?.ignoreBOM);
    }

    get encoding() {
      return this.#encoding;
    }

    get fatal() {
      return this.#fatal;
    }

    get ignoreBOM() {
      return this.#ignoreBOM;
    }

    decode(input = kEmpty, options = {}) {
      const stream = Boolean(options?.stream);
      if (!isBytes(input)) throw new TypeError("TextDecoder.decode: the input is neither an ArrayBuffer nor a view of one");
      let bytes = copyBytes(input);
      if (!this.#streaming) {
        this.#rest = kEmpty;
        this.#bomSeen = false;
      }
      this.#streaming = stream;
      if (this.#rest.length > 0) bytes = I.concat([this.#rest, bytes]);
      this.#rest = kEmpty;
      try {
        return this.#dropBom(this.#decode(bytes, stream));
      } catch (error) {
        this.#streaming = false;
        throw error;
      }
    }

    #keep(bytes, count) {
      this.#rest = bytes.subarray(bytes.length - count);
      return bytes.subarray(0, bytes.length - count);
    }

    #decode(bytes, stream) {
      switch (this.#encoding) {
        case "utf-8":
          if (stream) bytes = this.#keep(bytes, unfinished(bytes));
          return N.utf8Decode(bytes, this.#fatal, true);
        case "windows-1252":
          return singleByte(bytes, (b) => (b >= 0x80 && b < 0xa0 ? kHigh1252.charCodeAt(b - 0x80) : b));
        case "x-user-defined":
          return singleByte(bytes, (b) => (b < 0x80 ? b : 0xf780 + b - 0x80));
        default:
          return this.#decode16(bytes, stream);
      }
    }

    #decode16(bytes, stream) {
      const big = this.#encoding === "utf-16be";
      let odd = bytes.length % 2;
      if (stream && bytes.length - odd >= 2) {
        const hi = bytes[bytes.length - odd - (big ? 2 : 1)];
        if (hi >= 0xd8 && hi <= 0xdb) odd += 2;
      }
      if (stream) {
        bytes = this.#keep(bytes, odd);
        odd = 0;
      }
      const text = utf16(bytes, big);
      if (this.#fatal && (odd !== 0 || !text.isWellFormed())) throw new TypeError(`The encoded data was not valid ${this.#encoding}`);
      return text.toWellFormed() + (odd !== 0 ? "\ufffd" : "");
    }

    #dropBom(text) {
      if (this.#bomSeen || text === "") return text;
      this.#bomSeen = true;
      const bom = text.charCodeAt(0) === 0xfeff && this.#encoding.startsWith("utf");
      return bom && !this.#ignoreBOM ? text.slice(1) : text;
    }
  }
  webClass(TextDecoder);

  function btoa(data) {
    if (arguments.length === 0 || data === undefined) data = `${data}`;
    const text = `${data}`;
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0xff) throw exception("btoa: the string has a character above U+00FF", "InvalidCharacterError");
      bytes[i] = unit;
    }
    return N.base64Encode(bytes);
  }

  function atob(data) {
    const bytes = N.base64Decode(`${data}`);
    if (bytes === null) throw exception("atob: the string is not base64", "InvalidCharacterError");
    return singleByte(bytes, (b) => b);
  }

  return { TextEncoder, TextDecoder, atob, btoa };
}
