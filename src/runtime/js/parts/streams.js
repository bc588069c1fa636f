// Streams: the package web-streams-polyfill, built on the reference implementation of the Streams Standard; and what
// bodies need of it.

import * as Streams from "web-streams-polyfill";

export default function (I) {
  const { ReadableStream, TransformStream } = Streams;
  const { getReader, tee, pipeThrough, cancel } = ReadableStream.prototype;
  const { read, releaseLock, cancel: cancelReader } = Streams.ReadableStreamDefaultReader.prototype;

  const isStream = (value) => value instanceof ReadableStream;
  const isDisturbed = (stream) => stream._disturbed === true;

  /** A closed stream that was read. */
  function spent() {
    const stream = new ReadableStream();
    cancel.call(stream);
    return stream;
  }

  function fromBytes(bytes) {
    return new ReadableStream({
      type: "bytes",
      pull(controller) {
        if (bytes.length > 0) controller.enqueue(bytes);
        controller.close();
        controller.byobRequest?.respond(0);
      },
    }, { highWaterMark: 0 });
  }

  function fromIncoming(incoming) {
    return new ReadableStream({
      type: "bytes",
      async pull(controller) {
        const bytes = await incoming.read();
        if (bytes === null) {
          controller.close();
          controller.byobRequest?.respond(0);
        } else {
          controller.enqueue(bytes);
        }
      },
      cancel() {
        incoming.cancel();
      },
    }, { highWaterMark: 0 });
  }

  /** Reads a stream of bytes: read() yields the next, null at the end. */
  function byteReader(stream) {
    const reader = getReader.call(stream);
    return {
      async read() {
        const { done, value } = await read.call(reader);
        if (done) return null;
        if (value instanceof Uint8Array) return value.slice();
        const error = new TypeError("A chunk of the body's stream is not a Uint8Array");
        cancelReader.call(reader, error).catch(() => {});
        throw error;
      },
      cancel: (reason) => cancelReader.call(reader, reason).catch(() => {}),
      release: () => releaseLock.call(reader),
    };
  }

  async function readAll(stream) {
    const reader = byteReader(stream);
    const chunks = [];
    for (let chunk = await reader.read(); chunk !== null; chunk = await reader.read()) chunks.push(chunk);
    return chunks.length === 0 ? new Uint8Array(0) : I.concat(chunks);
  }

  const through = (stream) => pipeThrough.call(stream, new TransformStream());

  class TextEncoderStream {
    #transform;

    constructor() {
      let high = "";
      this.#transform = new TransformStream({
        transform(chunk, controller) {
          let text = high + `${chunk}`;
          high = "";
          const last = text.charCodeAt(text.length - 1);
          if (last >= 0xd800 && last <= 0xdbff) {
            high = text.slice(-1);
            text = text.slice(0, -1);
          }
          if (text !== "") controller.enqueue(I.N.utf8Encode(text));
        },
        flush(controller) {
          if (high !== "") controller.enqueue(new Uint8Array([0xef, 0xbf, 0xbd]));
        },
      });
    }

    get encoding() {
      this.#transform;
      return "utf-8";
    }

    get readable() {
      return this.#transform.readable;
    }

    get writable() {
      return this.#transform.writable;
    }
  }
  I.webClass(TextEncoderStream);

  class TextDecoderStream {
    #decoder;
    #transform;

    constructor(label = "utf-8", options = {}) {
      const decoder = new (I.use("encoding").TextDecoder)(label, options);
      this.#decoder = decoder;
      this.#transform = new TransformStream({
        transform(chunk, controller) {
          const text = decoder.decode(chunk, { stream: true });
          if (text !== "") controller.enqueue(text);
        },
        flush(controller) {
          const text = decoder.decode();
          if (text !== "") controller.enqueue(text);
        },
      });
    }

    get encoding() {
      return this.#decoder.encoding;
    }

    get fatal() {
      return this.#decoder.fatal;
    }

    get ignoreBOM() {
      return this.#decoder.ignoreBOM;
    }

    get readable() {
      return this.#transform.readable;
    }

    get writable() {
      return this.#transform.writable;
    }
  }
  I.webClass(TextDecoderStream);

  return {
    ...Streams, TextEncoderStream, TextDecoderStream, isStream, isDisturbed, spent, fromBytes, fromIncoming, byteReader, readAll, through,
    tee: (stream) => tee.call(stream),
  };
}
