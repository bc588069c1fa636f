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
  /**
   * A contract on chain asked. What is returned are the bytes of the answer, a string in UTF-8: at most 16 KiB. What it throws is the
   * answer "exception", with outcome 1.
   */
  chain?(request: ChainRequest, env: Env, ctx: PhatContext): ChainResult | Promise<ChainResult>;
}

/** The variables of `env` in phat.json and the phat's secrets (a secret wins over a variable of its name), frozen. */
export interface PhatEnv {
  /** The files of the bundle; absent only if a variable is called ASSETS. */
  readonly ASSETS: Assets;
  /** The worker's chain, for phats with `"chain": {"read": true}` in their phat.json; others get a rejection with code `chain-denied`. */
  readonly CHAIN: Chain;
  /** The phat's own account on chain, for phats with `"wallet"` in their phat.json; others get a rejection with code `wallet-denied`. */
  readonly WALLET: Wallet;
}

export type Hex = `0x${string}`;

/**
 * The chain at final blocks, as a quorum of the worker's nodes sees it. Each question counts as a subrequest. Rejected with a TypeError
 * whose `code` is `chain-unavailable`, `chain-disagrees`, `chain-question` or `chain-denied`; with a ChainError if the chain says no.
 */
export interface Chain {
  /** A block; without a number the newest final one. */
  block(number?: number | bigint): Promise<ChainBlock>;
  /** eth_call; what the contract returns. */
  call(call: { to: Hex; data?: Hex; from?: Hex; block?: number | bigint }): Promise<Hex>;
  /** In wei. */
  getBalance(address: Hex, at?: { block?: number | bigint }): Promise<bigint>;
  /** At most 16 addresses and 2,000 blocks. `null` in topics: anything there. */
  getLogs(filter: { address: Hex | Hex[]; topics?: (Hex | Hex[] | null)[]; fromBlock: number | bigint; toBlock?: number | bigint }): Promise<ChainLog[]>;
}

/** `code` is `reverted`, with the contract's error in `data`, or `node`. */
export interface ChainError extends Error {
  readonly code: "reverted" | "node";
  readonly data: Hex;
}

export interface ChainBlock {
  number: number;
  hash: Hex;
  parent: Hex;
  /** Unix seconds. */
  timestamp: number;
}

export interface ChainLog {
  address: Hex;
  topics: Hex[];
  data: Hex;
  blockNumber: number;
  blockHash: Hex;
  transactionHash: Hex;
  /** In its block. */
  logIndex: number;
}

/**
 * Transactions under the policy in phat.json (docs/phats.md). Each question counts as a subrequest. Rejected with a TypeError whose `code`
 * is `wallet-denied`, `wallet-limit`, `wallet-estimate`, `wallet-elsewhere`, `wallet-key-reused`, `wallet-question`, `wallet-unknown`, `wallet-unavailable`.
 */
export interface Wallet {
  readonly address: Promise<Hex>;
  /** In wei, at the newest final block. */
  balance(): Promise<bigint>;
  /** Resolves when the transaction is signed and will be sent whatever happens. The same key again gives the same one. */
  send(transaction: WalletTransaction): Promise<{ hash: Hex; nonce: number }>;
  /** null: in no block yet. */
  receipt(hash: Hex): Promise<WalletReceipt | null>;
  /** Until it is final, or with `final: false` in a block. */
  wait(hash: Hex, until?: { final?: boolean }): Promise<WalletReceipt>;
}

export interface WalletTransaction {
  to: Hex;
  data?: Hex | Uint8Array;
  /** Wei. */
  value?: bigint | number | string;
  /** What nodes estimate and a quarter more, unless it is given. */
  gas?: number;
  /** 1 to 256 bytes. */
  idempotencyKey?: string;
}

export interface WalletReceipt {
  /** Of the form that was taken: fees may have been raised. */
  hash: Hex;
  /** Not reverted. */
  success: boolean;
  blockNumber: number;
  nonce: number;
  final: boolean;
}

/** What a phat with "state" in its phat.json has besides: `interface Env extends PhatEnv, PhatState {}`. */
export interface PhatState {
  /** The phat's SQLite database (docs/state.md). */
  readonly DB: Database;
  /** Keys and values in a table of it. */
  readonly KV: KeyValues;
}

