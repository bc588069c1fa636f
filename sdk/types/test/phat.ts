// Compiles: the types allow what a phat may do. Each @ts-expect-error is something they refuse.

import type { Assets, Phat, PhatEnv, ScheduledController } from "../index";

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
    // @ts-expect-error there is no such variable
    env.NOPE.length;
    return Response.json({ id: ctx.phat.id, size: digest.byteLength, page });
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
