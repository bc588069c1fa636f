// Event, EventTarget, CustomEvent, AbortController, AbortSignal (DOM Standard §2, §3) and DOMException (Web IDL §2.8).

export default function (I) {
  const { N, kMake, webClass, currentCall } = I;

  const kCodes = {
    IndexSizeError: 1, HierarchyRequestError: 3, WrongDocumentError: 4, InvalidCharacterError: 5,
    NoModificationAllowedError: 7, NotFoundError: 8, NotSupportedError: 9, InUseAttributeError: 10, InvalidStateError: 11,
    SyntaxError: 12, InvalidModificationError: 13, NamespaceError: 14, InvalidAccessError: 15, TypeMismatchError: 17,
    SecurityError: 18, NetworkError: 19, AbortError: 20, URLMismatchError: 21, QuotaExceededError: 22, TimeoutError: 23,
    InvalidNodeTypeError: 24, DataCloneError: 25,
  };

  class DOMException extends Error {
    #name;
    #message;

    constructor(message = "", name = "Error") {
      super();
      this.#message = `${message}`;
      if (typeof name === "object" && name !== null) {
        if (name.cause !== undefined) Object.defineProperty(this, "cause", { value: name.cause, writable: true, configurable: true });
        name = name.name ?? "Error";
      }
      this.#name = `${name}`;
    }

    get name() {
      return this.#name;
    }

    get message() {
      return this.#message;
    }

    get code() {
      return kCodes[this.#name] ?? 0;
    }
  }
  webClass(DOMException);
  const kConstants = ["INDEX_SIZE", "DOMSTRING_SIZE", "HIERARCHY_REQUEST", "WRONG_DOCUMENT", "INVALID_CHARACTER", "NO_DATA_ALLOWED",
    "NO_MODIFICATION_ALLOWED", "NOT_FOUND", "NOT_SUPPORTED", "INUSE_ATTRIBUTE", "INVALID_STATE", "SYNTAX", "INVALID_MODIFICATION",
    "NAMESPACE", "INVALID_ACCESS", "VALIDATION", "TYPE_MISMATCH", "SECURITY", "NETWORK", "ABORT", "URL_MISMATCH", "QUOTA_EXCEEDED",
    "TIMEOUT", "INVALID_NODE_TYPE", "DATA_CLONE"];
  kConstants.forEach((name, i) => {
    for (const target of [DOMException, DOMException.prototype]) {
      Object.defineProperty(target, `${name}_ERR`, { value: i + 1, enumerable: true });
    }
  });

  let state; // of an event, for EventTarget

  class Event {
    #s;

    constructor(type, init = {}) {
      if (arguments.length === 0) throw new TypeError("Event: 1 argument required, but only 0 present");
      init ??= {};
      if (typeof init !== "object" && typeof init !== "function") throw new TypeError("Event: the init is not an object");
      this.#s = {
        type: `${type}`, bubbles: Boolean(init.bubbles), cancelable: Boolean(init.cancelable), composed: Boolean(init.composed),
        target: null, current: null, phase: 0, stop: false, stopNow: false, canceled: false, passive: false, dispatching: false,
        trusted: false, time: N.mono(),
      };
    }

    static {
      state = (event) => event.#s;
    }

    get type() {
      return this.#s.type;
    }

    get target() {
      return this.#s.target;
    }

    get srcElement() {
      return this.#s.target;
    }

    get currentTarget() {
      return this.#s.current;
    }

    composedPath() {
      return this.#s.current === null ? [] : [this.#s.current];
    }

    get eventPhase() {
      return this.#s.phase;
    }

    stopPropagation() {
      this.#s.stop = true;
    }

    get cancelBubble() {
      return this.#s.stop;
    }

    set cancelBubble(value) {
      if (value) this.#s.stop = true;
    }

    stopImmediatePropagation() {
      this.#s.stop = this.#s.stopNow = true;
    }

    get bubbles() {
      return this.#s.bubbles;
    }

    get cancelable() {
      return this.#s.cancelable;
    }

    get returnValue() {
      return !this.#s.canceled;
    }

    set returnValue(value) {
      if (!value) this.preventDefault();
    }

    preventDefault() {
      const s = this.#s;
      if (s.cancelable && !s.passive) s.canceled = true;
    }

    get defaultPrevented() {
      return this.#s.canceled;
    }

    get composed() {
      return this.#s.composed;
    }

    get isTrusted() {
      return this.#s.trusted;
    }

    get timeStamp() {
      return this.#s.time;
    }

    initEvent(type, bubbles = false, cancelable = false) {
      const s = this.#s;
      if (s.dispatching) return;
      s.type = `${type}`;
      s.bubbles = Boolean(bubbles);
      s.cancelable = Boolean(cancelable);
      s.stop = s.stopNow = s.canceled = s.trusted = false;
      s.target = null;
    }
  }
  webClass(Event);
  for (const [key, value] of [["NONE", 0], ["CAPTURING_PHASE", 1], ["AT_TARGET", 2], ["BUBBLING_PHASE", 3]]) {
    for (const target of [Event, Event.prototype]) Object.defineProperty(target, key, { value, enumerable: true });
  }

  // An event class whose only addition is read-only fields with defaults.
  function eventClass(name, fields) {
    const cls = {
      [name]: class extends Event {
        #fields = {};

        constructor(type, init = {}) {
          super(type, init);
          for (const key in fields) this.#fields[key] = init?.[key] === undefined ? fields[key] : init[key];
        }

        static get(event, key) {
          return event.#fields[key];
        }
      },
    }[name];
    const { get } = cls;
    delete cls.get;
    for (const key in fields) {
      Object.defineProperty(cls.prototype, key, {
        get() {
          return get(this, key);
        },
        enumerable: true,
        configurable: true,
      });
    }
    webClass(cls, name);
    return cls;
  }
  const CustomEvent = eventClass("CustomEvent", { detail: null });
  const ErrorEvent = eventClass("ErrorEvent", { message: "", filename: "", lineno: 0, colno: 0, error: undefined });
  const MessageEvent = eventClass("MessageEvent", { data: null, origin: "", lastEventId: "", source: null, ports: Object.freeze([]) });
  const ProgressEvent = eventClass("ProgressEvent", { lengthComputable: false, loaded: 0, total: 0 });

  let dispatch;

  class EventTarget {
    #listeners = [];

    static {
      dispatch = (target, event) => target.#dispatch(event);
    }

    addEventListener(type, callback, options = undefined) {
      if (arguments.length < 2) throw new TypeError(`addEventListener: 2 arguments required, but only ${arguments.length} present`);
      const object = typeof options === "object" && options !== null ? options : { capture: options };
      const signal = object.signal;
      if (signal !== undefined && !isSignal(signal)) throw new TypeError("addEventListener: signal is not an AbortSignal");
      if (callback === null || callback === undefined) return;
      if (typeof callback !== "function" && typeof callback !== "object") throw new TypeError("addEventListener: the listener is neither a function nor an object");
      if (signal !== undefined && signal.aborted) return;
      const listener = {
        type: `${type}`, callback, capture: Boolean(object.capture), once: Boolean(object.once), passive: Boolean(object.passive), removed: false,
      };
      for (const l of this.#listeners) {
        if (l.type === listener.type && l.callback === callback && l.capture === listener.capture) return;
      }
      this.#listeners.push(listener);
      if (signal !== undefined) onAbort(signal, () => this.#remove(listener));
    }

    removeEventListener(type, callback, options = undefined) {
      if (arguments.length < 2) throw new TypeError(`removeEventListener: 2 arguments required, but only ${arguments.length} present`);
      const capture = Boolean(typeof options === "object" && options !== null ? options.capture : options);
      for (const l of this.#listeners) {
        if (l.type === `${type}` && l.callback === callback && l.capture === capture) {
          this.#remove(l);
          return;
        }
      }
    }

    dispatchEvent(event) {
      if (!(event instanceof Event)) throw new TypeError("dispatchEvent: not an Event");
      const s = state(event);
      if (s.dispatching) throw new DOMException("The event is being dispatched already", "InvalidStateError");
      s.trusted = false;
      return this.#dispatch(event);
    }

    #remove(listener) {
      listener.removed = true;
      const i = this.#listeners.indexOf(listener);
      if (i >= 0) this.#listeners.splice(i, 1);
    }

    #dispatch(event) {
      const s = state(event);
      s.dispatching = true;
      s.target = s.current = this;
      s.phase = 2;
      const all = this.#listeners.slice();
      for (const l of all) {
        if (l.removed || l.type !== s.type) continue;
        if (s.stopNow) break;
        if (l.once) this.#remove(l);
        s.passive = l.passive;
        try {
          if (typeof l.callback === "function") l.callback.call(this, event);
          else if (typeof l.callback.handleEvent === "function") l.callback.handleEvent(event);
          else throw new TypeError("The listener has no function handleEvent");
        } catch (error) {
          N.log(currentCall(), 3, `Uncaught ${I.describe(error)}`);
        }
        s.passive = false;
      }
      s.phase = 0;
      s.current = null;
      s.dispatching = s.stop = s.stopNow = false;
      return !s.canceled;
    }
  }
  webClass(EventTarget);

  /** Defines `onTYPE` on a class of event targets. */
  function handlerAttribute(cls, type) {
    const handlers = new WeakMap();
    Object.defineProperty(cls.prototype, `on${type}`, {
      get() {
        return handlers.get(this)?.callback ?? null;
      },
      set(callback) {
        const old = handlers.get(this);
        if (typeof callback !== "function" && (typeof callback !== "object" || callback === null)) callback = null;
        if (old !== undefined) {
          old.callback = callback;
          return;
        }
        const entry = { callback };
        handlers.set(this, entry);
        this.addEventListener(type, (event) => {
          if (typeof entry.callback !== "function") return;
          if (entry.callback.call(this, event) === false) event.preventDefault();
        });
      },
      enumerable: true,
      configurable: true,
    });
  }

  let isSignal;
  let makeSignal;
  let abortSignal;
  let onAbort;
  let offAbort;
  let follow;
  let unfollow;

  class AbortSignal extends EventTarget {
    #aborted = false;
    #reason = undefined;
    #algorithms = new Set();
    #sources = null; // of a dependent signal: the signals it follows
    #followers = null;

    constructor(mark) {
      if (mark !== kMake) throw new TypeError("Illegal constructor");
      super();
    }

    static {
      isSignal = (value) => typeof value === "object" && value !== null && #aborted in value;
      makeSignal = () => new AbortSignal(kMake);
      abortSignal = (signal, reason) => signal.#abort(reason);
      onAbort = (signal, algorithm) => {
        if (!signal.#aborted) signal.#algorithms.add(algorithm);
      };
      offAbort = (signal, algorithm) => signal.#algorithms.delete(algorithm);
      follow = (signals) => {
        const result = new AbortSignal(kMake);
        for (const signal of signals) {
          if (signal.#aborted) {
            result.#aborted = true;
            result.#reason = signal.#reason;
            return result;
          }
        }
        result.#sources = new Set();
        for (const signal of signals) {
          for (const source of signal.#sources ?? [signal]) {
            if (result.#sources.has(source)) continue;
            result.#sources.add(source);
            (source.#followers ??= new Set()).add(result);
          }
        }
        return result;
      };
      unfollow = (signal) => {
        for (const source of signal.#sources ?? []) source.#followers?.delete(signal);
      };
    }

    static abort(reason = undefined) {
      const signal = new AbortSignal(kMake);
      signal.#aborted = true;
      signal.#reason = reason === undefined ? new DOMException("This operation was aborted", "AbortError") : reason;
      return signal;
    }

    static timeout(milliseconds) {
      const ms = Number(milliseconds);
      if (arguments.length === 0 || !Number.isFinite(ms) || ms < 0 || ms > Number.MAX_SAFE_INTEGER) {
        throw new TypeError("AbortSignal.timeout: the time is not a number of milliseconds");
      }
      const signal = new AbortSignal(kMake);
      I.setTimeout(() => signal.#abort(new DOMException("The operation timed out", "TimeoutError")), ms);
      return signal;
    }

    static any(signals) {
      const list = [...signals];
      for (const signal of list) if (!isSignal(signal)) throw new TypeError("AbortSignal.any: an item is not an AbortSignal");
      return follow(list);
    }

    get aborted() {
      return this.#aborted;
    }

    get reason() {
      return this.#reason;
    }

    throwIfAborted() {
      if (this.#aborted) throw this.#reason;
    }

    #abort(reason) {
      if (this.#aborted) return;
      if (reason === undefined) reason = new DOMException("This operation was aborted", "AbortError");
      const all = [this];
      this.#aborted = true;
      this.#reason = reason;
      for (const follower of this.#followers ?? []) {
        if (follower.#aborted) continue;
        follower.#aborted = true;
        follower.#reason = reason;
        all.push(follower);
      }
      for (const signal of all) {
        const algorithms = [...signal.#algorithms];
        signal.#algorithms.clear();
        for (const algorithm of algorithms) algorithm(reason);
        const event = new Event("abort");
        state(event).trusted = true;
        dispatch(signal, event);
      }
      this.#followers = null;
    }
  }
  webClass(AbortSignal);
  handlerAttribute(AbortSignal, "abort");
  for (const key of ["abort", "timeout", "any"]) Object.defineProperty(AbortSignal, key, { enumerable: true });
  Object.defineProperty(AbortSignal, "length", { value: 0, configurable: true });

  class AbortController {
    #signal = makeSignal();

    get signal() {
      return this.#signal;
    }

    abort(reason = undefined) {
      abortSignal(this.#signal, reason);
    }
  }
  webClass(AbortController);

  return {
    DOMException, Event, EventTarget, CustomEvent, ErrorEvent, MessageEvent, ProgressEvent, AbortController, AbortSignal,
    isSignal, makeSignal, abortSignal, onAbort, offAbort, follow, unfollow,
  };
}
