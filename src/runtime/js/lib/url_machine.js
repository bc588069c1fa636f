// The URL parser of the url part. whatwg-url's is a part of its own: URLs that phats see all day are parsed and
// serialised here, everything else there. tests/webapi/url.js holds both to the same results.

import { I } from "./url_internal.js";

const library = () => I.use("url_parser");

function parsePlain(input) {
  const parts = I.plainParts(input);
  if (parts === null) return null;
  const { scheme, host, path, query } = parts;
  return {
    scheme,
    username: "",
    password: "",
    host, // the library's records hold an IPv4 address as a number, too
    port: I.isDefaultPort(parts) ? null : parts.port,
    path: path === "" ? [""] : path.slice(1).split("/"),
    query,
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
