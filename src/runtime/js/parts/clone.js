// structuredClone (HTML Standard §2.7).

export default function (I) {
  const { exception } = I;
  const tagOf = (value) => Object.prototype.toString.call(value).slice(8, -1);
  const refuse = (value) => {
    const what = typeof value === "symbol" ? String(value) : typeof value === "function" ? `function ${value.name}` : tagOf(value);
    return exception(`${what} cannot be cloned`, "DataCloneError");
  };
  const kErrors = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

  const kTypedArray = Object.getPrototypeOf(Uint8Array.prototype);
  const kViews = { DataView };
  for (const cls of [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float16Array,
    Float32Array, Float64Array, BigInt64Array, BigUint64Array]) kViews[cls.name] = cls;

  const booleanValue = Boolean.prototype.valueOf;
  const numberValue = Number.prototype.valueOf;
  const stringValue = String.prototype.valueOf;
  const bigintValue = BigInt.prototype.valueOf;
  const symbolValue = Symbol.prototype.valueOf;
  const dateValue = Date.prototype.getTime;
  const mapSize = Object.getOwnPropertyDescriptor(Map.prototype, "size").get;
  const setSize = Object.getOwnPropertyDescriptor(Set.prototype, "size").get;
  const regexpSource = Object.getOwnPropertyDescriptor(RegExp.prototype, "source").get;
  const bufferLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength").get;

  // True if the getter or method accepts the object: it has that internal slot.
  function has(slot, value) {
    try {
      slot.call(value);
      return true;
    } catch {
      return false;
    }
  }

  class Cloner {
    constructor(shapes) {
      this.memory = new Map();
      this.shapes = shapes; // of views: a view over a transferred buffer shows none
    }

    remember(value, copy) {
      this.memory.set(value, copy);
      return copy;
    }

    clone(value) {
      if (typeof value === "symbol" || typeof value === "function") throw refuse(value);
      if (typeof value !== "object" || value === null) return value;
      const known = this.memory.get(value);
      if (known !== undefined) return known;
      if (Array.isArray(value)) return this.properties(value, this.remember(value, new Array(value.length)));
      if (ArrayBuffer.isView(value)) return this.view(value);
      const proto = Object.getPrototypeOf(value);
      if (proto === Object.prototype || proto === null) {
        if (!Object.hasOwn(value, Symbol.toStringTag) && tagOf(value) === "Object") return this.properties(value, this.remember(value, {}));
      }
      return this.special(value);
    }

    special(value) {
      if (has(dateValue, value)) return this.remember(value, new Date(dateValue.call(value)));
      if (has(regexpSource, value) && value !== RegExp.prototype) return this.remember(value, new RegExp(value.source, value.flags));
      if (has(bufferLength, value)) return this.buffer(value);
      if (has(mapSize, value)) return this.map(value);
      if (has(setSize, value)) return this.set(value);
      if (value instanceof Error) return this.error(value);
      if (has(booleanValue, value)) return this.remember(value, Object(booleanValue.call(value)));
      if (has(numberValue, value)) return this.remember(value, Object(numberValue.call(value)));
      if (has(stringValue, value)) return this.remember(value, Object(stringValue.call(value)));
      if (has(bigintValue, value)) return this.remember(value, Object(bigintValue.call(value)));
      if (has(symbolValue, value)) throw refuse(value);
      const platform = this.platform(value);
      if (platform !== null) return this.remember(value, platform);
      return this.properties(value, this.remember(value, {}));
    }

    platform(value) {
      const files = I.used("blob");
      if (files?.isFile(value)) return new files.File([value], value.name, { type: value.type, lastModified: value.lastModified });
      if (files?.isBlob(value)) return value.slice(0, value.size, value.type);
      const keys = I.used("crypto");
      if (keys?.isKey(value)) return keys.cloneKey(value);
      const kRefused = ["Headers", "Request", "Response", "FormData", "URL", "URLSearchParams", "AbortSignal", "AbortController", "Event",
        "EventTarget", "ReadableStream", "WritableStream", "TransformStream", "Promise", "WeakMap", "WeakSet", "WeakRef",
        "FinalizationRegistry", "Generator", "AsyncGenerator", "Symbol", "WebAssembly.Module", "WebAssembly.Instance",
        "WebAssembly.Memory"];
      if (kRefused.includes(tagOf(value)) && !Object.hasOwn(value, Symbol.toStringTag)) throw refuse(value);
      return null;
    }

    properties(value, copy) {
      for (const key of Object.keys(value)) {
        if (!Object.hasOwn(value, key)) continue;
        Object.defineProperty(copy, key, { value: this.clone(value[key]), writable: true, enumerable: true, configurable: true });
      }
      return copy;
    }

    buffer(value) {
      if (value.detached) throw exception("The ArrayBuffer is detached", "DataCloneError");
      if (!value.resizable) return this.remember(value, value.slice(0));
      const copy = new ArrayBuffer(value.byteLength, { maxByteLength: value.maxByteLength });
      new Uint8Array(copy).set(new Uint8Array(value));
      return this.remember(value, copy);
    }

    view(value) {
      let shape = this.shapes.get(value);
      if (shape === undefined) {
        const name = Reflect.get(kTypedArray, Symbol.toStringTag, value) ?? "DataView";
        shape = { name, offset: value.byteOffset, length: name === "DataView" ? value.byteLength : value.length };
        this.shapes.set(value, shape);
      }
      const copy = this.clone(value.buffer);
      return this.remember(value, new kViews[shape.name](copy, shape.offset, shape.length));
    }

    map(value) {
      const copy = this.remember(value, new Map());
      for (const [k, v] of [...Map.prototype.entries.call(value)]) copy.set(this.clone(k), this.clone(v));
      return copy;
    }

    set(value) {
      const copy = this.remember(value, new Set());
      for (const v of [...Set.prototype.values.call(value)]) copy.add(this.clone(v));
      return copy;
    }

    error(value) {
      const { DOMException } = I.used("events") ?? {};
      if (DOMException !== undefined && value instanceof DOMException) {
        const copy = new DOMException(value.message, value.name);
        Object.defineProperty(copy, "stack", { value: value.stack, writable: true, configurable: true });
        return this.remember(value, copy);
      }
      const name = `${value.name}`;
      const cls = Object.hasOwn(kErrors, name) ? kErrors[name] : Error;
      const copy = this.remember(value, new cls());
      const message = Object.getOwnPropertyDescriptor(value, "message");
      const define = (key, v) => Object.defineProperty(copy, key, { value: v, writable: true, configurable: true });
      if (message !== undefined && "value" in message) define("message", `${message.value}`);
      define("stack", value.stack);
      if (Object.hasOwn(value, "cause")) define("cause", this.clone(value.cause));
      return copy;
    }
  }

  function structuredClone(count, value, options) {
    if (count === 0) throw new TypeError("structuredClone: 1 argument required, but only 0 present");
    const transfer = options?.transfer === undefined ? [] : [...options.transfer];
    const shapes = new Map();
    const cloner = new Cloner(shapes);
    for (const item of transfer) {
      if (!(item instanceof ArrayBuffer)) throw refuse(item);
      if (item.detached) throw exception("An ArrayBuffer to transfer is detached", "DataCloneError");
      if (cloner.memory.has(item)) throw exception("An item is transferred twice", "DataCloneError");
      cloner.memory.set(item, item);
    }
    if (transfer.length === 0) return cloner.clone(value);
    // The walk may throw: nothing is detached before it is over. A second one puts the moved buffers in.
    cloner.clone(value);
    const moved = new Cloner(shapes);
    for (const item of transfer) moved.memory.set(item, item.transfer());
    return moved.clone(value);
  }

  return { structuredClone };
}
