// setTimeout and setInterval (HTML Standard §8.6). Natives arm one-shot timers; intervals arm them again.

import { I, N, currentCall, enterCall, describe } from "./internal.js";

const byId = new Map(); // what the phat holds
const byNative = new Map();
let lastId = 0;

function delayOf(ms) {
  const n = Number(ms);
  return Number.isFinite(n) && n > 0 ? Math.min(Math.trunc(n), 0x7fffffff) : 0;
}

function arm(timer) {
  timer.native = N.timer(timer.ms);
  byNative.set(timer.native, timer);
}

function start(fn, ms, args, repeat) {
  if (typeof fn !== "function") throw new TypeError("A timer needs a function: code in a string is not evaluated");
  const timer = { id: ++lastId, fn, ms: delayOf(ms), args, repeat, call: currentCall(), native: 0 };
  byId.set(timer.id, timer);
  arm(timer);
  return timer.id;
}

function stop(id) {
  const timer = byId.get(Number(id));
  if (timer === undefined) return;
  byId.delete(timer.id);
  if (byNative.delete(timer.native)) N.timerCancel(timer.native);
}

export const timerGlobals = {
  setTimeout: (fn, ms = 0, ...args) => start(fn, ms, args, false),
  setInterval: (fn, ms = 0, ...args) => start(fn, ms, args, true),
  clearTimeout: (id = undefined) => stop(id),
  clearInterval: (id = undefined) => stop(id),
};

I.setTimeout = timerGlobals.setTimeout;

/** What a callback throws has nowhere to go: it is logged. */
export function report(error) {
  N.log(currentCall(), 3, `Uncaught ${describe(error)}`);
}

export function onTimer(native) {
  const timer = byNative.get(native);
  if (timer === undefined) return;
  byNative.delete(native);
  if (!timer.repeat) byId.delete(timer.id);
  enterCall(timer.call);
  try {
    timer.fn.call(globalThis, ...timer.args);
  } catch (error) {
    report(error);
  }
  if (timer.repeat && byId.has(timer.id)) arm(timer);
}
