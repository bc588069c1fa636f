// Types of a phat: what its default export may have, and what the handlers are given.
//
//   import type { Phat, PhatEnv } from "@phala/phat-types";
//   interface Env extends PhatEnv { API_KEY: string }
//   export default { async fetch(request, env, ctx) { … } } satisfies Phat<Env>;
//
// The web API itself (Request, Response, crypto, streams, …) comes from TypeScript's own "webworker" library; the
// phat programming interface (docs/phats.md) lists which of it is there.

/// <reference lib="webworker" />
/// <reference lib="esnext" />

/** The default export of a phat's script. At least one handler must be there. */
export interface Phat<Env extends PhatEnv = PhatEnv> {
  /** An HTTP request. What it throws, or a result that is no Response, fails the call: the caller gets status 500. */
  fetch?(request: Request, env: Env, ctx: PhatContext): Response | Promise<Response>;
  /** A cron expression of `triggers.cron` in phat.json has come due. */
  scheduled?(controller: ScheduledController, env: Env, ctx: PhatContext): void | Promise<void>;
}

/** The variables of `env` in phat.json and the phat's secrets (a secret wins over a variable of its name), frozen. */
export interface PhatEnv {
  /** The files of the bundle; absent only if a variable is called ASSETS. */
  readonly ASSETS: Assets;
}

/** The files of the bundle, as the receipt's bundle hash covers them. */
export interface Assets {
  /** The bytes of a file by its path in the bundle; null if there is none. A fresh copy each time. */
  get(path: string): Uint8Array<ArrayBuffer> | null;
  /** The file as UTF-8 text; null if there is none. */
  text(path: string): string | null;
  /** The paths of all files. */
  list(): string[];
  /** The file that the URL's path names ("index.html" for a folder) as a response with its type, or status 404. */
  fetch(request: Request | URL | string): Promise<Response>;
}

/** One call. */
export interface PhatContext {
  /** Work that goes on after the answer. A rejection goes to the phat's log. */
  waitUntil(promise: Promise<unknown>): void;
  /** Which program runs: the phat's id (40 hex digits) and the hash of its bundle (64), as receipts name them. */
  readonly phat: { readonly id: string; readonly bundleHash: string };
}

/** The first argument of `scheduled`. */
export interface ScheduledController {
  readonly type: "scheduled";
  /** The expression that fired, as phat.json has it. */
  readonly cron: string;
  /** The planned time, milliseconds since 1970. */
  readonly scheduledTime: number;
}
