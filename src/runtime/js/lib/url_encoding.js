// Stands in for whatwg-url's own file: UTF-8 by the natives.

import { I } from "./url_internal.js";

export const utf8Encode = (string) => I.N.utf8Encode(string);
export const utf8DecodeWithoutBOM = (bytes) => I.N.utf8Decode(bytes, false, true);
