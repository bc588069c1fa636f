// env.ASSETS: the files of the bundle.

export default function (I) {
  const { N, Response, use } = I;

  const kTypes = {
    css: "text/css", csv: "text/csv", gif: "image/gif", htm: "text/html", html: "text/html", ico: "image/vnd.microsoft.icon",
    jpeg: "image/jpeg", jpg: "image/jpeg", js: "text/javascript", json: "application/json", mjs: "text/javascript",
    pdf: "application/pdf", png: "image/png", svg: "image/svg+xml", txt: "text/plain", wasm: "application/wasm",
    webp: "image/webp", woff2: "font/woff2", xml: "application/xml",
  };

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

  return { assets: Object.freeze(new Assets()) };
}
