// Blob, File, FormData, multipart.

test("Blob: parts, type, slice, text, bytes, stream", async () => {
  const b = new Blob(["a\u00e9", new Uint8Array([98]), new Uint8Array([1, 2, 3]).subarray(1, 2), new Blob(["c"])], { type: "Text/Plain" });
  assert.deepEqual([b.size, b.type], [6, "text/plain"]);
  assert.equal(await b.text(), "a\u00e9b\u0002c");
  assert.equal(await b.slice(3, 4).text(), "b");
  assert.equal(await b.slice(-1).text(), "c");
  assert.equal(b.slice(0, 1, "x/y").type, "x/y");
  assert.equal((await b.arrayBuffer()).byteLength, 6);
  assert.equal((await b.bytes())[0], 97);
  let n = 0;
  for await (const chunk of b.stream()) n += chunk.length;
  assert.equal(n, 6);
  assert.equal(new Blob([], { type: "a\u0000" }).type, "");
  assert.equal(new Blob().size, 0);
  for (const bad of ["x", 1, {}, null]) assert.throws(() => new Blob(bad), TypeError);
  assert.equal(await new Blob(["a\r\nb\rc"], { endings: "native" }).text(), "a\nb\nc");
});

test("File: name, lastModified, is a Blob", () => {
  const f = new File(["x"], "n.txt", { type: "text/plain", lastModified: 5 });
  assert.deepEqual([f.name, f.lastModified, f.type, f.size, f instanceof Blob], ["n.txt", 5, "text/plain", 1, true]);
  assert(new File([], "a").lastModified > 1e12);
  assert.throws(() => new File(["x"]), TypeError);
  assert.equal(String(f), "[object File]");
});

test("FormData: all operations", () => {
  const f = new FormData();
  f.append("a", "1");
  f.append("a", 2);
  f.append("b", new Blob(["x"]), "n");
  assert.deepEqual([f.get("a"), f.getAll("a"), f.get("b").name, f.get("none"), f.has("b")], ["1", ["1", "2"], "n", null, true]);
  f.set("a", "3");
  f.append("a", "4");
  f.set("a", "5");
  assert.deepEqual([...f].map((e) => e[0]), ["a", "b"]);
  f.delete("a");
  assert.deepEqual([...f.keys()], ["b"]);
  f.append("c", new Blob(["y"]));
  assert.equal(f.get("c").name, "blob");
  assert(f.get("c") instanceof File);
  assert.throws(() => f.append("a"), TypeError);
  assert.throws(() => f.append("a", "b", "c"), TypeError);
});

test("a form goes out as multipart and comes back", async () => {
  const f = new FormData();
  f.append("text", "line\nbreak \u20ac");
  f.append('na"me\n', "v");
  f.append("file", new File([new Uint8Array([0, 13, 10, 45, 45, 255])], 'a"b.bin', { type: "application/x-y" }));
  f.append("empty", "");
  const r = new Response(f);
  const back = await r.formData();
  assert.equal(back.get("text"), "line\r\nbreak \u20ac");
  assert.equal(back.get('na"me\r\n'), "v");
  assert.equal(back.get("empty"), "");
  const file = back.get("file");
  assert.deepEqual([file.name, file.type, [...(await file.bytes())]], ['a"b.bin', "application/x-y", [0, 13, 10, 45, 45, 255]]);
});

test("multipart of others: preamble, quoted boundary, no file type", async () => {
  const body = 'preamble\r\n--a b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--a b\r\ncontent-disposition: form-data; name="f"; filename="g"\r\n\r\nhi\r\n--a b--\r\nepilogue';
  const f = await new Response(body, { headers: { "content-type": 'multipart/form-data; boundary="a b"' } }).formData();
  assert.equal(f.get("x"), "1");
  assert.deepEqual([f.get("f").name, f.get("f").type, await f.get("f").text()], ["g", "text/plain", "hi"]);
});

test("broken forms reject with TypeError", async () => {
  const type = { headers: { "content-type": "multipart/form-data; boundary=b" } };
  for (const body of ["", "x", "--b", "--b\r\n", "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1", "--b\r\n\r\n1\r\n--b--", "--b\r\nContent-Disposition: attachment; name=\"x\"\r\n\r\n1\r\n--b--"]) {
    await assert.rejects(new Response(body, type).formData(), TypeError);
  }
  await assert.rejects(new Response("--b--", { headers: { "content-type": "multipart/form-data" } }).formData(), TypeError);
  assert.deepEqual([...(await new Response("--b--\r\n", type).formData())], []);
});

test("urlencoded forms", async () => {
  const f = await new Response("a=1&b=%20+c&a=2", { headers: { "content-type": "application/x-www-form-urlencoded; charset=UTF-8" } }).formData();
  assert.deepEqual([...f], [["a", "1"], ["b", "  c"], ["a", "2"]]);
});

test("blob() of a response has its type", async () => {
  const b = await new Response("x", { headers: { "content-type": "Text/HTML" } }).blob();
  assert.deepEqual([b.type, await b.text()], ["text/html", "x"]);
  assert.equal((await new Response(new Uint8Array(2)).blob()).type, "");
});
