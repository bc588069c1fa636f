// URLPattern: the package urlpattern-polyfill.

import { URLPattern } from "urlpattern-polyfill/urlpattern";

export default function () {
  Object.defineProperty(URLPattern, "name", { value: "URLPattern", configurable: true });
  return { URLPattern };
}
