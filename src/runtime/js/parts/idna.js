// Domain names that are not plain ASCII: UTS #46 with its table, the package tr46.

import { toASCII, toUnicode } from "tr46";

export default function () {
  return { toASCII, toUnicode };
}
