// URLs that are their own serialisation, recognised without the parser: http(s), a lower-case ASCII host that is no
// punycode, or an IPv4 address in its canonical form (four decimal octets without leading zeros), no default port, no dot
// segment, nothing that would be percent-encoded.

const kPlain = (() => {
  const octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
  const name = "(?:[a-z0-9_-]+\\.)*[a-z][a-z0-9_-]*";
  const port = "(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}))?";
  const path = "(?:\\/(?!\\.|%2[eE])[A-Za-z0-9\\-._~!$&'()*+,;=:@%]*)+";
  const query = "(?:\\?[A-Za-z0-9\\-._~!$&()*+,;=:@%/?]*)?";
  return new RegExp(`^https?:\\/\\/(?:(?:${octet}\\.){3}${octet}|${name})${port}${path}${query}$`);
})();

export function isPlainUrl(text) {
  return kPlain.test(text) && !text.includes("xn--") && !/^(?:http:\/\/[^/]*:80|https:\/\/[^/]*:443)\//.test(text);
}
