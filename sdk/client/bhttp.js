// Binary HTTP (RFC 9292): requests are written with known length, responses read in both framings.

const utf8 = new TextEncoder();
const latin1 = (bytes) => Array.from(bytes, (b) => String.fromCharCode(b)).join('');
const bytesOf = (text) => Uint8Array.from(text, (c) => {
  if (c.charCodeAt(0) > 255) throw new TypeError('a header holds a character that HTTP cannot carry');
  return c.charCodeAt(0);
});

export function concat(...parts) {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) { out.set(part, at); at += part.length; }
  return out;
}

/** Variable-length integer: RFC 9000, section 16. */
function varint(value) {
  if (value < 0x40) return Uint8Array.of(value);
  if (value < 0x4000) return Uint8Array.of(0x40 | value >> 8, value & 0xff);
  if (value < 0x40000000) return Uint8Array.of(0x80 | value >>> 24, value >>> 16 & 0xff, value >>> 8 & 0xff, value & 0xff);
  throw new RangeError('a message part of 1 GiB or more');
}
const part = (bytes) => concat(varint(bytes.length), bytes);
const section = (fields) => part(concat(...fields.flatMap(([name, value]) => [part(utf8.encode(name.toLowerCase())), part(bytesOf(value))])));

/** `headers`: a list of [name, value]. */
export function encodeRequest({ method, scheme, authority, path, headers, body }) {
  return concat(varint(0), ...[method, scheme, authority, path].map((text) => part(utf8.encode(text))), section(headers), part(body), section([]));
}

class Reader {
  constructor(bytes) { this.bytes = bytes; this.at = 0; }
  get left() { return this.bytes.length - this.at; }
  take(n) {
    if (n > this.left) throw new SyntaxError('binary HTTP: the message is cut off');
    this.at += n;
    return this.bytes.subarray(this.at - n, this.at);
  }
  varint() {
    const first = this.take(1)[0];
    let value = first & 0x3f;
    for (const byte of this.take((1 << (first >> 6)) - 1)) value = value * 256 + byte;
    return value;
  }
  part() { return this.take(this.varint()); }
  line() {
    const name = latin1(this.part());
    if (name === '') throw new SyntaxError('binary HTTP: a field without a name');
    return [name, latin1(this.part())];
  }
  knownFields() {
    if (this.left === 0) return [];
    const lines = new Reader(this.part()), fields = [];
    while (lines.left > 0) fields.push(lines.line());
    return fields;
  }
  streamFields() {
    const fields = [];
    if (this.left === 0) return fields;
    while (this.bytes[this.at] !== 0) fields.push(this.line());
    this.take(1);
    return fields;
  }
  streamContent() {
    const chunks = [];
    for (let chunk; this.left > 0 && (chunk = this.part()).length > 0;) chunks.push(chunk);
    return concat(...chunks);
  }
}

/** The final response: { status, headers, body, trailers }, headers and trailers as lists of [name, value]. */
export function decodeResponse(bytes) {
  const r = new Reader(bytes), framing = r.varint();
  if (framing !== 1 && framing !== 3) throw new SyntaxError('binary HTTP: this is not a response');
  const fields = () => framing === 1 ? r.knownFields() : r.streamFields();
  let status;
  while ((status = r.varint()) < 200) {
    if (status < 100) throw new SyntaxError(`binary HTTP: status ${status}`);
    fields();
  }
  if (status > 599) throw new SyntaxError(`binary HTTP: status ${status}`);
  const headers = fields();
  const body = framing === 3 ? r.streamContent() : r.left > 0 ? r.part() : new Uint8Array(0);
  const trailers = fields();
  if (r.take(r.left).some((b) => b !== 0)) throw new SyntaxError('binary HTTP: bytes behind the message');
  return { status, headers, body, trailers };
}
