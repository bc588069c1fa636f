// Bodies (Fetch Standard §2.2.4, §5.2, §5.3). A body is null or a record:
//   data      string or Uint8Array that nobody else can change; or null
//   incoming  an Incoming that still receives bytes; or null
//   stream    the ReadableStream, once somebody asked for one or gave one; then it alone decides
//   used      the body was consumed without a stream

import { I, N, concat, copyBytes, isBytes, use, used, usv } from "./internal.js";

const kText = "text/plain;charset=UTF-8";

/** A body's bytes on their way in: from a call's request, or a fetch's response. */
export class Incoming {
  #chunks = [];
  #ended = false;
  #error = undefined;
  #wake = null;
  #credit;
  #cancel;

  /** @param credit (bytes) => void, told what was consumed  @param cancel () => void, when nobody wants the rest */
  constructor(credit, cancel) {
    this.#credit = credit;
    this.#cancel = cancel;
  }

  push(bytes) {
    if (this.#ended || bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#wakeUp();
  }

  end() {
    this.#ended = true;
    this.#wakeUp();
  }

  fail(error) {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = { error };
    this.#chunks.length = 0;
    this.#wakeUp();
  }

  cancel() {
    if (this.#ended) return;
    this.#ended = true;
    this.#chunks.length = 0;
    this.#cancel();
  }

  #wakeUp() {
    const wake = this.#wake;
    this.#wake = null;
    if (wake !== null) wake();
  }

  /** The next bytes; null at the end; throws what it failed with. */
  async read() {
    while (this.#chunks.length === 0) {
      if (this.#error !== undefined) throw this.#error.error;
      if (this.#ended) return null;
      await new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
    const bytes = this.#chunks.shift();
    this.#credit(bytes.length);
    return bytes;
  }

  async collect() {
    const chunks = [];
    for (let bytes = await this.read(); bytes !== null; bytes = await this.read()) chunks.push(bytes);
    return chunks.length === 0 ? new Uint8Array(0) : concat(chunks);
  }
}

export function dataBody(data) {
  return { data, incoming: null, stream: null, used: false };
}

export function incomingBody(incoming) {
  return { data: null, incoming, stream: null, used: false };
}

/** "extract a body": the record and the Content-Type it brings, or null. */
export function extract(init) {
  if (typeof init === "string") return { body: dataBody(init), type: kText };
  if (typeof init === "object" && init !== null) {
    if (isBytes(init)) return { body: dataBody(copyBytes(init)), type: null };
    if (used("streams")?.isStream(init)) {
      if (init.locked || use("streams").isDisturbed(init)) throw new TypeError("The body's stream is locked or was read already");
      return { body: { data: null, incoming: null, stream: init, used: false }, type: null };
    }
    const files = used("blob");
    if (files?.isBlob(init)) return { body: dataBody(files.blobBytes(init)), type: init.type || null };
    if (files?.isForm(init)) {
      const { bytes, type } = files.encodeForm(init);
      return { body: dataBody(bytes), type };
    }
    if (used("url")?.isParams(init)) {
      return { body: dataBody(String(init)), type: "application/x-www-form-urlencoded;charset=UTF-8" };
    }
  }
  return { body: dataBody(usv(init)), type: kText };
}

export function isUsed(body) {
  if (body === null) return false;
  return body.used || (body.stream !== null && use("streams").isDisturbed(body.stream));
}

export function isUnusable(body) {
  return body !== null && (isUsed(body) || (body.stream !== null && body.stream.locked));
}

const utf8 = (data) => (typeof data === "string" ? N.utf8Encode(data) : data);

/** The body as a stream; made at the first call. */
export function streamOf(body) {
  if (body.stream === null) {
    const streams = use("streams");
    if (body.used) body.stream = streams.spent();
    else if (body.incoming !== null) body.stream = streams.fromIncoming(body.incoming);
    else body.stream = streams.fromBytes(utf8(body.data).slice());
  }
  return body.stream;
}

/** The whole body: a string or bytes if it is here, else a promise of bytes. Marks it used. */
export function take(body) {
  if (body === null) return "";
  if (isUnusable(body)) throw new TypeError("The body was read already, or its stream is locked");
  if (body.stream !== null) return use("streams").readAll(body.stream);
  body.used = true;
  return body.incoming !== null ? body.incoming.collect() : body.data;
}

/** A second body with the same bytes; the first stays readable. */
export function cloneBody(body) {
  if (body === null) return null;
  if (body.stream === null && body.incoming === null) return dataBody(body.data);
  const [a, b] = use("streams").tee(streamOf(body));
  body.stream = a;
  return { data: null, incoming: null, stream: b, used: false };
}

/** The body for a new owner; the first owner's is used up. */
export function moveBody(body) {
  if (body === null) return null;
  const moved = { data: body.data, incoming: body.incoming, stream: null, used: false };
  if (body.stream !== null) {
    moved.data = moved.incoming = null;
    moved.stream = use("streams").through(body.stream);
  } else {
    body.used = true;
  }
  return moved;
}

function asText(data) {
  if (typeof data !== "string") return N.utf8Decode(data, false, false);
  const text = usv(data);
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

function later(body, convert) {
  const data = take(body);
  return data instanceof Promise ? data.then(convert) : Promise.resolve(convert(data));
}

const asBytes = (data) => (typeof data === "string" ? N.utf8Encode(data) : data.slice());

const converters = {
  text: asText,
  json: (data) => JSON.parse(asText(data)),
  bytes: asBytes,
  arrayBuffer: (data) => asBytes(data).buffer,
};

/** text(), json(), …: a promise in every case. `type` is the Content-Type, for blob and formData. */
export function consume(body, what, type) {
  try {
    if (what === "blob") return later(body, (data) => use("blob").blobOf(asBytes(data), type ?? ""));
    if (what === "formData") return later(body, (data) => use("blob").parseForm(asBytes(data), type ?? ""));
    return later(body, converters[what]);
  } catch (error) {
    return Promise.reject(error);
  }
}

Object.assign(I, { Incoming, dataBody, incomingBody, streamOf, extract, isUnusable, moveBody });
