// Bundles the prelude: main.js and each parts/*.js become one script each, embedded in a C file.
//
// usage: node build.mjs OUT.c OUT.h DEPFILE
//
// A script is one expression statement, so that evaluating it yields the module's default export. Identifiers of our
// own files keep their names (they are what `Response.name` and stack traces show).

import { build } from "esbuild";
import { readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { cArray } from "../../../tools/embed.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const [outC, outH, depfile] = process.argv.slice(2);

// What a library would bring twice, or slower, comes from the prelude instead.
const replace = {
  "whatwg-url/lib/encoding.js": "lib/url_encoding.js",
  "tr46/index.js": "lib/url_idna.js",
};
const replacing = {
  name: "replacing",
  setup(b) {
    b.onResolve({ filter: /^(\.\/encoding|tr46)$/ }, (args) => {
      if (!args.importer.includes("whatwg-url")) return undefined;
      const key = args.path === "tr46" ? "tr46/index.js" : "whatwg-url/lib/encoding.js";
      return { path: join(here, replace[key]) };
    });
  },
};

async function bundle(file, minifyIdentifiers) {
  const result = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    metafile: true,
    format: "iife",
    globalName: "__p",
    banner: { js: "(function(){" },
    footer: { js: "return __p.default})()" },
    target: "esnext",
    charset: "ascii",
    legalComments: "none",
    minifyWhitespace: true,
    minifySyntax: true,
    minifyIdentifiers,
    plugins: [replacing],
    logLevel: "error",
    absWorkingDir: here,
  });
  return { text: result.outputFiles[0].contents, inputs: Object.keys(result.metafile.inputs) };
}

const parts = readdirSync(join(here, "parts")).filter((f) => f.endsWith(".js")).sort();
const names = ["main", ...parts.map((f) => basename(f, ".js"))];
const inputs = new Set();
let c = '#include "prelude.h"\n\n#include <string.h>\n\n';
let table = "";
for (const name of names) {
  const file = name === "main" ? "main.js" : join("parts", `${name}.js`);
  const { text, inputs: used } = await bundle(join(here, file), name === "idna");
  for (const path of used) inputs.add(join(here, path));
  c += cArray(`src_${name}`, text);
  table += `    {"${name}", "phala:${name}", (const char *)src_${name}, ${text.length}},\n`;
}
c += `
static const struct ph_prelude_script scripts[] = {
${table}};

const struct ph_prelude_script *ph_prelude_script(const char *name)
{
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (strcmp(scripts[i].name, name) == 0)
            return &scripts[i];
    }
    return NULL;
}
`;
const h = `#ifndef PH_RUNTIME_PRELUDE_H
#define PH_RUNTIME_PRELUDE_H

/* The web API of phats in JavaScript, embedded. Generated from src/runtime/js by build.mjs. */

#include <stddef.h>

struct ph_prelude_script {
    const char *name; /* "main", or a part that main asks for when it is first used */
    const char *url;  /* what stack traces call it: "phala:" and the name */
    const char *text; /* ASCII, NUL-terminated */
    size_t len;       /* without the NUL */
};

/* NULL: no script has this name. "main" is evaluated before any phat. */
const struct ph_prelude_script *ph_prelude_script(const char *name);

#endif
`;
writeFileSync(outC, c);
writeFileSync(outH, h);
const self = fileURLToPath(import.meta.url);
const deps = [...inputs, self].map((p) => relative(process.cwd(), p).replaceAll(" ", "\\ "));
writeFileSync(depfile, `${relative(process.cwd(), outC)}: ${deps.join(" ")}\n`);
