// Entry of the prelude: registers the hooks, defines the globals. Parsed and evaluated at each instance start, so what
// is not needed for a plain call lives in parts/ and is evaluated at first use.

import { N, defineGlobal, enterCall, currentCall, lazyGlobals, use, describe } from "./lib/internal.js";
import { Headers } from "./lib/headers.js";
import { Request } from "./lib/request.js";
import { Response } from "./lib/response.js";
import { console } from "./lib/console.js";
import { onTimer, report, timerGlobals } from "./lib/timers.js";
import { callHooks, openState, serve } from "./lib/calls.js";
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

// What an instance that waits in the pool does with its time: code that most phats need is parsed and has run once, by
// means of a phat whose answers go nowhere. Nothing of it can be seen by the phat that comes.
const kRehearsal =
  '__phat={default:{fetch(r){const x=new Response(new URL(r.url).searchParams.get("a")+r.headers.get("host"),' +
  '{headers:{"content-type":"text/plain"}});return r.method==="GET"?x:(async()=>(await r.json(),x))()}}}';
const rehearsal = [
  () => new Date(2026, 6, 1).getTimezoneOffset(),
  () => use("url"),
  () => hooks.onStart("{}", "{}", kRehearsal, "rehearsal"),
  () => hooks.onCall(0, 0, "GET", "http://a.test/?a=1", "host: a.test\n", null, true),
  () => hooks.onCall(0, 0, "POST", "http://a.test/?a=1", "host: a.test\n", N.utf8Encode("{}"), true),
  () => serve(null, null),
];

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
  onIdle(step) {
    rehearsal[step]();
    return step + 1 < rehearsal.length;
  },
  onState() {
    enterCall(0);
    openState();
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

let resolved;
const globals = {
  ...timerGlobals,
  self: globalThis,
  console,
  Headers,
  Request,
  Response,
  ExecutionContext,
  fetch(input, init = undefined) {
    return use("fetch").fetch(arguments.length, input, init);
  },
  queueMicrotask(callback) {
    if (typeof callback !== "function") throw new TypeError("queueMicrotask: the callback is not a function");
    (resolved ??= Promise.resolve()).then(() => {
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
WebAssembly.compileStreaming = (source) => use("platform").compileStreaming(source);
WebAssembly.instantiateStreaming = (source, imports = undefined) => use("platform").instantiateStreaming(source, imports);

for (const name in globals) defineGlobal(name, globals[name]);

lazyGlobals("platform", ["performance", "Performance", "navigator", "Navigator"]);
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
