// CompressionStream and DecompressionStream (Compression Standard) over the package pako, a port of zlib.

import { Deflate, Inflate } from "pako";

export default function (I) {
  const { TransformStream } = I.use("streams");
  const kBits = { deflate: 15, "deflate-raw": -15, gzip: 31 };
  const kFinish = 4; // Z_FINISH

  function bitsOf(format) {
    const text = `${format}`;
    if (!Object.hasOwn(kBits, text)) throw new TypeError(`${JSON.stringify(text)} is no compression format: use gzip, deflate or deflate-raw`);
    return kBits[text];
  }

  function bytesOf(chunk) {
    if (!I.isBytes(chunk)) throw new TypeError("The chunk is neither an ArrayBuffer nor a view of one");
    return I.copyBytes(chunk);
  }

  class CompressionStream {
    #transform;

    constructor(format) {
      const deflate = new Deflate({ windowBits: bitsOf(format) });
      this.#transform = new TransformStream({
        start(controller) {
          deflate.onData = (bytes) => controller.enqueue(bytes);
        },
        transform(chunk) {
          deflate.push(bytesOf(chunk), false);
        },
        flush() {
          deflate.push(new Uint8Array(0), kFinish);
        },
      });
    }

    get readable() {
      return this.#transform.readable;
    }

    get writable() {
      return this.#transform.writable;
    }
  }
  I.webClass(CompressionStream);

  class DecompressionStream {
    #transform;

    constructor(format) {
      const inflate = new Inflate({ windowBits: bitsOf(format) });
      this.#transform = new TransformStream({
        start(controller) {
          inflate.onData = (bytes) => controller.enqueue(bytes);
        },
        transform(chunk) {
          const bytes = bytesOf(chunk);
          if (bytes.length === 0) return;
          if (inflate.ended) throw new TypeError("There is data after the end of the compressed stream");
          inflate.push(bytes, false);
          if (inflate.err) throw new TypeError(`The compressed data is broken: ${inflate.msg || inflate.err}`);
          if (inflate.ended && inflate.strm.avail_in > 0) throw new TypeError("There is data after the end of the compressed stream");
        },
        flush() {
          if (!inflate.ended) throw new TypeError("The compressed stream ends too early");
        },
      });
    }

    get readable() {
      return this.#transform.readable;
    }

    get writable() {
      return this.#transform.writable;
    }
  }
  I.webClass(DecompressionStream);

  return { CompressionStream, DecompressionStream };
}
