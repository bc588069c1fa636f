// application/x-www-form-urlencoded (URL Standard §5) on strings. Percent-encoded bytes that are no UTF-8 take the way
// over bytes.

import { I } from "./url_internal.js";

const kHex = /^[0-9A-Fa-f]{2}$/;

function decodeBytes(text) {
  const bytes = I.N.utf8Encode(text);
  let to = 0;
  for (let i = 0; i < bytes.length; i++, to++) {
    const hex = bytes[i] === 37 && i + 2 < bytes.length ? String.fromCharCode(bytes[i + 1], bytes[i + 2]) : "";
    if (kHex.test(hex)) {
      bytes[to] = parseInt(hex, 16);
      i += 2;
    } else {
      bytes[to] = bytes[i];
    }
  }
  return I.N.utf8Decode(bytes.slice(0, to), false, true);
}

function decode(text) {
  if (text.includes("+")) text = text.replaceAll("+", " ");
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return decodeBytes(text);
  }
}

export function parseUrlencodedString(input) {
  const output = [];
  if (input === "") return output;
  for (const pair of input.split("&")) {
    if (pair === "") continue;
    const equal = pair.indexOf("=");
    if (equal < 0) output.push([decode(pair), ""]);
    else output.push([decode(pair.slice(0, equal)), decode(pair.slice(equal + 1))]);
  }
  return output;
}

// encodeURIComponent leaves ! ~ ' ( ) and writes a space as %20.
const kRest = { "!": "%21", "~": "%7E", "'": "%27", "(": "%28", ")": "%29", "%20": "+" };
const encode = (text) => encodeURIComponent(text).replace(/[!~'()]|%20/g, (found) => kRest[found]);

export function serializeUrlencoded(tuples) {
  let output = "";
  for (const [name, value] of tuples) output += `${output === "" ? "" : "&"}${encode(name)}=${encode(value)}`;
  return output;
}
