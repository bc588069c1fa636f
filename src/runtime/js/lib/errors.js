// Errors as text for logs and for the owner of a phat: `Error: message`, then one `    at fn (worker.js:12:5)` per frame.

import { I, use } from "./internal.js";

// A frame of the engine: `fn@file:line:column`; the function may be missing, frames of natives have no position.
function frameText(line) {
  const at = line.lastIndexOf("@");
  const fn = at > 0 ? line.slice(0, at) : "";
  const where = at >= 0 ? line.slice(at + 1) : line;
  if (where === "" || where.startsWith("phala:")) return "";
  if (where === "[native code]") return fn ? `\n    at ${fn} (native)` : "";
  if (fn === "" || fn.endsWith(" code")) return `\n    at ${where}`;
  return `\n    at ${fn} (${where})`;
}

function stackText(error) {
  const stack = error.stack;
  let text = "";
  if (typeof stack === "string" && stack !== "") {
    for (const line of stack.split("\n")) text += frameText(line);
  }
  // An error of the parser has a position but no frame in the script.
  if (error instanceof SyntaxError && typeof error.line === "number" && typeof error.sourceURL === "string" &&
      !error.sourceURL.startsWith("phala:")) {
    const where = `${error.sourceURL}:${error.line}`;
    if (!text.includes(where)) text = `\n    at ${where}:${error.column ?? 1}${text}`;
  }
  return text;
}

/** The text of anything thrown; never throws. */
export function describe(value, depth = 0) {
  try {
    if (!(value instanceof Error)) return typeof value === "string" ? value : use("inspect").inspect(value);
    const name = `${value.name}`;
    const message = `${value.message}`;
    const head = name === "" ? message : message === "" ? name : `${name}: ${message}`;
    let text = head + stackText(value);
    if (depth < 4) {
      if (value.cause !== undefined) text += `\n  [cause]: ${describe(value.cause, depth + 1).replaceAll("\n", "\n  ")}`;
      if (value instanceof AggregateError) {
        for (const e of value.errors) text += `\n  [errors]: ${describe(e, depth + 1).replaceAll("\n", "\n  ")}`;
      }
    }
    return text;
  } catch {
    return "an error that cannot be shown";
  }
}
I.describe = describe;
