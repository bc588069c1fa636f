// console: text goes to the log of the call. Everything but a plain line of strings is formatted by the inspect part.

import { N, currentCall, use } from "./internal.js";

const kDebug = 0;
const kInfo = 1;
const kWarn = 2;
const kError = 3;
let indent = "";

export function write(level, args) {
  let text;
  if (args.length === 1 && typeof args[0] === "string") text = args[0];
  else text = use("inspect").format(args);
  if (indent !== "") text = indent + text.replaceAll("\n", `\n${indent}`);
  N.log(currentCall(), level, text);
}

const counts = new Map();
const timers = new Map();

function elapsed(label) {
  const start = timers.get(label);
  if (start === undefined) {
    write(kWarn, [`Timer '${label}' does not exist`]);
    return undefined;
  }
  return `${label}: ${N.mono() - start}ms`;
}

export const console = {
  debug: (...args) => write(kDebug, args),
  log: (...args) => write(kInfo, args),
  info: (...args) => write(kInfo, args),
  warn: (...args) => write(kWarn, args),
  error: (...args) => write(kError, args),
  trace: (...args) => write(kDebug, [use("inspect").trace(args)]),
  assert(condition = false, ...args) {
    if (condition) return;
    if (typeof args[0] === "string") args[0] = `Assertion failed: ${args[0]}`;
    else args.unshift("Assertion failed");
    write(kError, args);
  },
  dir: (item, options = undefined) => write(kInfo, [use("inspect").inspect(item, options)]),
  dirxml: (...args) => write(kInfo, args),
  table: (data, columns = undefined) => write(kInfo, [use("inspect").table(data, columns)]),
  count(label = "default") {
    label = `${label}`;
    const n = (counts.get(label) ?? 0) + 1;
    counts.set(label, n);
    write(kInfo, [`${label}: ${n}`]);
  },
  countReset(label = "default") {
    label = `${label}`;
    if (!counts.delete(label)) write(kWarn, [`Count for '${label}' does not exist`]);
  },
  time(label = "default") {
    label = `${label}`;
    if (timers.has(label)) write(kWarn, [`Timer '${label}' already exists`]);
    else timers.set(label, N.mono());
  },
  timeLog(label = "default", ...args) {
    const text = elapsed(`${label}`);
    if (text !== undefined) write(kInfo, [text, ...args]);
  },
  timeEnd(label = "default") {
    const text = elapsed(`${label}`);
    if (text === undefined) return;
    timers.delete(`${label}`);
    write(kInfo, [text]);
  },
  group(...args) {
    if (args.length > 0) write(kInfo, args);
    indent += "  ";
  },
  groupCollapsed(...args) {
    console.group(...args);
  },
  groupEnd() {
    indent = indent.slice(2);
  },
  clear() {
    indent = "";
  },
};
Object.defineProperty(console, Symbol.toStringTag, { value: "console", configurable: true });
