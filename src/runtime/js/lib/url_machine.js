// Stands in for whatwg-url's state machine, which is a part of its own: URLs that phats see all day are parsed and
// serialised here, everything else there. tests/webapi/url.js holds both to the same results.

import { I } from "./url_internal.js";

// As isPlainUrl, with the parts: scheme, host, the octets of an IPv4 host, port, path, query.
const kOctet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const kPlain = new RegExp(
  `^(https?):\\/\\/((?:[a-z0-9_-]+\\.)*[a-z][a-z0-9_-]*|${kOctet}\\.${kOctet}\\.${kOctet}\\.${kOctet})` +
    "(?::([1-9][0-9]{0,3}|[1-5][0-9]{4}))?((?:\\/(?!\\.|%2[eE])[A-Za-z0-9\\-._~!$&'()*+,;=:@%]*)*)" +
    "(?:\\?([A-Za-z0-9\\-._~!$&()*+,;=:@%/?]*))?$",
);

const library = () => I.use("url_parser");

function parsePlain(input) {
  const match = kPlain.exec(input);
  if (match === null) return null;
  const [, scheme, host, o1, o2, o3, o4, port, path, query] = match;
  if (host.startsWith("xn--") || host.includes(".xn--")) return null;
  const number = port === undefined ? null : Number(port);
  return {
    scheme,
    username: "",
    password: "",
    // The library's records hold an IPv4 address as a number.
    host: o1 === undefined ? host : ((Number(o1) * 256 + Number(o2)) * 256 + Number(o3)) * 256 + Number(o4),
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

export function serializeHost(host) {
  if (typeof host === "string") return host;
  if (typeof host === "number") return `${(host >>> 24) & 255}.${(host >>> 16) & 255}.${(host >>> 8) & 255}.${host & 255}`;
  return library().serializeHost(host);
}

const isSimpleHost = (host) => typeof host === "string" || typeof host === "number";

export function serializePath(record) {
  if (hasAnOpaquePath(record)) return record.path;
  return record.path.length === 0 ? "" : `/${record.path.join("/")}`;
}

export function serializeURL(record) {
  if (!isSimpleHost(record.host) || record.username !== "" || record.password !== "") return library().serializeURL(record);
  let text = `${record.scheme}://${serializeHost(record.host)}`;
  if (record.port !== null) text += `:${record.port}`;
  text += serializePath(record);
  if (record.query !== null) text += `?${record.query}`;
  if (record.fragment !== null) text += `#${record.fragment}`;
  return text;
}

export function serializeURLOrigin(record) {
  if ((record.scheme !== "http" && record.scheme !== "https") || !isSimpleHost(record.host)) return library().serializeURLOrigin(record);
  return `${record.scheme}://${serializeHost(record.host)}${record.port === null ? "" : `:${record.port}`}`;
}

export const cannotHaveAUsernamePasswordPort = (record) => record.host === null || record.host === "" || record.scheme === "file";
export const setTheUsername = (record, username) => library().setTheUsername(record, username);
export const setThePassword = (record, password) => library().setThePassword(record, password);
