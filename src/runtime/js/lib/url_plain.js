// URLs that are their own serialisation, recognised without the parser: http(s), lower-case ASCII host that is neither
// an IPv4 address nor punycode, no default port, no dot segment, nothing that would be percent-encoded.

const kPlain =
  /^https?:\/\/(?:[a-z0-9_-]+\.)*[a-z][a-z0-9_-]*(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}))?(?:\/(?!\.|%2[eE])[A-Za-z0-9\-._~!$&'()*+,;=:@%]*)+(?:\?[A-Za-z0-9\-._~!$&()*+,;=:@%/?]*)?$/;

export function isPlainUrl(text) {
  return kPlain.test(text) && !text.includes("xn--") && !/^(?:http:\/\/[^/]*:80|https:\/\/[^/]*:443)\//.test(text);
}
