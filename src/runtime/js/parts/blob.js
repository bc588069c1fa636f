// Blob, File (File API), FormData (XMLHttpRequest Standard §4) and multipart/form-data (RFC 7578).

export default function (I) {
  const { N, kMake, webClass, usv, isBytes, copyBytes, concat } = I;
  const kPlainType = /^[\x20-\x7e]*$/;

  let blobBytes;
  let isBlob;

  const typeOf = (type) => (kPlainType.test(type) ? type.toLowerCase() : "");

  function partBytes(part, endings) {
    if (isBytes(part)) return copyBytes(part);
    if (isBlob(part)) return blobBytes(part);
    let text = usv(part);
    if (endings === "native") text = text.replace(/\r\n?/g, "\n");
    return N.utf8Encode(text);
  }

  class Blob {
    #bytes;
    #type;

    constructor(parts = [], options = {}) {
      if (parts === kMake) {
        this.#bytes = options.bytes;
        this.#type = options.type;
        return;
      }
      if ((typeof parts !== "object" && typeof parts !== "function") || parts === null || typeof parts[Symbol.iterator] !== "function") {
        throw new TypeError(`${new.target.name}: the parts are not a sequence`);
      }
      if (options !== null && typeof options !== "object" && typeof options !== "function") {
        throw new TypeError(`${new.target.name}: the options are not an object`);
      }
      const endings = `${options?.endings ?? "transparent"}`;
      if (endings !== "transparent" && endings !== "native") throw new TypeError(`${new.target.name}: endings is neither transparent nor native`);
      const type = options?.type === undefined ? "" : `${options.type}`;
      const chunks = [];
      for (const part of parts) chunks.push(partBytes(part, endings));
      this.#bytes = chunks.length === 0 ? new Uint8Array(0) : concat(chunks);
      this.#type = typeOf(type);
    }

    static {
      blobBytes = (blob) => blob.#bytes;
      isBlob = (value) => typeof value === "object" && value !== null && #bytes in value;
    }

    get size() {
      return this.#bytes.length;
    }

    get type() {
      return this.#type;
    }

    slice(start = 0, end = undefined, type = "") {
      const bytes = this.#bytes.subarray(clamp(start), end === undefined ? undefined : clamp(end));
      return new Blob(kMake, { bytes, type: typeOf(`${type}`) });
    }

    async text() {
      return N.utf8Decode(this.#bytes.slice(), false, false);
    }

    async arrayBuffer() {
      return this.#bytes.slice().buffer;
    }

    async bytes() {
      return this.#bytes.slice();
    }

    stream() {
      return I.use("streams").fromBytes(this.#bytes.slice());
    }
  }
  webClass(Blob);

  function clamp(value) {
    const n = Math.trunc(Number(value));
    return Number.isNaN(n) ? 0 : n;
  }

  class File extends Blob {
    #name;
    #lastModified;

    constructor(parts, name, options = {}) {
      if (arguments.length < 2) throw new TypeError(`File: 2 arguments required, but only ${arguments.length} present`);
      super(parts, options);
      this.#name = usv(name);
      const modified = options?.lastModified;
      this.#lastModified = modified === undefined ? N.now() : Math.trunc(Number(modified)) || 0;
    }

    get name() {
      return this.#name;
    }

    get lastModified() {
      return this.#lastModified;
    }

    get webkitRelativePath() {
      this.#name;
      return "";
    }
  }
  webClass(File);
  const isFile = (value) => value instanceof File;

  function entryValue(value, filename) {
    if (!isBlob(value)) return usv(value);
    if (isFile(value) && filename === undefined) return value;
    const name = filename === undefined ? "blob" : usv(filename);
    const options = { type: value.type };
    if (isFile(value)) options.lastModified = value.lastModified;
    return new File([value], name, options);
  }

  let entriesOf;
  let isForm;

  class FormData {
    #entries = [];

    constructor(form = undefined) {
      if (form !== undefined) throw new TypeError("FormData: there are no form elements here");
    }

    static {
      entriesOf = (form) => form.#entries;
      isForm = (value) => typeof value === "object" && value !== null && #entries in value;
    }

    append(name, value, filename = undefined) {
      need(arguments, 2, "append");
      if (filename !== undefined && !isBlob(value)) throw new TypeError("FormData.append: a file name needs a Blob");
      this.#entries.push([usv(name), entryValue(value, filename)]);
    }

    delete(name) {
      need(arguments, 1, "delete");
      name = usv(name);
      this.#entries = this.#entries.filter((e) => e[0] !== name);
    }

    get(name) {
      need(arguments, 1, "get");
      name = usv(name);
      return this.#entries.find((e) => e[0] === name)?.[1] ?? null;
    }

    getAll(name) {
      need(arguments, 1, "getAll");
      name = usv(name);
      return this.#entries.filter((e) => e[0] === name).map((e) => e[1]);
    }

    has(name) {
      need(arguments, 1, "has");
      name = usv(name);
      return this.#entries.some((e) => e[0] === name);
    }

    set(name, value, filename = undefined) {
      need(arguments, 2, "set");
      if (filename !== undefined && !isBlob(value)) throw new TypeError("FormData.set: a file name needs a Blob");
      name = usv(name);
      const entry = [name, entryValue(value, filename)];
      const at = this.#entries.findIndex((e) => e[0] === name);
      if (at < 0) {
        this.#entries.push(entry);
        return;
      }
      this.#entries = this.#entries.filter((e, i) => i <= at || e[0] !== name);
      this.#entries[at] = entry;
    }

    forEach(callback, thisArg = undefined) {
      if (typeof callback !== "function") throw new TypeError("FormData.forEach: the callback is not a function");
      for (const [name, value] of this) callback.call(thisArg, value, name, this);
    }

    *keys() {
      for (let i = 0; i < this.#entries.length; i++) yield this.#entries[i][0];
    }

    *values() {
      for (let i = 0; i < this.#entries.length; i++) yield this.#entries[i][1];
    }

    *entries() {
      for (let i = 0; i < this.#entries.length; i++) yield [...this.#entries[i]];
    }
  }
  webClass(FormData);
  Object.defineProperty(FormData.prototype, Symbol.iterator, { value: FormData.prototype.entries, writable: true, configurable: true });

  function need(args, count, name) {
    if (args.length < count) throw new TypeError(`FormData.${name}: ${count} argument${count > 1 ? "s" : ""} required, but only ${args.length} present`);
  }

  // HTML Standard §4.10.21.8: line breaks become CRLF; in names CR, LF and " are escaped.
  const crlf = (text) => text.replace(/\r\n|\r|\n/g, "\r\n");
  const escape = (text) => text.replace(/\r\n|\r|\n/g, "%0D%0A").replaceAll('"', "%22");
  const escapeFile = (text) => text.replaceAll("\n", "%0A").replaceAll("\r", "%0D").replaceAll('"', "%22");

  /** The bytes of a form, and their Content-Type. */
  function encodeForm(form) {
    const random = N.random(new Uint8Array(12));
    const boundary = `----phala-form-${random.toHex()}`;
    const chunks = [];
    for (const [name, value] of entriesOf(form)) {
      let head = `--${boundary}\r\nContent-Disposition: form-data; name="${escape(name)}"`;
      if (typeof value === "string") {
        chunks.push(N.utf8Encode(`${head}\r\n\r\n${crlf(value)}\r\n`));
        continue;
      }
      head += `; filename="${escapeFile(value.name)}"\r\nContent-Type: ${value.type || "application/octet-stream"}\r\n\r\n`;
      chunks.push(N.utf8Encode(head), blobBytes(value), N.utf8Encode("\r\n"));
    }
    chunks.push(N.utf8Encode(`--${boundary}--\r\n`));
    return { bytes: concat(chunks), type: `multipart/form-data; boundary=${boundary}` };
  }

  function boundaryOf(type) {
    const match = /;\s*boundary=(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(type);
    if (match === null) return null;
    return match[1] !== undefined ? match[1].replace(/\\(.)/g, "$1") : match[2];
  }

  function indexOf(bytes, needle, from) {
    const first = needle[0];
    for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
      if (at + needle.length > bytes.length) return -1;
      let i = 1;
      while (i < needle.length && bytes[at + i] === needle[i]) i++;
      if (i === needle.length) return at;
    }
    return -1;
  }

  const unescape = (text) => text.replace(/%0A/gi, "\n").replace(/%0D/gi, "\r").replace(/%22/g, '"');

  function headOf(text) {
    const head = { name: null, filename: undefined, type: "text/plain" };
    for (const line of text.split("\r\n")) {
      const colon = line.indexOf(":");
      const field = line.slice(0, colon).toLowerCase();
      if (field === "content-type") head.type = line.slice(colon + 1).trim();
      if (field !== "content-disposition") continue;
      if (!/^\s*form-data\s*(;|$)/i.test(line.slice(colon + 1))) return head;
      const name = /;\s*name="([^"]*)"/i.exec(line);
      const filename = /;\s*filename="([^"]*)"/i.exec(line);
      if (name !== null) head.name = unescape(name[1]);
      if (filename !== null) head.filename = unescape(filename[1]);
    }
    return head;
  }

  const broken = () => new TypeError("formData: the body is not well-formed multipart/form-data");

  function parseMultipart(bytes, boundary) {
    const form = new FormData();
    const delimiter = N.utf8Encode(`--${boundary}`);
    const between = N.utf8Encode(`\r\n--${boundary}`);
    const kBlank = N.utf8Encode("\r\n\r\n");
    let at = indexOf(bytes, delimiter, 0);
    if (at !== 0 && !(at > 1 && bytes[at - 1] === 10)) throw broken();
    at += delimiter.length;
    for (;;) {
      if (bytes[at] === 45 && bytes[at + 1] === 45) return form;
      while (bytes[at] === 32 || bytes[at] === 9) at++;
      if (bytes[at] !== 13 || bytes[at + 1] !== 10) throw broken();
      // A part without any field has its blank line right here.
      const headEnd = indexOf(bytes, kBlank, at);
      if (headEnd < 0) throw broken();
      const end = indexOf(bytes, between, headEnd + 2);
      if (end < 0) throw broken();
      const head = headOf(N.utf8Decode(bytes.slice(at + 2, Math.max(at + 2, headEnd)), false, false));
      if (head.name === null) throw broken();
      const data = bytes.slice(headEnd + 4, end);
      form.append(head.name, head.filename === undefined ? N.utf8Decode(data, false, true) : new File([data], head.filename, { type: head.type }));
      at = end + between.length;
    }
  }

  /** What a body of this Content-Type holds. */
  function parseForm(bytes, type) {
    const essence = type.split(";", 1)[0].trim().toLowerCase();
    if (essence === "multipart/form-data") {
      const boundary = boundaryOf(type);
      if (boundary === null || boundary === "") throw new TypeError("formData: the Content-Type has no boundary");
      return parseMultipart(bytes, boundary);
    }
    if (essence === "application/x-www-form-urlencoded") {
      const form = new FormData();
      for (const [name, value] of new (I.use("url").URLSearchParams)(N.utf8Decode(bytes, false, true))) form.append(name, value);
      return form;
    }
    throw new TypeError(`formData: the Content-Type ${JSON.stringify(type)} is no form`);
  }

  function blobOf(bytes, type) {
    return new Blob(kMake, { bytes, type: typeOf(type) });
  }

  return { Blob, File, FormData, isBlob, isFile, isForm, blobBytes, encodeForm, parseForm, blobOf };
}
