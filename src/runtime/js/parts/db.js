// env.DB and env.KV: the phat's SQLite database, and keys with values in a table of it. Every method answers at once.

export default function (I) {
  const { N } = I;

  const kBigMin = -(2n ** 63n);
  const kBigMax = 2n ** 63n - 1n;

  // What a statement is bound to: `values`, a rest parameter, whose elements are its own. Bigints cross as decimal
  // strings, and `kinds` names them.
  function bound(values) {
    let kinds = null;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (typeof value === "bigint") {
        if (value < kBigMin || value > kBigMax) throw new RangeError(`Value ${i + 1} is a bigint of more than 64 bits`);
        kinds ??= [];
        kinds[i] = "b";
        values[i] = `${value}`;
      } else if (value === undefined || typeof value === "function" || typeof value === "symbol" ||
          (typeof value === "object" && value !== null && !I.isBytes(value))) {
        throw new TypeError(`Value ${i + 1} is ${value === undefined ? "undefined" : `of type ${typeof value}`}: bind null, a number, a bigint, a string, a boolean or bytes`);
      }
    }
    if (kinds === null) return { values, kinds };
    let text = "";
    for (let i = 0; i < values.length; i++) text += kinds[i] ?? ".";
    return { values, kinds: text };
  }

  const kNothing = bound([]);

  function objects(names, rows) {
    const out = [];
    for (const row of rows) {
      const object = {};
      for (let i = 0; i < names.length; i++) {
        if (names[i] === "__proto__") Object.defineProperty(object, names[i], { value: row[i], enumerable: true, configurable: true, writable: true });
        else object[names[i]] = row[i];
      }
      out.push(object);
    }
    return out;
  }

  // Statements that C keeps prepared: their places by their text. The one that came first goes first.
  const kPlaces = 64;
  const kKeptMax = 4096;
  const places = new Map();
  const free = Array.from({ length: kPlaces }, (_, i) => i);

  function keep(sql) {
    if (free.length === 0) {
      const [oldest, place] = places.entries().next().value;
      places.delete(oldest);
      free.push(place);
    }
    const place = free[free.length - 1];
    N.dbPrepare(place, sql);
    free.pop();
    places.set(sql, place);
    return place;
  }

  const query = (sql, { values, kinds }, first) =>
    N.dbRun(sql.length > kKeptMax ? sql : places.get(sql) ?? keep(sql), first, kinds, ...values);

  class D1PreparedStatement {
    #sql;
    #bound;

    constructor(sql, parameters) {
      this.#sql = sql;
      this.#bound = parameters;
    }

    bind(...values) {
      return new D1PreparedStatement(this.#sql, bound(values));
    }

    first(column = undefined) {
      const [names, row] = query(this.#sql, this.#bound, true);
      if (row === null) return null;
      if (column === undefined) return objects(names, [row])[0];
      const at = names.lastIndexOf(`${column}`);
      if (at < 0) throw new Error(`The result has no column ${column}: it has ${names.join(", ")}`);
      return row[at];
    }

    all() {
      const start = N.mono();
      const [names, rows, changes, last_row_id] = query(this.#sql, this.#bound, false);
      return { success: true, results: objects(names, rows), meta: { changes, last_row_id, duration: N.mono() - start } };
    }

    run() {
      return this.all();
    }

    raw(options = undefined) {
      const [names, rows] = query(this.#sql, this.#bound, false);
      return options?.columnNames ? [[...names], ...rows] : rows;
    }
  }
  I.webClass(D1PreparedStatement, "D1PreparedStatement");

  // A savepoint within the turn's transaction: kept when fn returns, rolled back when it throws.
  function transaction(fn) {
    N.dbSavepoint(0);
    let result;
    try {
      result = fn();
      if ((typeof result === "object" || typeof result === "function") && result !== null && typeof result.then === "function") {
        throw new TypeError("DB.transaction: the function must not be asynchronous: other calls would run within the transaction");
      }
      N.dbSavepoint(1);
    } catch (error) {
      N.dbSavepoint(2);
      throw error;
    }
    return result;
  }

  class D1Database {
    prepare(sql) {
      return new D1PreparedStatement(`${sql}`, kNothing);
    }

    exec(sql) {
      const start = N.mono();
      const text = `${sql}`;
      const count = transaction(() => N.dbExec(text));
      return { count, duration: N.mono() - start };
    }

    batch(statements) {
      const list = [...statements];
      for (const s of list) if (!(s instanceof D1PreparedStatement)) throw new TypeError("DB.batch: each element must be a prepared statement");
      return transaction(() => list.map((s) => s.all()));
    }

    transaction(fn) {
      if (typeof fn !== "function") throw new TypeError("DB.transaction: the argument is not a function");
      return transaction(() => fn());
    }
  }
  I.webClass(D1Database, "D1Database");

  // Keys and values: a table like any other, so that a turn covers both. The row of the empty key counts versions.
  const kTable = `CREATE TABLE IF NOT EXISTS _phala_kv(key TEXT PRIMARY KEY, value, metadata TEXT, expires INTEGER, version INTEGER NOT NULL)`;
  const kIndex = `CREATE INDEX IF NOT EXISTS _phala_kv_expires ON _phala_kv(expires) WHERE expires IS NOT NULL`;
  const kKeyMax = 512;
  const kValueMax = 4 * 1024 * 1024;
  const kMetadataMax = 1024;
  const kListMax = 1000;

  const rowsOf = (sql, ...values) => query(sql, bound(values), false)[1];
  const hasTable = () => rowsOf("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_phala_kv'").length > 0;
  const now = () => Math.floor(N.now() / 1000);
  // Reads do not look for the table first: the first write makes it.
  function readRow(sql, ...values) {
    try {
      return query(sql, { values, kinds: null }, true)[1];
    } catch (error) {
      if (hasTable()) throw error;
      return null;
    }
  }

  function keyOf(key) {
    if (typeof key !== "string") throw new TypeError("KV: a key is a string");
    const text = I.usv(key);
    if (text === "") throw new TypeError("KV: a key is not empty");
    if (text.length * 3 > kKeyMax && (text.length > kKeyMax || N.utf8Encode(text).length > kKeyMax)) throw new RangeError(`KV: a key has at most ${kKeyMax} bytes`);
    return text;
  }

  function valueOf(value) {
    const isText = typeof value === "string";
    if (!isText && !I.isBytes(value)) throw new TypeError("KV.put: a value is a string or bytes");
    const length = isText && value.length * 3 <= kValueMax ? 0 : isText && value.length <= kValueMax ? N.utf8Encode(value).length : isText ? value.length : value.byteLength;
    if (length > kValueMax) throw new RangeError("KV.put: a value has at most 4 MiB");
    return isText ? value : I.copyBytes(value);
  }

  function wholeNumber(value, name, least) {
    if (value === undefined || value === null) return null;
    if (!Number.isSafeInteger(value) || value < least) throw new TypeError(`KV.put: ${name} is a whole number from ${least}`);
    return value;
  }

  function decode(value, type) {
    const text = () => (typeof value === "string" ? value : N.utf8Decode(value, false, true));
    switch (type) {
      case "text":
        return text();
      case "json":
        return JSON.parse(text());
      case "bytes":
      case "arrayBuffer": {
        const bytes = typeof value === "string" ? N.utf8Encode(value) : value.slice();
        return type === "bytes" ? bytes : bytes.slice().buffer;
      }
      default:
        throw new TypeError(`KV.get: the type is "text", "json", "arrayBuffer" or "bytes", not ${JSON.stringify(type)}`);
    }
  }

  function typeOf(options) {
    if (options === undefined || options === null) return "text";
    return typeof options === "object" ? (options.type ?? "text") : `${options}`;
  }

  class KVNamespace {
    get(key, options = undefined) {
      return this.getWithMetadata(key, options).value;
    }

    getWithMetadata(key, options = undefined) {
      const name = keyOf(key);
      const type = typeOf(options);
      const row = readRow("SELECT value, metadata, version FROM _phala_kv WHERE key = ? AND (expires IS NULL OR expires > ?)", name, now());
      if (row === null) return { value: null, metadata: null, version: 0 };
      const [value, metadata, version] = row;
      return { value: decode(value, type), metadata: metadata === null ? null : JSON.parse(metadata), version };
    }

    put(key, value, options = undefined) {
      const name = keyOf(key);
      const stored = valueOf(value);
      const ifVersion = wholeNumber(options?.ifVersion, "ifVersion", 0);
      const ttl = wholeNumber(options?.expirationTtl, "expirationTtl", 1);
      const time = now();
      const expires = ttl === null ? wholeNumber(options?.expiration, "expiration", 1) : time + ttl;
      const metadata = options?.metadata === undefined || options.metadata === null ? null : JSON.stringify(options.metadata);
      if (metadata === undefined) throw new TypeError("KV.put: the metadata has no JSON form");
      if (metadata !== null && N.utf8Encode(metadata).length > kMetadataMax) throw new RangeError(`KV.put: metadata has at most ${kMetadataMax} bytes as JSON`);
      return transaction(() => {
        if (ifVersion !== null && this.getWithMetadata(name, "bytes").version !== ifVersion) return false;
        if (!hasTable()) {
          rowsOf(kTable);
          rowsOf(kIndex);
        }
        // A few of those that are over go with each put.
        rowsOf("DELETE FROM _phala_kv WHERE key IN (SELECT key FROM _phala_kv WHERE expires <= ? LIMIT 16)", time);
        const version = rowsOf("INSERT INTO _phala_kv(key, version) VALUES('', 1) ON CONFLICT(key) DO UPDATE SET version = version + 1 RETURNING version")[0][0];
        rowsOf("INSERT INTO _phala_kv(key, value, metadata, expires, version) VALUES(?, ?, ?, ?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value, metadata = excluded.metadata, expires = excluded.expires, version = excluded.version", name, stored, metadata, expires, version);
        return version;
      });
    }

    delete(key) {
      const name = keyOf(key);
      if (hasTable()) rowsOf("DELETE FROM _phala_kv WHERE key = ?", name);
    }

    list(options = undefined) {
      const prefix = options?.prefix === undefined || options.prefix === null ? "" : I.usv(options.prefix);
      const limit = options?.limit ?? kListMax;
      if (!Number.isSafeInteger(limit) || limit < 1 || limit > kListMax) throw new TypeError(`KV.list: limit is a whole number from 1 to ${kListMax}`);
      let after = "";
      if (options?.cursor !== undefined && options.cursor !== null && options.cursor !== "") {
        const bytes = N.base64Decode(`${options.cursor}`);
        if (bytes === null) throw new TypeError("KV.list: this is no cursor of a list before");
        after = N.utf8Decode(bytes, false, true);
      }
      if (!hasTable()) return { keys: [], list_complete: true };
      const rows = rowsOf("SELECT key, expires, metadata FROM _phala_kv WHERE key > ? AND key >= ? AND (expires IS NULL OR expires > ?) ORDER BY key LIMIT ?", after, prefix, now(), limit + 1);
      const keys = [];
      // Keys with the prefix stand together, from the first on.
      for (const [name, expires, metadata] of rows) {
        if (!name.startsWith(prefix)) return { keys, list_complete: true };
        if (keys.length === limit) return { keys, list_complete: false, cursor: N.base64Encode(N.utf8Encode(keys[limit - 1].name)) };
        const key = { name };
        if (expires !== null) key.expiration = expires;
        if (metadata !== null) key.metadata = JSON.parse(metadata);
        keys.push(key);
      }
      return { keys, list_complete: true };
    }
  }
  I.webClass(KVNamespace, "KVNamespace");

  return { db: Object.freeze(new D1Database()), kv: Object.freeze(new KVNamespace()) };
}
