// Tables that only the TEE sees. Whoever has the token uploads CSV; anyone may ask questions in SQL
// and gets rows as JSON, with a receipt that names the state they were answered from.

import { csvRows } from './csv.js';

const NAME = /^[a-z][a-z0-9_]{0,62}$/i;
const COLUMNS_MAX = 200;
const CELL_MAX = 1 << 20; // characters of one field
const ROWS_MAX = 10_000; // of one answer
const ROWS_USUAL = 1_000;
const VARIABLES_MAX = 1_000; // of one INSERT

const fail = (status, error) => Response.json({ error }, { status });
const quoted = (name) => `"${name.replaceAll('"', '""')}"`;

class BadInput extends Error {}

// Names of the columns: those of the first line, with the empty ones numbered; twice the same is refused.
function columnsOf(header) {
  if (header.length > COLUMNS_MAX) throw new BadInput(`more than ${COLUMNS_MAX} columns`);
  const names = header.map((name, i) => name.trim() || `column${i + 1}`);
  const seen = new Set(names.map((name) => name.toLowerCase()));
  if (seen.size < names.length) throw new BadInput('two columns have one name');
  return names;
}

// Rows go in by the hundred: an INSERT of many rows costs a fraction of as many INSERTs.
function inserterOf(db, table, width) {
  const most = Math.max(1, Math.floor(VARIABLES_MAX / width));
  const row = `(${Array(width).fill('?').join(',')})`;
  const sqlOf = (cnt) => `INSERT INTO ${quoted(table)} VALUES${Array(cnt).fill(row).join(',')}`;
  const full = db.prepare(sqlOf(most));
  let values = [];
  return {
    add(fields) {
      for (const field of fields) values.push(field === '' ? null : field);
      if (values.length === most * width) {
        full.bind(...values).run();
        values = [];
      }
    },
    flush() {
      if (values.length > 0) db.prepare(sqlOf(values.length / width)).bind(...values).run();
      values = [];
    },
  };
}

// The body comes in pieces, and each piece is a turn: its rows are one transaction, and the next piece
// is asked for when they are in. So the memory it takes does not depend on the size of the upload.
// The table has its name only when it is whole.
async function upload(request, env, table, asText) {
  const loading = `loading ${crypto.randomUUID()}`;
  let inserter;
  let columns;
  let rows = 0;
  const take = (fields) => {
    if (!columns) {
      columns = columnsOf(fields);
      const types = columns.map((name) => `${quoted(name)} ${asText.has(name) ? 'TEXT' : 'NUMERIC'}`);
      env.DB.exec(`CREATE TABLE ${quoted(loading)}(${types.join(', ')})`);
      inserter = inserterOf(env.DB, loading, columns.length);
      return;
    }
    if (fields.length !== columns.length)
      throw new BadInput(`row ${rows + 1} has ${fields.length} fields, the first line has ${columns.length}`);
    inserter.add(fields);
    rows++;
  };
  const parser = csvRows(take, CELL_MAX);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const piece of request.body ?? []) {
      parser.push(decoder.decode(piece, { stream: true }));
      inserter?.flush();
    }
    parser.push(decoder.decode());
    parser.end();
    if (!columns) throw new BadInput('there is no first line');
    inserter.flush();
    env.DB.exec(`DROP TABLE IF EXISTS ${quoted(table)}; ALTER TABLE ${quoted(loading)} RENAME TO ${quoted(table)}`);
  } catch (error) {
    env.DB.exec(`DROP TABLE IF EXISTS ${quoted(loading)}`);
    if (error instanceof BadInput || error instanceof SyntaxError || error instanceof TypeError)
      return fail(400, error.message);
    throw error;
  }
  return Response.json({ table, columns, rows }, { status: 201 });
}

// An upload that a crash cut off has left its rows behind; one that goes on now is not touched, for
// it has been begun by this instance.
const uploading = { cnt: 0 };
function sweep(db) {
  if (uploading.cnt > 0) return;
  const left = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'loading %'").raw().flat();
  for (const name of left) db.exec(`DROP TABLE ${quoted(name)}`);
}

function tables(env) {
  const names = env.DB.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'loading %' AND name NOT LIKE '\\_phala%' ESCAPE '\\' ORDER BY name",
  ).raw().flat();
  return Response.json(names.map((name) => ({
    name,
    columns: env.DB.prepare('SELECT name FROM pragma_table_info(?)').bind(name).raw().flat(),
    rows: env.DB.prepare(`SELECT count(*) AS n FROM ${quoted(name)}`).first('n'),
  })));
}

// What stands inside the brackets of a FROM can only read: SQLite takes nothing else there, and prepare
// takes one statement. The line break ends a comment that would swallow the limit. cpuMs and wallMs of
// phat.json bound the time.
async function query(request, env) {
  let asked;
  try {
    asked = await request.json();
  } catch {
    return fail(400, 'expected JSON: {"sql": "SELECT …", "params": […], "limit": 1000}');
  }
  const { sql, params = [], limit = ROWS_USUAL } = asked ?? {};
  if (typeof sql !== 'string' || !Array.isArray(params)) return fail(400, 'sql is a string, params a list');
  if (!Number.isInteger(limit) || limit < 1 || limit > ROWS_MAX) return fail(400, `limit is 1 to ${ROWS_MAX}`);
  try {
    const statement = env.DB.prepare(`SELECT * FROM (\n${sql.trim().replace(/;$/, '')}\n) LIMIT ${limit + 1}`);
    const [columns, ...rows] = statement.bind(...params).raw({ columnNames: true });
    return new Response(JSON.stringify({ columns, rows: rows.slice(0, limit), more: rows.length > limit }, (_, value) =>
      typeof value === 'bigint' ? value.toString() : value instanceof Uint8Array ? { base64: value.toBase64?.() ?? btoa(String.fromCharCode(...value)) } : value),
    { headers: { 'content-type': 'application/json' } });
  } catch (error) {
    return fail(400, error.message);
  }
}

// The token as its hash: how long a comparison takes says nothing about the token.
async function mayUpload(request, env) {
  const hash = async (text) => new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  const given = (request.headers.get('authorization') ?? '').replace(/^Bearer /, '');
  const [a, b] = await Promise.all([hash(given), hash(env.UPLOAD_TOKEN)]);
  return a.every((byte, i) => byte === b[i]);
}

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const table = /^\/tables\/([^/]+)$/.exec(pathname)?.[1];
    if (pathname === '/query' && request.method === 'POST') return query(request, env);
    if (pathname === '/tables' && request.method === 'GET') return tables(env);
    if (!table || !['PUT', 'DELETE'].includes(request.method))
      return fail(404, 'PUT or DELETE /tables/NAME, GET /tables, POST /query');
    if (!NAME.test(table)) return fail(400, 'a table is named by a letter and letters, digits and _, at most 63');
    if (!env.UPLOAD_TOKEN) return fail(503, 'set the secret UPLOAD_TOKEN first');
    if (!(await mayUpload(request, env))) return fail(401, 'authorization: Bearer UPLOAD_TOKEN');
    if (request.method === 'DELETE') {
      env.DB.exec(`DROP TABLE IF EXISTS ${quoted(table)}`);
      return new Response(null, { status: 204 });
    }
    sweep(env.DB);
    uploading.cnt++;
    try {
      return await upload(request, env, table, new Set((searchParams.get('text') ?? '').split(',')));
    } finally {
      uploading.cnt--;
    }
  },
};
