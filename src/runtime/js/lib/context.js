// The second and third argument of a handler: env and ctx.

import { N, kMake, use, webClass, describe } from "./internal.js";

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

/** env: plain variables, then secrets (which win), then ASSETS, CHAIN and WALLET; frozen. */
export function makeEnv(envJson, secretsJson) {
  const env = {};
  for (const text of [envJson, secretsJson]) {
    if (text === "" || text === null || text === undefined) continue;
    for (const [key, value] of Object.entries(JSON.parse(text))) {
      Object.defineProperty(env, key, { value, enumerable: true, configurable: true, writable: true });
    }
  }
  if (!Object.hasOwn(env, "ASSETS")) Object.defineProperty(env, "ASSETS", { get: () => use("assets").assets, enumerable: true });
  if (!Object.hasOwn(env, "CHAIN")) Object.defineProperty(env, "CHAIN", { get: () => use("chain").chain, enumerable: true });
  if (!Object.hasOwn(env, "WALLET")) Object.defineProperty(env, "WALLET", { get: () => use("wallet").wallet, enumerable: true });
  return Object.freeze(env);
}

/** The same env, with DB and KV unless variables are called so. */
export function withState(env) {
  const state = {};
  for (const [name, part] of [["DB", "db"], ["KV", "kv"]]) {
    Object.defineProperty(state, name, { get: () => use("db")[part], enumerable: true });
  }
  Object.defineProperties(state, Object.getOwnPropertyDescriptors(env));
  return Object.freeze(state);
}

export { makeContext };
