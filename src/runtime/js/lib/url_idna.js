// Stands in for the package tr46: a plain ASCII domain needs no table. URL Standard §3.3 "domain to ASCII": if beStrict
// is false, domain is an ASCII string, and no label begins with "xn--", the step is ASCII lowercasing.

import { I } from "./url_internal.js";

const kAscii = /^[\0-\x7f]*$/;

export function toASCII(domain, options) {
  if (!options.verifyDNSLength && kAscii.test(domain)) {
    const lower = domain.toLowerCase();
    if (!lower.startsWith("xn--") && !lower.includes(".xn--")) return lower;
  }
  return I.use("idna").toASCII(domain, options);
}

export function toUnicode(domain, options) {
  return I.use("idna").toUnicode(domain, options);
}
