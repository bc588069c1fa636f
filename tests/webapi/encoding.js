// TextEncoder, TextDecoder (Encoding Standard), atob, btoa (HTML Standard).

const hex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

test("encode: ASCII, all lengths, lone surrogates, NUL", () => {
  const e = new TextEncoder();
  assert.equal(e.encoding, "utf-8");
  assert.equal(hex(e.encode("a\u00e9\u20ac\ud83d\ude00")), "61c3a9e282acf09f9880");
  assert.equal(hex(e.encode("\ud800a\udc00")), "efbfbd61efbfbd");
  assert.equal(hex(e.encode("a\0b")), "610062");
  assert.equal(e.encode().length, 0);
  assert.equal(e.encode(undefined).length, 0);
  assert.equal(hex(e.encode(null)), "6e756c6c");
  assert.equal(e.encode("x".repeat(100000) + "\u20ac").length, 100003);
});

test("encodeInto writes whole characters and tells how many", () => {
  const e = new TextEncoder();
  for (const [text, room, read, written] of [["abc", 3, 3, 3], ["abc", 2, 2, 2], ["\u20acx", 2, 0, 0], ["\u20acx", 3, 1, 3], ["\u20acx", 4, 2, 4], ["\ud83d\ude00", 3, 0, 0], ["\ud83d\ude00", 4, 2, 4],
    ["a\ud83d\ude00", 2, 1, 1], ["\ud83dx", 3, 1, 3], ["", 4, 0, 0], ["abc", 0, 0, 0], ["\u00e9\u00e9", 3, 1, 2]]) {
    const out = new Uint8Array(room);
    assert.deepEqual(e.encodeInto(text, out), { read, written }, JSON.stringify([text, room]));
    assert.equal(hex(out.slice(0, written)), hex(e.encode(text.slice(0, read))));
  }
  assert.throws(() => e.encodeInto("a", new Uint16Array(1)), TypeError);
});

test("decode UTF-8: each malformed sequence becomes as many U+FFFD as the standard says", () => {
  const d = new TextDecoder();
  for (const [bytes, text] of [[[0x61, 0xc3, 0xa9], "a\u00e9"], [[0xc0, 0x80], "\ufffd\ufffd"], [[0xe0, 0x80, 0x80], "\ufffd\ufffd\ufffd"], [[0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"], [[0xf4, 0x90, 0x80, 0x80], "\ufffd\ufffd\ufffd\ufffd"],
    [[0xf0, 0x9f, 0x98], "\ufffd"], [[0xf0, 0x9f, 0x61], "\ufffda"], [[0xe2, 0x82, 0xe2, 0x82, 0xac], "\ufffd\u20ac"], [[0xff, 0xfe], "\ufffd\ufffd"], [[0x80], "\ufffd"], [[0x61, 0], "a\0"], [[0xf4, 0x8f, 0xbf, 0xbf], "\udbff\udfff"], [[0xf8, 0x88, 0x80, 0x80, 0x80], "\ufffd\ufffd\ufffd\ufffd\ufffd"]]) {
    assert.equal(d.decode(new Uint8Array(bytes)), text, hex(bytes));
    if (text.includes("\ufffd")) assert.throws(() => new TextDecoder("utf8", { fatal: true }).decode(new Uint8Array(bytes)), TypeError);
  }
});

test("every split of a text decodes to the same with stream: true", () => {
  const bytes = new TextEncoder().encode("a\u00e9\u20ac\ud83d\ude00z");
  for (let i = 0; i <= bytes.length; i++) {
    for (let j = i; j <= bytes.length; j++) {
      const d = new TextDecoder();
      assert.equal(d.decode(bytes.subarray(0, i), { stream: true }) + d.decode(bytes.subarray(i, j), { stream: true }) + d.decode(bytes.subarray(j)), "a\u00e9\u20ac\ud83d\ude00z");
    }
  }
  const cut = new TextDecoder();
  assert.equal(cut.decode(new Uint8Array([0xe2, 0x82]), { stream: true }), "");
  assert.equal(cut.decode(), "\ufffd");
  assert.equal(cut.decode(new Uint8Array([0x61])), "a");
});

test("the byte order mark is dropped once, kept with ignoreBOM, also across chunks", () => {
  const bom = new Uint8Array([0xef, 0xbb, 0xbf, 0x61]);
  assert.equal(new TextDecoder().decode(bom), "a");
  assert.equal(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bom), "\ufeffa");
  const d = new TextDecoder();
  assert.equal(d.decode(bom.subarray(0, 2), { stream: true }) + d.decode(bom.subarray(2), { stream: true }) + d.decode(bom), "a\ufeffa");
  assert.equal(new TextDecoder("utf-16le").decode(new Uint8Array([0xff, 0xfe, 0x61, 0])), "a");
});

test("labels, attributes, inputs", () => {
  for (const [label, name] of [["UTF-8", "utf-8"], [" utf8\n", "utf-8"], ["latin1", "windows-1252"], ["ascii", "windows-1252"], ["utf-16", "utf-16le"], ["utf-16be", "utf-16be"]]) {
    assert.equal(new TextDecoder(label).encoding, name);
  }
  for (const label of ["", "utf-99", "utf-8\u00a0"]) assert.throws(() => new TextDecoder(label), RangeError);
  const d = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  assert.deepEqual([d.fatal, d.ignoreBOM], [true, true]);
  const { buffer } = new Uint8Array([0x61, 0x62]);
  assert.equal(new TextDecoder().decode(buffer), "ab");
  assert.equal(new TextDecoder().decode(new DataView(buffer, 1)), "b");
  assert.equal(new TextDecoder().decode(), "");
  assert.throws(() => new TextDecoder().decode("x"), TypeError);
});

test("UTF-16 and windows-1252", () => {
  assert.equal(new TextDecoder("utf-16le").decode(new Uint8Array([0x3d, 0xd8, 0x00, 0xde, 0x61, 0x00])), "\ud83d\ude00a");
  assert.equal(new TextDecoder("utf-16be").decode(new Uint8Array([0xd8, 0x3d, 0xde, 0x00])), "\ud83d\ude00");
  assert.equal(new TextDecoder("utf-16le").decode(new Uint8Array([0x3d, 0xd8, 0x61])), "\ufffd\ufffd");
  assert.throws(() => new TextDecoder("utf-16le", { fatal: true }).decode(new Uint8Array([0x3d, 0xd8])), TypeError);
  const d = new TextDecoder("utf-16le");
  assert.equal([0x3d, 0xd8, 0x00, 0xde].map((b) => d.decode(new Uint8Array([b]), { stream: true })).join(""), "\ud83d\ude00");
  assert.equal(new TextDecoder("latin1").decode(new Uint8Array([0x80, 0x9f, 0xe9, 0x41])), "\u20ac\u0178\u00e9A");
});

test("btoa and atob", () => {
  assert.equal(btoa(""), "");
  assert.equal(btoa("a"), "YQ==");
  assert.equal(btoa("\u00ff\u0000x"), "/wB4");
  assert.throws(() => btoa("\u0100"), "InvalidCharacterError");
  for (const [data, text] of [["YQ==", "a"], [" Y Q\n=\t= ", "a"], ["YQ", "a"], ["YWI", "ab"], ["/wB4", "\u00ff\u0000x"], ["", ""], ["YR==", "a"]]) assert.equal(atob(data), text);
  for (const bad of ["Y", "YQ=", "Y===", "YQ==Y", "Y-_=", "=", "====", "a\u00a0b="]) assert.throws(() => atob(bad), "InvalidCharacterError");
});
