// Bundles the prelude: main.js and each parts/*.js become one script each, embedded in a C file.
//
// usage: node build.mjs OUT.c OUT.h DEPFILE
//
// Ninja runs it again when a bundled file changes; after adding a file to parts/, touch this one.
//
// A script is a block, which keeps its names to itself; a function around it would be parsed twice. A part ends with an
// assignment of its default export, a function that main calls with its internals: that is its completion value.

import { build, transform } from "esbuild";
import { readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { cArray } from "../../../tools/embed.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const [outC, outH, depfile] = process.argv.slice(2);

// What a library would bring twice, or slower, comes from the prelude instead.
const stands = {
  "./encoding": "url_encoding.js",
  tr46: "url_idna.js",
};
const replacing = {
  name: "replacing",
  setup(b) {
    b.onResolve({ filter: /^(\.\/encoding|tr46)$/ }, (args) =>
      args.importer.includes("whatwg-url") ? { path: join(here, "lib", stands[args.path]) } : undefined,
    );
  },
};

// Libraries whose identifiers may be shortened: nothing shows the names of their functions and classes.
const short = ["main", "idna", "url", "url_parser"];

async function bundle(name, file) {
  const result = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    target: "esnext",
    charset: "ascii",
    legalComments: "none",
    plugins: [replacing],
    logLevel: "error",
    absWorkingDir: here,
  });
  // The bundler turns what is declared at the top level into var, which would leave the block.
  let text = result.outputFiles[0].text.replace(/^var /gm, "let ");
  const exported = /^export \{\n  (\w+) as default\n\};\n/m.exec(text);
  if (exported !== null) text = text.replace(exported[0], `${exported[1]}.part = ${exported[1]};`);
  const { code } = await transform(`"use strict";{${text}}`, {
    minifyWhitespace: true,
    minifySyntax: true,
    minifyIdentifiers: short.includes(name),
    target: "esnext",
    charset: "ascii",
    legalComments: "none",
  });
  return { text: Buffer.from(code), inputs: Object.keys(result.metafile.inputs) };
}

const parts = readdirSync(join(here, "parts")).filter((f) => f.endsWith(".js")).sort();
const names = ["main", ...parts.map((f) => basename(f, ".js"))];
const inputs = new Set();
let c = '#include "prelude.h"\n\n#include <string.h>\n\n';
let table = "";
for (const name of names) {
  const file = name === "main" ? "main.js" : join("parts", `${name}.js`);
  const { text, inputs: used } = await bundle(name, join(here, file));
  for (const input of used) inputs.add(join(here, input));
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
