// performance, navigator, and the functions of WebAssembly that take a Response.

export default function (I) {
  const { N } = I;
  const origin = N.now() - N.mono();

  class Performance {
    now() {
      return N.mono();
    }

    get timeOrigin() {
      return origin;
    }

    toJSON() {
      return { timeOrigin: origin };
    }
  }

  class Navigator {
    get userAgent() {
      return "phala";
    }

    get hardwareConcurrency() {
      return 1;
    }

    get language() {
      return "en-US";
    }
  }

  I.webClass(Performance, "Performance");
  I.webClass(Navigator, "Navigator");

  async function wasmBytes(source) {
    const response = await source;
    if (!I.isResponse(response)) throw new TypeError("The source is not a Response, nor a promise of one");
    if (!response.ok) throw new TypeError(`The response has status ${response.status}`);
    const type = response.headers.get("content-type") ?? "";
    if (type.toLowerCase() !== "application/wasm") throw new TypeError(`The response's Content-Type is ${JSON.stringify(type)}, not application/wasm`);
    return response.arrayBuffer();
  }

  return {
    Performance,
    performance: new Performance(),
    Navigator,
    navigator: new Navigator(),
    compileStreaming: async (source) => WebAssembly.compile(await wasmBytes(source)),
    instantiateStreaming: async (source, imports) => WebAssembly.instantiate(await wasmBytes(source), imports),
  };
}
