// Entry of the prelude: registers the hooks, defines the globals. Parsed and evaluated at each instance start, so what
// is not needed for a plain call lives in parts/ and is evaluated at first use.

import { N, defineGlobal, enterCall, currentCall, lazyGlobals, use, webClass, describe } from "./lib/internal.js";
import { Headers } from "./lib/headers.js";
import { Request } from "./lib/request.js";
import { Response, isResponse } from "./lib/response.js";
import { console } from "./lib/console.js";
import { onTimer, report, timerGlobals } from "./lib/timers.js";
import { callHooks, serve } from "./lib/calls.js";
import { ExecutionContext, makeEnv, setPhat } from "./lib/context.js";

const kHandlers = ["fetch", "scheduled", "chain", "event"];

// The script is an IIFE that assigns the global __phat; the global exists before, so that it can be deleted after.
function evaluate(source, name) {
  Object.defineProperty(globalThis, "__phat", { value: undefined, writable: true, configurable: true });
  try {
    N.evaluate(source, name);
    return globalThis.__phat;
  } finally {
    delete globalThis.__phat;
  }
}

function handlersOf(exports, name) {
  const handlers = exports?.default;
  if ((typeof handlers !== "object" && typeof handlers !== "function") || handlers === null) {
    throw new TypeError(`${name} has no default export: write export default { fetch(request, env, ctx) { … } }`);
  }
  let bits = 0;
  for (let i = 0; i < kHandlers.length; i++) if (typeof handlers[kHandlers[i]] === "function") bits |= 1 << i;
  if (bits === 0) {
    throw new TypeError(`The default export of ${name} has none of the functions ${kHandlers.join(", ")}`);
  }
  return { handlers, bits };
}

const hooks = {
  ...callHooks,
  onStart(envJson, secretsJson, source, name, id = "", bundleHash = "") {
    enterCall(0);
    setPhat(id, bundleHash);
    const env = makeEnv(envJson, secretsJson);
    const { handlers, bits } = handlersOf(evaluate(source, name), name);
    serve(handlers, env);
    return bits;
  },
  onTimer,
  onUnhandled(reason) {
    N.log(currentCall(), 3, `Uncaught (in promise) ${describe(reason)}`);
  },
  describe: (value) => describe(value),
};
for (const name of ["onFetchHead", "onFetchBody", "onFetchDone", "onFetchFail", "onFetchWindow"]) {
  hooks[name] = (...args) => use("fetch")[name](...args);
}

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

webClass(Performance, "Performance");
webClass(Navigator, "Navigator");

const resolved = Promise.resolve();
const globals = {
  ...timerGlobals,
  self: globalThis,
  console,
  Headers,
  Request,
  Response,
  ExecutionContext,
  performance: new Performance(),
  Performance,
  navigator: new Navigator(),
  Navigator,
  fetch(input, init = undefined) {
    return use("fetch").fetch(arguments.length, input, init);
  },
  queueMicrotask(callback) {
    if (typeof callback !== "function") throw new TypeError("queueMicrotask: the callback is not a function");
    resolved.then(() => {
      try {
        callback();
      } catch (error) {
        report(error);
      }
    });
  },
  reportError: (error) => report(error),
  structuredClone(value, options = undefined) {
    return use("clone").structuredClone(arguments.length, value, options);
  },
  atob: (data) => use("encoding").atob(data),
  btoa: (data) => use("encoding").btoa(data),
  addEventListener(type) {
    if (type === "fetch" || type === "scheduled") {
      throw new TypeError(`addEventListener('${type}') is not supported: write export default { ${type}(…) { … } }`);
    }
  },
  removeEventListener() {},
};
// The engine leaves these two to its host.
async function wasmBytes(source) {
  const response = await source;
  if (!isResponse(response)) throw new TypeError("The source is not a Response, nor a promise of one");
  if (!response.ok) throw new TypeError(`The response has status ${response.status}`);
  const type = response.headers.get("content-type") ?? "";
  if (type.toLowerCase() !== "application/wasm") throw new TypeError(`The response's Content-Type is ${JSON.stringify(type)}, not application/wasm`);
  return response.arrayBuffer();
}
WebAssembly.compileStreaming = async (source) => WebAssembly.compile(await wasmBytes(source));
WebAssembly.instantiateStreaming = async (source, imports = undefined) => WebAssembly.instantiate(await wasmBytes(source), imports);

for (const name in globals) defineGlobal(name, globals[name]);

lazyGlobals("url", ["URL", "URLSearchParams"]);
lazyGlobals("urlpattern", ["URLPattern"]);
lazyGlobals("compression", ["CompressionStream", "DecompressionStream"]);
lazyGlobals("encoding", ["TextEncoder", "TextDecoder"]);
lazyGlobals("events", ["DOMException", "Event", "EventTarget", "CustomEvent", "ErrorEvent", "MessageEvent", "ProgressEvent", "AbortController", "AbortSignal"]);
lazyGlobals("blob", ["Blob", "File", "FormData"]);
lazyGlobals("streams", ["ReadableStream", "ReadableStreamDefaultReader", "ReadableStreamBYOBReader", "ReadableStreamBYOBRequest",
  "ReadableByteStreamController", "ReadableStreamDefaultController", "WritableStream", "WritableStreamDefaultController",
  "WritableStreamDefaultWriter", "TransformStream", "TransformStreamDefaultController", "ByteLengthQueuingStrategy",
  "CountQueuingStrategy", "TextEncoderStream", "TextDecoderStream"]);
lazyGlobals("crypto", ["crypto", "Crypto", "SubtleCrypto", "CryptoKey"]);

N.hooks(hooks);
