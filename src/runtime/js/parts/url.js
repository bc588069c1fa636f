// URL and URLSearchParams: the package whatwg-url, the reference implementation of the URL Standard.

import { URL as UrlInterface, URLSearchParams as ParamsInterface } from "whatwg-url/webidl2js-wrapper.js";
import { basicURLParse, serializeURL } from "whatwg-url/lib/url-state-machine.js";

import { setInternals } from "../lib/url_internal.js";

export default function (I) {
  setInternals(I);
  const scope = { Array, Object, Promise, String, TypeError };
  UrlInterface.install(scope, ["Window"]);
  ParamsInterface.install(scope, ["Window"]);

  /** The serialised URL without base, or null; `credentials` tells whether it has any. */
  function parseHref(text) {
    const record = basicURLParse(text);
    if (record === null) return null;
    return { href: serializeURL(record), credentials: record.username !== "" || record.password !== "", scheme: record.scheme };
  }

  return { URL: scope.URL, URLSearchParams: scope.URLSearchParams, parseHref, isParams: (value) => ParamsInterface.is(value) };
}
