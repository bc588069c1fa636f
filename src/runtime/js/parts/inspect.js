// Values as text for console: the notation that other server runtimes print. Errors as text for logs and for the owner
// of a phat: `Error: message`, then one `    at fn (worker.js:12:5)` per frame. The seldom-used rest of console.

export default function (I) {
  const kWidth = 76;
  const kItems = 100;
  const kIdentifier = /^[A-Za-z_$][A-Za-z0-9_$]*$/;
  const tagOf = (value) => Object.prototype.toString.call(value).slice(8, -1);

  function quote(text) {
    const q = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes("`") ? "`" : "'";
    let out = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
    if (q === "'") out = out.replaceAll("'", "\\'");
    return q + out + q;
  }

  const keyText = (key) => (typeof key === "symbol" ? `[${String(key)}]` : kIdentifier.test(key) ? key : quote(key));

  function className(value) {
    let proto = value;
    while (proto !== null) {
      const own = Object.getOwnPropertyDescriptor(proto, "constructor");
      if (own !== undefined && typeof own.value === "function" && own.value.name !== "") return own.value.name;
      proto = Object.getPrototypeOf(proto);
    }
    return null;
  }

  class Printer {
    constructor(depth) {
      this.depth = depth;
      this.seen = [];
      this.circular = new Map();
    }

    value(v, level) {
      switch (typeof v) {
        case "string":
          return quote(v.length > 10000 ? `${v.slice(0, 10000)}… ${v.length - 10000} more characters` : v);
        case "bigint":
          return `${v}n`;
        case "number":
          return Object.is(v, -0) ? "-0" : `${v}`;
        case "symbol":
          return String(v);
        case "object":
          return v === null ? "null" : this.object(v, level);
        case "function":
          return this.object(v, level);
        default:
          return String(v);
      }
    }

    object(v, level) {
      const at = this.seen.indexOf(v);
      if (at >= 0) {
        if (!this.circular.has(v)) this.circular.set(v, this.circular.size + 1);
        return `[Circular *${this.circular.get(v)}]`;
      }
      const custom = v[Symbol.for("nodejs.util.inspect.custom")];
      if (typeof custom === "function") {
        const result = custom.call(v, this.depth - level, {}, inspect);
        if (result !== v) return typeof result === "string" ? result : this.value(result, level);
      }
      this.seen.push(v);
      try {
        const text = this.body(v, level);
        const ref = this.circular.get(v);
        return ref === undefined ? text : `<ref *${ref}> ${text}`;
      } finally {
        this.seen.pop();
      }
    }

    body(v, level) {
      const name = className(v);
      const tag = tagOf(v);
      if (v instanceof Error) return this.error(v, level);
      if (typeof v === "function") return this.withProps(this.functionHead(v, name), v, level);
      if (Array.isArray(v)) return this.list(v, level, name === "Array" ? "" : `${name ?? "[Array: null prototype]"}(${v.length}) `);
      if (v instanceof Date) return Number.isNaN(v.getTime()) ? "Invalid Date" : v.toISOString();
      if (v instanceof RegExp) return this.withProps(String(v), v, level);
      if (v instanceof Map) return this.collection(v, level, `${name}(${v.size}) `, (e) => `${this.value(e[0], level + 1)} => ${this.value(e[1], level + 1)}`);
      if (v instanceof Set) return this.collection(v, level, `${name}(${v.size}) `, (e) => this.value(e, level + 1));
      if (v instanceof Promise) return "Promise { … }";
      if (v instanceof WeakMap || v instanceof WeakSet) return `${name} { <items unknown> }`;
      if (v instanceof ArrayBuffer) return this.fields(`${name} `, [`byteLength: ${v.byteLength}`], level);
      if (v instanceof DataView) return this.fields(`${name} `, [`byteLength: ${v.byteLength}`, `byteOffset: ${v.byteOffset}`], level);
      if (ArrayBuffer.isView(v)) return this.list(v, level, `${name}(${v.length}) `);
      if (v instanceof String || v instanceof Number || v instanceof Boolean) return `[${name}: ${this.value(v.valueOf(), level)}]`;
      const web = this.web(v, level, name);
      if (web !== null) return web;
      let head = name === "Object" ? "" : `${name ?? "[Object: null prototype]"} `;
      if (tag !== "Object" && tag !== name && Object.hasOwn(v, Symbol.toStringTag)) head += `[${tag}] `;
      if (level > this.depth) return `[${name ?? "Object: null prototype"}]`;
      return this.fields(head, this.props(v, level, Reflect.ownKeys(v)), level);
    }

    // Web objects keep their state in accessors of the prototype.
    web(v, level, name) {
      const { Headers, Request, Response } = I;
      let shown = null;
      if (v instanceof Headers) return this.fields("Headers ", [...v].map(([k, x]) => `${keyText(k)}: ${quote(x)}`), level);
      if (v instanceof Request) shown = ["method", "url", "headers", "bodyUsed"];
      else if (v instanceof Response) shown = ["status", "statusText", "headers", "bodyUsed", "ok", "redirected", "type", "url"];
      else if (I.used("url") !== undefined && v instanceof I.use("url").URL) {
        shown = ["href", "origin", "protocol", "host", "pathname", "search", "hash"];
      } else if (I.used("url")?.isParams(v)) return this.fields("URLSearchParams ", [...v].map(([k, x]) => `${quote(k)} => ${quote(x)}`), level);
      else if (I.used("blob")?.isForm(v)) {
        return this.fields("FormData ", [...v].map(([k, x]) => `${quote(k)} => ${this.value(x, level + 1)}`), level);
      } else if (I.used("blob")?.isBlob(v)) shown = v.name === undefined ? ["size", "type"] : ["size", "type", "name", "lastModified"];
      else if (I.used("events")?.isSignal(v)) shown = ["aborted"];
      if (shown === null) return null;
      if (level > this.depth) return `[${name}]`;
      return this.fields(`${name} `, shown.map((key) => `${key}: ${this.value(v[key], level + 1)}`), level);
    }

    functionHead(v, name) {
      const source = Function.prototype.toString.call(v);
      if (source.startsWith("class")) {
        const parent = Object.getPrototypeOf(v)?.name;
        return `[class ${v.name || "(anonymous)"}${parent ? ` extends ${parent}` : ""}]`;
      }
      const kind = name === "Object" || name === null ? "Function" : name;
      return v.name === "" ? `[${kind} (anonymous)]` : `[${kind}: ${v.name}]`;
    }

    error(v, level) {
      const text = level === 0 ? I.describe(v) : I.describe(v).replaceAll("\n", `\n${"  ".repeat(level)}`);
      const own = Object.keys(v).filter((k) => !["line", "column", "sourceURL", "stack", "message", "name", "cause", "errors"].includes(k));
      return own.length === 0 ? text : this.fields(`${text} `, this.props(v, level, own), level);
    }

    props(v, level, keys) {
      const out = [];
      for (const key of keys) {
        const own = Reflect.getOwnPropertyDescriptor(v, key);
        if (own === undefined || !own.enumerable) continue;
        if (out.length >= kItems) {
          out.push("…");
          break;
        }
        let text;
        if (own.get !== undefined) text = own.set === undefined ? "[Getter]" : "[Getter/Setter]";
        else if (own.set !== undefined) text = "[Setter]";
        else text = this.value(own.value, level + 1);
        out.push(`${keyText(key)}: ${text}`);
      }
      return out;
    }

    withProps(head, v, level) {
      const props = this.props(v, level, Object.keys(v));
      return props.length === 0 ? head : this.fields(`${head} `, props, level);
    }

    list(v, level, head) {
      if (level > this.depth) return `[${className(v) ?? "Array"}]`;
      const out = [];
      let holes = 0;
      const flush = () => {
        if (holes > 0) out.push(`<${holes} empty item${holes > 1 ? "s" : ""}>`);
        holes = 0;
      };
      const shown = Math.min(v.length, kItems);
      for (let i = 0; i < shown; i++) {
        if (Object.hasOwn(v, i)) {
          flush();
          out.push(this.value(v[i], level + 1));
        } else {
          holes++;
        }
      }
      flush();
      if (v.length > shown) out.push(`… ${v.length - shown} more item${v.length - shown > 1 ? "s" : ""}`);
      if (Array.isArray(v)) out.push(...this.props(v, level, Object.keys(v).filter((k) => !/^\d+$/.test(k))));
      return this.fields(head, out, level, "[", "]");
    }

    collection(v, level, head, show) {
      if (level > this.depth) return `[${className(v)}]`;
      const out = [];
      for (const entry of v) {
        if (out.length >= kItems) {
          out.push(`… ${v.size - kItems} more`);
          break;
        }
        out.push(show(entry));
      }
      return this.fields(head, out, level);
    }

    fields(head, items, level, open = "{", close = "}") {
      if (items.length === 0) return `${head}${open}${close}`;
      const line = items.join(", ");
      if (line.length + head.length + 2 * level <= kWidth && !line.includes("\n")) return `${head}${open} ${line} ${close}`;
      const pad = "  ".repeat(level + 1);
      const short = items.every((item) => item.length <= 16 && !item.includes("\n"));
      let rows = items;
      if (short && items.length > 6) {
        rows = [];
        const widest = Math.max(...items.map((item) => item.length)) + 2;
        const columns = Math.max(1, Math.min(16, Math.floor(kWidth / widest)));
        for (let i = 0; i < items.length; i += columns) rows.push(items.slice(i, i + columns).join(", "));
      }
      return `${head}${open}\n${pad}${rows.join(`,\n${pad}`)}\n${"  ".repeat(level)}${close}`;
    }
  }

  /** One value as text. */
  function inspect(value, options = undefined) {
    const depth = options?.depth === null ? Infinity : options?.depth ?? 2;
    try {
      return new Printer(depth).value(value, 0);
    } catch {
      return "<a value that cannot be shown>"; // a getter or a trap of it throws
    }
  }

  const plain = (value) => (typeof value === "string" ? value : inspect(value));

  function directive(kind, value) {
    switch (kind) {
      case "s":
        if (typeof value === "bigint") return `${value}n`;
        return typeof value === "object" && value !== null ? inspect(value, { depth: 0 }) : String(value);
      case "d":
        return typeof value === "bigint" ? `${value}n` : typeof value === "symbol" || typeof value === "object" ? "NaN" : `${Number(value)}`;
      case "i":
        return typeof value === "bigint" ? `${value}n` : typeof value === "symbol" || typeof value === "object" ? "NaN" : `${parseInt(value, 10)}`;
      case "f":
        return typeof value === "symbol" ? "NaN" : `${parseFloat(value)}`;
      case "j":
        try {
          return JSON.stringify(value) ?? "undefined";
        } catch {
          return "[Circular]";
        }
      case "c":
        return "";
      default:
        return inspect(value, { depth: 4 });
    }
  }

  /** The text of a console call's arguments (Console Standard §2.2). */
  function format(args) {
    let rest = args;
    let text = "";
    if (typeof args[0] === "string" && args.length > 1) {
      let next = 1;
      text = args[0].replace(/%([sdifjoOc%])/g, (all, kind) => {
        if (kind === "%") return "%";
        return next < args.length ? directive(kind, args[next++]) : all;
      });
      rest = args.slice(next);
      return [text, ...rest.map(plain)].join(" ");
    }
    return rest.map(plain).join(" ");
  }

  function trace(args) {
    const error = new Error(args.length === 0 ? "" : format(args));
    error.name = "Trace";
    return I.describe(error);
  }

  /** console.table. */
  function table(data, columns) {
    if (typeof data !== "object" || data === null) return plain(data);
    const rows = data instanceof Map ? [...data] : data instanceof Set ? [...data].map((v, i) => [i, v]) : Object.entries(data);
    const names = [];
    let values = false;
    for (const [, row] of rows) {
      if (typeof row !== "object" || row === null) values = true;
      else for (const key of Object.keys(row)) if (!names.includes(key)) names.push(key);
    }
    const shown = columns === undefined ? names : columns.map(String);
    const head = ["(index)", ...shown, ...(values ? ["Values"] : [])];
    const cells = rows.map(([key, row]) => {
      const isObject = typeof row === "object" && row !== null;
      const cell = (name) => (isObject && Object.hasOwn(row, name) ? inspect(row[name], { depth: 0 }) : "");
      return [String(key), ...shown.map(cell), ...(values ? [isObject ? "" : inspect(row, { depth: 0 })] : [])];
    });
    const widths = head.map((h, i) => Math.max(h.length, ...cells.map((row) => row[i].length)) + 2);
    const line = (row) => `│${row.map((c, i) => ` ${c}`.padEnd(widths[i])).join("│")}│`;
    const rule = (a, b, c) => a + widths.map((w) => "─".repeat(w)).join(b) + c;
    return [rule("┌", "┬", "┐"), line(head), rule("├", "┼", "┤"), ...cells.map(line), rule("└", "┴", "┘")].join("\n");
  }

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
  function describe(value, depth = 0) {
    try {
      if (!(value instanceof Error)) return typeof value === "string" ? value : inspect(value);
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

  const kDebug = 0;
  const kInfo = 1;
  const kWarn = 2;
  const kError = 3;
  const counts = new Map();
  const timers = new Map();

  function elapsed(label) {
    const start = timers.get(label);
    if (start === undefined) {
      I.write(kWarn, [`Timer '${label}' does not exist`]);
      return undefined;
    }
    return `${label}: ${I.N.mono() - start}ms`;
  }

  const consoleRest = {
    trace: (...args) => I.write(kDebug, [trace(args)]),
    assert(condition = false, ...args) {
      if (condition) return;
      if (typeof args[0] === "string") args[0] = `Assertion failed: ${args[0]}`;
      else args.unshift("Assertion failed");
      I.write(kError, args);
    },
    dir: (item, options = undefined) => I.write(kInfo, [inspect(item, options)]),
    dirxml: (...args) => I.write(kInfo, args),
    table: (data, columns = undefined) => I.write(kInfo, [table(data, columns)]),
    count(label = "default") {
      label = `${label}`;
      const n = (counts.get(label) ?? 0) + 1;
      counts.set(label, n);
      I.write(kInfo, [`${label}: ${n}`]);
    },
    countReset(label = "default") {
      label = `${label}`;
      if (!counts.delete(label)) I.write(kWarn, [`Count for '${label}' does not exist`]);
    },
    time(label = "default") {
      label = `${label}`;
      if (timers.has(label)) I.write(kWarn, [`Timer '${label}' already exists`]);
      else timers.set(label, I.N.mono());
    },
    timeLog(label = "default", ...args) {
      const text = elapsed(`${label}`);
      if (text !== undefined) I.write(kInfo, [text, ...args]);
    },
    timeEnd(label = "default") {
      const text = elapsed(`${label}`);
      if (text === undefined) return;
      timers.delete(`${label}`);
      I.write(kInfo, [text]);
    },
    group(...args) {
      if (args.length > 0) I.write(kInfo, args);
      I.indentBy(1);
    },
    groupCollapsed(...args) {
      consoleRest.group(...args);
    },
    groupEnd() {
      I.indentBy(-1);
    },
    clear() {
      I.indentBy(-Infinity);
    },
  };

  return { inspect, format, describe, consoleRest };
}