/** What a statement can be bound to. Booleans become 1 and 0; bigints have at most 64 bits. */
export type Bindable = null | number | bigint | string | boolean | ArrayBuffer | ArrayBufferView;
/** What a column can hold; integers beyond 2^53 - 1 are bigints. */
export type ColumnValue = null | number | bigint | string | Uint8Array<ArrayBuffer>;
export type Row = Record<string, ColumnValue>;

/** In the manner of Cloudflare D1, but every method answers at once. SQLite's errors are thrown as Error. */
export interface Database {
  prepare(sql: string): Statement;
  /** Any number of statements, all or none. */
  exec(sql: string): { count: number; duration: number };
  /** All or none. */
  batch<T = Row>(statements: Iterable<Statement>): QueryResult<T>[];
  /** Keeps what `fn` writes when it returns, rolls it back when it throws. `fn` is not asynchronous. */
  transaction<T>(fn: () => T extends PromiseLike<unknown> ? never : T): T;
}

export interface Statement {
  /** A new statement with these values for its parameters. */
  bind(...values: Bindable[]): Statement;
  /** The first row, or null. */
  first<T = Row>(): T | null;
  /** One value of the first row; null if there is none. */
  first<T = ColumnValue>(column: string): T | null;
  all<T = Row>(): QueryResult<T>;
  run<T = Row>(): QueryResult<T>;
  /** Rows as arrays; with `columnNames` the first one holds the names. */
  raw<T = ColumnValue[]>(options?: { columnNames?: boolean }): T[];
}

export interface QueryResult<T = Row> {
  results: T[];
  success: true;
  /** Rows changed; the row id inserted last; milliseconds. */
  meta: { changes: number; last_row_id: number | bigint; duration: number };
}

export type ValueType = "text" | "json" | "arrayBuffer" | "bytes";

/** In the manner of Workers KV, but every method answers at once. A key has 1 to 512 bytes of UTF-8. */
export interface KeyValues {
  get(key: string, type?: "text" | { type?: "text" }): string | null;
  get<T = unknown>(key: string, type: "json" | { type: "json" }): T | null;
  get(key: string, type: "arrayBuffer" | { type: "arrayBuffer" }): ArrayBuffer | null;
  get(key: string, type: "bytes" | { type: "bytes" }): Uint8Array<ArrayBuffer> | null;
  /** With metadata (null if none) and the version, 0 if the key is not there. */
  getWithMetadata<V = string, M = unknown>(
    key: string,
    type?: ValueType | { type?: ValueType },
  ): { value: V | null; metadata: M | null; version: number };
  /** The new version; false, and nothing is written, if `ifVersion` is given and not the present one. At most 4 MiB. */
  put(key: string, value: string | ArrayBuffer | ArrayBufferView, options?: PutOptions): number | false;
  delete(key: string): void;
  list<M = unknown>(options?: {
    prefix?: string;
    /** 1 to 1,000. */
    limit?: number;
    cursor?: string;
  }): { keys: { name: string; expiration?: number; metadata?: M }[]; list_complete: boolean; cursor?: string };
}

export interface PutOptions {
  /** Seconds from now, or since 1970: the key is not seen after. */
  expirationTtl?: number;
  expiration?: number;
  /** At most 1,024 bytes as JSON. */
  metadata?: unknown;
  /** Only if this is the key's version; 0: only if it is not there. */
  ifVersion?: number;
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

/** Bytes of an answer to a contract. */
export type ChainResult = string | ArrayBuffer | ArrayBufferView | null | undefined | void;

/** The first argument of `chain`. */
export interface ChainRequest {
  readonly chainId: number;
  /** The anchor's number of the request: the same one for every try to answer it. */
  readonly requestId: bigint;
  /** The phat's contract on chain, and who asked: addresses, "0x…" in lower case. */
  readonly app: string;
  readonly consumer: string;
  /** When the answer comes too late. */
  readonly deadline: Date;
  /** What was asked, at most 128 KiB. */
  readonly input: Uint8Array;
  text(): string;
  json(): unknown;
}

/** The first argument of `scheduled`. */
export interface ScheduledController {
  readonly type: "scheduled";
  /** The expression that fired, as phat.json has it. */
  readonly cron: string;
  /** The planned time, milliseconds since 1970. */
  readonly scheduledTime: number;
}
