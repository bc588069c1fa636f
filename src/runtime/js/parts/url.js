// URL and URLSearchParams: the package whatwg-url, the reference implementation of the URL Standard.

import UrlInterface from "whatwg-url/lib/URL.js";
import ParamsInterface from "whatwg-url/lib/URLSearchParams.js";
import { setInternals } from "../lib/url_internal.js";
import { basicURLParse, serializeURL } from "../lib/url_machine.js";

export default function (I) {
  setInternals(I);
  const scope = { Array, Object, Promise, String, TypeError };
  UrlInterface.install(scope, ["Window"]);
  ParamsInterface.install(scope, ["Window"]);
  for (const name of ["URL", "URLSearchParams"]) Object.defineProperty(scope[name], "name", { value: name, configurable: true });

  /** The serialised URL without base, or null; `credentials` tells whether it has any. */
  function parseHref(text) {
    const record = basicURLParse(text);
    if (record === null) return null;
    return { href: serializeURL(record), credentials: record.username !== "" || record.password !== "" };
  }

  return { URL: scope.URL, URLSearchParams: scope.URLSearchParams, parseHref, isParams: (value) => ParamsInterface.is(value) };
}
