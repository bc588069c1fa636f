// Turns bytes into C source: a constant array with a NUL after the last byte, so that it is also a C string.

/** One array definition: `static const unsigned char NAME[LEN + 1] = {…};` */
export function cArray(name, bytes) {
  const lines = [];
  for (let i = 0; i < bytes.length; i += 32) lines.push([...bytes.subarray(i, i + 32)].join(","));
  lines.push("0");
  return `static const unsigned char ${name}[${bytes.length + 1}] = {\n${lines.join(",\n")}};\n`;
}
