// The second and third argument of a handler: env and ctx.

import { N, kMake, use, webClass } from "./internal.js";
import { describe } from "./errors.js";
import { Response } from "./response.js";

let phat = Object.freeze({ id: "", bundleHash: "" });

/** What ctx.phat shows. */
export function setPhat(id, bundleHash) {
  phat = Object.freeze({ id, bundleHash });
}

let makeContext;

export class ExecutionContext {
  #call;

  constructor(mark, call) {
    if (mark !== kMake) throw new TypeError("Illegal constructor");
    this.#call = call;
  }

  static {
    makeContext = (call) => new ExecutionContext(kMake, call);
  }

  waitUntil(promise) {
    const call = this.#call;
    Promise.resolve(promise).then(undefined, (error) => N.log(call, 3, `Uncaught (in waitUntil) ${describe(error)}`));
  }

  get phat() {
    this.#call;
    return phat;
  }
}
webClass(ExecutionContext, "ExecutionContext");

const kTypes = {
  css: "text/css", csv: "text/csv", gif: "image/gif", htm: "text/html", html: "text/html", ico: "image/vnd.microsoft.icon",
  jpeg: "image/jpeg", jpg: "image/jpeg", js: "text/javascript", json: "application/json", mjs: "text/javascript",
  pdf: "application/pdf", png: "image/png", svg: "image/svg+xml", txt: "text/plain", wasm: "application/wasm",
  webp: "image/webp", woff2: "font/woff2", xml: "application/xml",
};

// The files of the bundle.
class Assets {
  get(path) {
    const bytes = N.asset(`${path}`.replace(/^\/+/, ""));
    return bytes === null ? null : bytes.slice(); // a buffer that the phat can transfer
  }

  text(path) {
    const bytes = this.get(path);
    return bytes === null ? null : N.utf8Decode(bytes, false, false);
  }

  list() {
    return N.assets();
  }

  async fetch(input) {
    const url = new (use("url").URL)(typeof input === "object" && input !== null && "url" in input ? input.url : input, "https://assets.invalid/");
    let path = url.pathname;
    try {
      path = decodeURIComponent(path);
    } catch {
      // Not an encoding: the path is taken as it is.
    }
    const bytes = this.get(path.endsWith("/") ? `${path}index.html` : path);
    if (bytes === null) return new Response("Not found\n", { status: 404 });
    const type = kTypes[path.endsWith("/") ? "html" : path.slice(path.lastIndexOf(".") + 1).toLowerCase()];
    const charset = type?.startsWith("text/") ? ";charset=UTF-8" : "";
    return new Response(bytes, { headers: { "content-type": type ? type + charset : "application/octet-stream" } });
  }
}


/** env: plain variables, then secrets (which win), then ASSETS; frozen. */
export function makeEnv(envJson, secretsJson) {
  const env = {};
  for (const text of [envJson, secretsJson]) {
    if (text === "" || text === null || text === undefined) continue;
    for (const [key, value] of Object.entries(JSON.parse(text))) {
      Object.defineProperty(env, key, { value, enumerable: true, configurable: true, writable: true });
    }
  }
  if (!Object.hasOwn(env, "ASSETS")) env.ASSETS = Object.freeze(new Assets());
  return Object.freeze(env);
}

export { makeContext };
