// Bundles a phat as `phala deploy` does: one script whose exports are the global __phat.
// usage: node bundle.mjs IN.js OUT.js

import { build } from "esbuild";

const [input, outfile] = process.argv.slice(2);
await build({ entryPoints: [input], outfile, bundle: true, format: "iife", globalName: "__phat", target: "es2022", logLevel: "error" });
