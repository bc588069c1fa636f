// http(s) URLs that need no parser: a lower-case ASCII host that is no punycode, or an IPv4 address in its canonical form
// (four decimal octets without leading zeros), no dot segment, nothing that would be percent-encoded, no fragment.

const kPlain =
  /^(https?):\/\/([a-z0-9._-]+)(?::([1-9][0-9]{0,3}|[1-5][0-9]{4}))?((?:\/(?!\.|%2[eE])[A-Za-z0-9\-._~!$&'()*+,;=:@%]*)*)(?:\?([A-Za-z0-9\-._~!$&()*+,;=:@%/?]*))?$/;

// A name as it is, an IPv4 address as a number, or null for what the parser must look at.
function hostOf(text) {
  const first = text.charCodeAt(text.lastIndexOf(".") + 1);
  if (first >= 97 && first <= 122) {
    return text.startsWith(".") || text.includes("..") || text.startsWith("xn--") || text.includes(".xn--") ? null : text;
  }
  const octets = text.split(".");
  if (octets.length !== 4) return null;
  let address = 0;
  for (const octet of octets) {
    const n = Number(octet);
    if (!(n >= 0 && n <= 255) || String(n) !== octet) return null;
    address = address * 256 + n;
  }
  return address;
}

let lastText = "";
let lastParts = null;

/** { scheme, host, port, path, query } of such a URL, port and query null without one; or null. */
export function plainParts(text) {
  if (text === lastText) return lastParts; // request.url, then new URL(request.url)
  const match = kPlain.exec(text);
  const host = match === null ? null : hostOf(match[2]);
  lastText = text;
  lastParts = null;
  if (host !== null) {
    const [, scheme, , port, path, query] = match;
    lastParts = { scheme, host, port: port === undefined ? null : Number(port), path, query: query ?? null };
  }
  return lastParts;
}

export const isDefaultPort = (parts) => parts.port === (parts.scheme === "http" ? 80 : 443);

/** Whether the URL is its own serialisation. */
export function isPlainUrl(text) {
  const parts = plainParts(text);
  return parts !== null && parts.path !== "" && !isDefaultPort(parts);
}
