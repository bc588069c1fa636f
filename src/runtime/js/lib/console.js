// console: text goes to the log of the call. Everything but a line of one string is formatted by the inspect part.

import { I, N, currentCall, use } from "./internal.js";

let indent = "";

export function write(level, args) {
  let text;
  if (args.length === 1 && typeof args[0] === "string") text = args[0];
  else text = use("inspect").format(args);
  if (indent !== "") text = indent + text.replaceAll("\n", `\n${indent}`);
  N.log(currentCall(), level, text);
}
I.write = write;
I.indentBy = (steps) => {
  indent = "  ".repeat(Math.max(0, indent.length / 2 + steps));
};

export const console = {
  debug: (...args) => write(0, args),
  log: (...args) => write(1, args),
  info: (...args) => write(1, args),
  warn: (...args) => write(2, args),
  error: (...args) => write(3, args),
};
for (const name of ["assert", "clear", "count", "countReset", "dir", "dirxml", "group", "groupCollapsed", "groupEnd", "table", "time",
  "timeEnd", "timeLog", "trace"]) {
  console[name] = (...args) => use("inspect").consoleRest[name](...args);
}
Object.defineProperty(console, Symbol.toStringTag, { value: "console", configurable: true });
