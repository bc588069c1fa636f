// URL and URLSearchParams: URL Standard.

test("a URL shows its parts", () => {
  const u = new URL("https://user:pa%20ss@EXAMPLE.com:8443/a/b/../c?x=1&y=2#frag");
  assert.deepEqual([u.href, u.origin, u.protocol, u.username, u.password, u.host, u.hostname, u.port, u.pathname, u.search, u.hash],
    ["https://user:pa%20ss@example.com:8443/a/c?x=1&y=2#frag", "https://example.com:8443", "https:", "user", "pa%20ss", "example.com:8443",
      "example.com", "8443", "/a/c", "?x=1&y=2", "#frag"]);
  assert.equal(`${u}`, u.href);
  assert.equal(JSON.stringify({ u }), `{"u":"${u.href}"}`);
});

test("plain http URLs show the same parts as the parser gives", () => {
  for (const text of ["http://a.test/", "http://a.test", "http://phat.test/hello?name=world&x=%20", "https://a-b.c1.test:8080/x.y/~z;a=b,c?q#h?&", "http://localhost:3000/a//b/?",
    "http://a.test/?", "http://a.test/#", "http://a.test/a.b/.c", "http://a.test:80/", "https://a.test:443/x", "http://1.2.3.4/x", "http://127.0.0.1:18090/items?a=1", "https://255.255.255.255:8443/a/b?", "http://0.0.0.0", "http://10.0.0.1:80/", "http://1.2.3.04/", "http://256.1.1.1/",
    "http://1.2.3/", "http://1.2.3.4.5/", "http://1.2.3.4./", "http://a.1.2.3.4/", "http://192.168.000.1/x", "http://0x7f.1/", "http://a.b.c.1x/",
    "http://a.test/%2e%2e/x", "http://a.test/x/..", "http://xn--nxasmq6b/", "http://a_b.test/", "http://a.test/'?'", "http://A.test/", "http://a.test:65536x/"]) {
    let plain = null;
    let parsed = null;
    try { plain = new URL(text); } catch {}
    try { parsed = new URL(`${text}\t`); } catch {} // a tab is ignored by the parser, but no short cut is taken
    assert.equal(plain === null, parsed === null, text);
    if (plain === null) continue;
    for (const key of ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"]) {
      assert.equal(plain[key], parsed[key], `${key} of ${text}`);
    }
    assert.deepEqual([...plain.searchParams], [...parsed.searchParams]);
  }
});

test("relative references resolve against the base", () => {
  for (const [ref, expected] of [["g", "http://a/b/c/g"], ["./g/.", "http://a/b/c/g/"], ["../../g", "http://a/g"], ["//g", "http://g/"], ["?y", "http://a/b/c/d;p?y"], ["#s", "http://a/b/c/d;p?q#s"], ["", "http://a/b/c/d;p?q"]]) {
    assert.equal(new URL(ref, "http://a/b/c/d;p?q").href, expected);
  }
});

test("broken URLs throw TypeError; canParse and parse tell", () => {
  for (const bad of ["", "/x", "http://", "http://a b/", "http://[::1", "http://a:99999/", "http://256.256.256.256/", "http://a%00b/", "x"]) {
    assert.throws(() => new URL(bad), TypeError);
    assert.equal(URL.canParse(bad), false);
    assert.equal(URL.parse(bad), null);
  }
  assert(URL.canParse("x", "http://a/"));
  assert.equal(URL.parse("x", "http://a/").href, "http://a/x");
  assert.throws(() => new URL(), TypeError);
});

test("hosts: IPv4, IPv6, punycode, percent", () => {
  for (const [host, expected] of [["0x7f.1", "127.0.0.1"], ["[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]"], ["münchen.de", "xn--mnchen-3ya.de"], ["EX%41MPLE.com", "example.com"], ["faß.de", "xn--fa-hia.de"], ["日本語.jp", "xn--wgv71a119e.jp"]]) {
    assert.equal(new URL(`http://${host}/`).hostname, expected);
  }
  assert.throws(() => new URL("http://xn--a/"), TypeError);
});

test("setters change one part and normalise it", () => {
  const u = new URL("http://a.test/x?y#z");
  u.protocol = "https";
  u.host = "b.test:444";
  u.pathname = "a b/../c";
  u.search = "q=é";
  u.hash = "";
  u.username = "me";
  assert.equal(u.href, "https://me@b.test:444/c?q=%C3%A9");
  u.port = "443";
  assert.equal(u.port, "");
  u.port = "x";
  assert.equal(u.port, "");
  assert.throws(() => { u.href = "nope"; }, TypeError);
  u.href = "http://c.test/";
  assert.equal(u.host, "c.test");
});

test("searchParams and search follow each other, also after a plain parse", () => {
  const u = new URL("http://a.test/p?a=1&b=2");
  u.searchParams.append("c", "3 4");
  assert.equal(u.search, "?a=1&b=2&c=3+4");
  assert.equal(u.href, "http://a.test/p?a=1&b=2&c=3+4");
  u.search = "?z=9";
  assert.equal(u.searchParams.get("z"), "9");
  assert.equal(u.searchParams.get("a"), null);
  u.searchParams.delete("z");
  assert.equal(u.href, "http://a.test/p");
  assert.equal(u.searchParams, u.searchParams);
});

