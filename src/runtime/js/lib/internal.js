// What every other file stands on: the natives, captured before a phat can see them, the table of parts that are
// evaluated at first use, and the id of the call whose code runs.

export const N = globalThis.__ph;
delete globalThis.__ph;

// The mark by which the prelude's own code constructs objects in constructors that a phat can call too.
export const kMake = Symbol("make");

// Shared with the parts: what they need of main and of each other.
export const I = { N, kMake, use };

const loaded = Object.create(null);

/** The exports of a part; evaluates it at first use. */
export function use(name) {
  return loaded[name] ??= N.part(name)(I);
}

/** The exports of a part if it is in use already; else undefined: then no object of its classes exists. */
export function used(name) {
  return loaded[name];
}
I.used = used;

// A turn belongs to the call that caused it: each hook sets it, and the promise jobs after the hook run under it too.
let current = 0;
export const currentCall = () => current;
export const enterCall = (call) => {
  current = call;
};
I.currentCall = currentCall;
I.enterCall = enterCall;

/** Defines a global as the web's globals are: writable, configurable, not enumerable. */
export function defineGlobal(name, value) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

/** Defines globals that cost nothing until touched: their part is evaluated then. */
export function lazyGlobals(part, names) {
  for (const name of names) {
    Object.defineProperty(globalThis, name, {
      configurable: true,
      enumerable: false,
      get() {
        const value = use(part)[name];
        defineGlobal(name, value);
        return value;
      },
      set(value) {
        defineGlobal(name, value);
      },
    });
  }
}

/** Makes a class look as Web IDL asks: its name (the bundler may have changed it), enumerable members, a string tag. */
export function webClass(cls, name = cls.name) {
  const proto = cls.prototype;
  if (cls.name !== name) Object.defineProperty(cls, "name", { value: name, configurable: true });
  for (const key of Object.getOwnPropertyNames(proto)) {
    if (key !== "constructor") Object.defineProperty(proto, key, { enumerable: true });
  }
  Object.defineProperty(proto, Symbol.toStringTag, { value: name, configurable: true });
}
I.webClass = webClass;

const kStrings = /[\ud800-\udfff]/;

/** Web IDL's USVString. */
export function usv(value) {
  const s = `${value}`;
  return kStrings.test(s) ? s.toWellFormed() : s;
}
I.usv = usv;

/** A private copy of the bytes behind an ArrayBuffer or a view. */
export function copyBytes(source) {
  if (source instanceof ArrayBuffer) return new Uint8Array(source).slice();
  return new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice();
}
I.copyBytes = copyBytes;

export function isBytes(value) {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}
I.isBytes = isBytes;

export function concat(chunks) {
  if (chunks.length === 1) return chunks[0];
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}
I.concat = concat;

export const exception = (message, name) => new (use("events").DOMException)(message, name);
I.exception = exception;

/** The text of anything thrown; never throws. */
export const describe = (value) => use("inspect").describe(value);
I.describe = describe;
