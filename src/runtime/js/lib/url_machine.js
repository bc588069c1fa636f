// Stands in for whatwg-url's state machine, which is a part of its own: URLs that phats see all day are parsed and
// serialised here, everything else there. tests/webapi/url.js holds both to the same results.

import { I } from "./url_internal.js";

// As isPlainUrl, with the parts: scheme, host, port, path, query.
const kPlain =
  /^(https?):\/\/((?:[a-z0-9_-]+\.)*[a-z][a-z0-9_-]*)(?::([1-9][0-9]{0,3}|[1-5][0-9]{4}))?((?:\/(?!\.|%2[eE])[A-Za-z0-9\-._~!$&'()*+,;=:@%]*)*)(?:\?([A-Za-z0-9\-._~!$&()*+,;=:@%/?]*))?$/;

const library = () => I.use("url_parser");

function parsePlain(input) {
  const match = kPlain.exec(input);
  if (match === null) return null;
  const [, scheme, host, port, path, query] = match;
  if (host.startsWith("xn--") || host.includes(".xn--")) return null;
  const number = port === undefined ? null : Number(port);
  return {
    scheme,
    username: "",
    password: "",
    host,
    port: number === (scheme === "http" ? 80 : 443) ? null : number,
    path: path === "" ? [""] : path.slice(1).split("/"),
    query: query ?? null,
    fragment: null,
  };
}

/** The URL record of the standard's "basic URL parser", or null. */
export function basicURLParse(input, options = undefined) {
  if (options === undefined || (options.url === undefined && options.stateOverride === undefined && options.encodingOverride === undefined)) {
    const record = parsePlain(input);
    if (record !== null) return record;
  }
  return library().basicURLParse(input, options);
}

export const hasAnOpaquePath = (record) => typeof record.path === "string";
export const serializeInteger = (n) => String(n);
export const serializeHost = (host) => (typeof host === "string" ? host : library().serializeHost(host));

export function serializePath(record) {
  if (hasAnOpaquePath(record)) return record.path;
  return record.path.length === 0 ? "" : `/${record.path.join("/")}`;
}

export function serializeURL(record) {
  if (typeof record.host !== "string" || record.username !== "" || record.password !== "") return library().serializeURL(record);
  let text = `${record.scheme}://${record.host}`;
  if (record.port !== null) text += `:${record.port}`;
  text += serializePath(record);
  if (record.query !== null) text += `?${record.query}`;
  if (record.fragment !== null) text += `#${record.fragment}`;
  return text;
}

export function serializeURLOrigin(record) {
  if ((record.scheme !== "http" && record.scheme !== "https") || typeof record.host !== "string") return library().serializeURLOrigin(record);
  return `${record.scheme}://${record.host}${record.port === null ? "" : `:${record.port}`}`;
}

export const cannotHaveAUsernamePasswordPort = (record) => record.host === null || record.host === "" || record.scheme === "file";
export const setTheUsername = (record, username) => library().setTheUsername(record, username);
export const setThePassword = (record, password) => library().setThePassword(record, password);
