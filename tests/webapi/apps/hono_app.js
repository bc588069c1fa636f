// An unmodified Hono application: routing, parameters, middleware, JSON, forms, cookies, streams, errors.

import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { getCookie, setCookie } from "hono/cookie";
import { cors } from "hono/cors";
import { etag } from "hono/etag";
import { html } from "hono/html";
import { HTTPException } from "hono/http-exception";
import { jwt, sign } from "hono/jwt";
import { streamSSE, streamText } from "hono/streaming";

const app = new Hono();
app.use("/api/*", cors());
app.use("/etag", etag());
app.use("/admin/*", basicAuth({ username: "u", password: "p" }));
app.use("/jwt/*", (c, next) => jwt({ secret: c.env.KEY, alg: "HS256" })(c, next));
app.get("/", (c) => c.text("home"));
app.get("/api/:name/:id{[0-9]+}", (c) => c.json({ ...c.req.param(), q: c.req.query("q"), agent: c.req.header("user-agent") }));
app.post("/api/echo", async (c) => c.json(await c.req.json(), 201));
app.post("/form", async (c) => {
  const body = await c.req.parseBody();
  return c.text(`${body.name} ${body.file instanceof File ? `${body.file.name}:${await body.file.text()}` : ""}`);
});
app.get("/cookie", (c) => {
  setCookie(c, "b", "2", { httpOnly: true, path: "/" });
  setCookie(c, "c", "3");
  return c.text(getCookie(c, "a") ?? "none");
});
app.get("/etag", (c) => c.text("tagged"));
app.get("/html", (c) => c.html(html`<p>${"<escaped>"}</p>`));
app.get("/stream", (c) => streamText(c, async (stream) => {
  for (const word of ["a", "b", "c"]) {
    await stream.writeln(word);
    await stream.sleep(5);
  }
}));
app.get("/sse", (c) => streamSSE(c, async (stream) => {
  await stream.writeSSE({ event: "tick", data: "1", id: "x" });
}));
app.get("/admin/x", (c) => c.text("in"));
app.get("/token", async (c) => c.text(await sign({ sub: "me" }, c.env.KEY, "HS256")));
app.get("/jwt/me", (c) => c.json(c.get("jwtPayload")));
app.get("/proxy", (c) => fetch(new Request("http://origin.test/x", c.req.raw)));
app.get("/boom", () => {
  throw new Error("handler failed");
});
app.get("/redirect", (c) => c.redirect("/"));
app.notFound((c) => c.text("nothing here", 404));
app.onError((error, c) => error instanceof HTTPException ? error.getResponse() : c.text(`caught ${error.message}`, 500));

export default app;