test("URLSearchParams: construction, lookup, order", () => {
  for (const init of ["?a=1&b=2&a=3", "a=1&b=2&a=3", [["a", "1"], ["b", "2"], ["a", "3"]], new URLSearchParams("a=1&b=2&a=3")]) {
    const p = new URLSearchParams(init);
    assert.deepEqual([...p], [["a", "1"], ["b", "2"], ["a", "3"]]);
    assert.deepEqual(p.getAll("a"), ["1", "3"]);
    assert.equal(p.size, 3);
    p.sort();
    assert.equal(String(p), "a=1&a=3&b=2");
    p.set("a", "x");
    assert.equal(String(p), "a=x&b=2");
    assert(p.has("b", "2") && !p.has("b", "3"));
    p.delete("b", "3");
    assert(p.has("b"));
  }
  assert.equal(String(new URLSearchParams({ q: "a b&c=é+" })), "q=a+b%26c%3D%C3%A9%2B");
  assert.equal(new URLSearchParams("a=%ff%zz+b").get("a"), "\ufffd%zz b");
  for (const [text, value] of [["a=%", "%"], ["a=%4", "%4"], ["a=%e2%82%ac", "\u20ac"], ["a=%e2%82", "\ufffd"], ["a=\u20ac%zz%41", "\u20ac%zzA"], ["a=%ef%bb%bfx", "\ufeffx"], ["a=\ud800", "\ufffd"], ["a=b=c", "b=c"]]) {
    assert.equal(new URLSearchParams(text).get("a"), value, text);
  }
  assert.equal(String(new URLSearchParams([["!~'()*-._ ", "\u0000\u00e9\ud83d\ude00\ud800"]])), "%21%7E%27%28%29*-._+=%00%C3%A9%F0%9F%98%80%EF%BF%BD");
  assert.equal(String(new URLSearchParams("=")), "=");
  assert.throws(() => new URLSearchParams([["a"]]), TypeError);
  assert.deepEqual([...new URLSearchParams("&a&=b&&").entries()], [["a", ""], ["", "b"]]);
});

test("search keeps the parameters as they were given; the query drops tabs and line breaks", () => {
  for (const touched of [false, true]) {
    const u = new URL("http://a.test/?x=1");
    if (touched) u.searchParams;
    u.search = "?a=1\t2\n";
    assert.equal(u.href, "http://a.test/?a=12");
    assert.equal(u.searchParams.get("a"), "1\t2\n");
  }
  const v = new URL("http://a.test/?x=1");
  v.searchParams.append("y", "2");
  v.href = "http://b.test/?z=3";
  assert.equal(String(v.searchParams), "z=3");
  v.searchParams.append("w", "4");
  assert.equal(v.href, "http://b.test/?z=3&w=4");
});

test("URLSearchParams: inits, iteration while it changes, receivers", () => {
  assert.deepEqual([...new URLSearchParams({ "\ud800": 1, "\ufffd": 2, z: 3 })], [["\ufffd", "2"], ["z", "3"]]);
  assert.deepEqual([String(new URLSearchParams(null)), String(new URLSearchParams()), String(new URLSearchParams(undefined))], ["null=", "", ""]);
  assert.equal(String(new URLSearchParams(new Map([["a", 1]]))), "a=1");
  for (const bad of [[["a", "b", "c"]], [1], { [Symbol.iterator]: 1 }, { [Symbol("x")]: 1 }, Symbol("x")]) assert.throws(() => new URLSearchParams(bad), TypeError);
  const p = new URLSearchParams("a=1&b=2&c=3");
  const seen = [];
  for (const [name] of p) {
    seen.push(name);
    p.delete(name);
  }
  assert.deepEqual(seen, ["a", "c"]);
  p.forEach((value, name, self) => { seen.push(value, name); assert.equal(self, p); });
  assert.deepEqual(seen, ["a", "c", "2", "b"]);
  const it = p.keys();
  assert.equal(Object.prototype.toString.call(it), "[object URLSearchParams Iterator]");
  assert.deepEqual([it[Symbol.iterator]() === it, it.next(), it.next()], [true, { value: "b", done: false }, { value: undefined, done: true }]);
  assert.throws(() => it.next.call({}), TypeError);
  assert.throws(() => URLSearchParams.prototype.get.call({}, "a"), TypeError);
  assert.throws(() => p.append("a"), TypeError);
  assert.throws(() => new URL("http://a/").__lookupGetter__("href").call({}), TypeError);
  assert.equal(URLSearchParams.prototype[Symbol.iterator], URLSearchParams.prototype.entries);
  assert.deepEqual([URL.name, URL.length, URLSearchParams.name, URLSearchParams.length], ["URL", 1, "URLSearchParams", 0]);
  assert.deepEqual([...Object.keys(URL), Object.keys(URL.prototype).length, Object.keys(URLSearchParams.prototype).length], ["parse", "canParse", 14, 13]);
});

test("other schemes keep opaque paths", () => {
  const d = new URL("data:text/plain,hello world#f");
  assert.deepEqual([d.protocol, d.pathname, d.hash, d.origin], ["data:", "text/plain,hello world", "#f", "null"]);
  assert.equal(new URL("mailto:a@b").host, "");
  assert.equal(new URL("file:///C|/x").href, "file:///C:/x");
});

test("URLPattern matches and names groups", () => {
  const p = new URLPattern({ pathname: "/books/:id(\\d+)/*?" });
  assert(p.test("http://a.test/books/12/x"));
  assert(!p.test("http://a.test/books/x"));
  const m = p.exec("http://a.test/books/12/extra");
  assert.deepEqual([m.pathname.groups.id, m.pathname.groups[0]], ["12", "extra"]);
  assert.equal(new URLPattern("https://*.example.com/:x").exec("https://a.example.com/b").hostname.groups[0], "a");
  assert.throws(() => new URLPattern({ pathname: "/(" }), TypeError);
  assert.equal(URLPattern.name, "URLPattern");
});
