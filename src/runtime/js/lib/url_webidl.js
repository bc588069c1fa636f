// Stands in for the package webidl-conversions: of it, URL and URLSearchParams use two.

export function USVString(value, { context = "The value", globals = globalThis } = {}) {
  if (typeof value === "symbol") throw new globals.TypeError(`${context} is a symbol, which cannot be converted to a string.`);
  return `${value}`.toWellFormed();
}

export const any = (value) => value;
