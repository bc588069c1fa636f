// Compiles: the types allow what a phat may do. Each @ts-expect-error is something they refuse.

import type { Assets, ChainRequest, Phat, PhatEnv, PhatState, ScheduledController } from "../index";

interface Env extends PhatEnv {
  API_KEY: string;
}

export default {
  async fetch(request, env, ctx) {
    ctx.waitUntil(fetch("https://example.com/", { headers: { authorization: env.API_KEY } }));
    const digest = await crypto.subtle.digest("SHA-256", await request.arrayBuffer());
    const page: string | null = env.ASSETS.text("index.html");
    // @ts-expect-error env is frozen
    env.ASSETS = null as unknown as Assets;
    const [log] = await env.CHAIN.getLogs({ address: "0x00", topics: [null, ["0x01"]], fromBlock: (await env.CHAIN.block()).number });
    const wei: bigint = await env.CHAIN.getBalance(log?.address ?? "0x00", { block: 7n });
    // @ts-expect-error bytes are written 0x…
    await env.CHAIN.call({ to: "00" });
    const { hash } = await env.WALLET.send({ to: await env.WALLET.address, data: new Uint8Array(4), value: await env.WALLET.balance(), idempotencyKey: "a" });
    const mined: boolean = (await env.WALLET.receipt(hash))?.success ?? (await env.WALLET.wait(hash, { final: false })).final;
    // @ts-expect-error a contract cannot be created
    await env.WALLET.send({ data: mined ? "0x" : "0x00" });
    // @ts-expect-error there is no such variable
    env.NOPE.length;
    return Response.json({ id: ctx.phat.id, size: digest.byteLength, page, wei: `${wei}` });
  },
  chain(request: ChainRequest) {
    return request.requestId > 0n ? request.input : request.text();
  },
  scheduled(controller: ScheduledController) {
    console.log(controller.cron, new Date(controller.scheduledTime));
  },
} satisfies Phat<Env>;

export const sync = { fetch: () => new Response("hello") } satisfies Phat;

// @ts-expect-error a handler returns a Response
export const wrong = { fetch: () => "hello" } satisfies Phat;

// @ts-expect-error there is no such handler
export const unknown = { email() {} } satisfies Phat;

interface StateEnv extends PhatEnv, PhatState {}

export const counter = {
  fetch(request, env) {
    const { DB, KV } = env;
    DB.exec("CREATE TABLE IF NOT EXISTS t(n INTEGER)");
    const changes: number = DB.prepare("INSERT INTO t VALUES(?)").bind(1n).run().meta.changes;
    const n = DB.prepare("SELECT count(*) AS n FROM t").first<number>("n") ?? 0;
    const rows: { n: number }[] = DB.prepare("SELECT n FROM t").all<{ n: number }>().results;
    const both: number = DB.transaction(() => rows.length + changes);
    const { version } = KV.getWithMetadata(request.url);
    const kept: number | false = KV.put(request.url, new Uint8Array(n), { ifVersion: version, expirationTtl: 60 });
    const text: string | null = KV.get("a");
    const bytes: ArrayBuffer | null = KV.get("a", "arrayBuffer");
    const cursor: string | undefined = KV.list({ prefix: "a" }).cursor;
    // @ts-expect-error the function must not be asynchronous
    DB.transaction(async () => 1);
    // @ts-expect-error an object is no value
    DB.prepare("SELECT ?").bind({});
    // @ts-expect-error nor is a number one of a key
    KV.put("a", 1);
    return Response.json({ both, kept, text, bytes, cursor });
  },
} satisfies Phat<StateEnv>;

// @ts-expect-error only a phat with state has a database
export const stateless = { fetch: (_, env) => new Response(`${env.DB}`) } satisfies Phat;
