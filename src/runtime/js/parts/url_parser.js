// whatwg-url's URL parser, for the URLs that lib/url_machine.js leaves to it.

import machine from "whatwg-url/lib/url-state-machine.js";
import { setInternals } from "../lib/url_internal.js";

export default function (I) {
  setInternals(I);
  return machine;
}
