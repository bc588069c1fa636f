// The template data-analysis from init to answers: a large upload goes in by pieces, questions only read.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { childOf, program, root, runTool, tempDir } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const MEGABYTES = 20;
const token = 'a token of the owner';

/** CSV of so many bytes at least; yields [text, rows, sum of amounts] piece by piece. */
function* csv(bytes) {
  let row = 0;
  let sum = 0;
  yield ['\ufeffid,city,amount,"a ""note"""\r\n', row, sum];
  for (let made = 0; made < bytes;) {
    let text = '';
    while (text.length < 65536) {
      row++;
      sum += row % 1000;
      text += `${row},city${row % 50},${row % 1000},"line one, of ""${row}""\nline two ${'€'.repeat(row % 7)}"\n`;
    }
    made += text.length;
    yield [text, row, sum];
  }
}

test('the template data-analysis', async (t) => {
  const worker = await startWorker(t);
  const dir = await tempDir(t);
  await writeFile(join(dir, 'password'), 'correct horse\n', { mode: 0o600 });
  await writeFile(join(dir, 'token'), `${token}\n`);
  const env = {
    HOME: dir, XDG_CONFIG_HOME: join(dir, 'config'), PHALA_KEYSTORE: join(dir, 'key.json'), PHALA_PASSWORD_FILE: join(dir, 'password'),
    PHALA_WORKER: worker.url, PHALA_CA: '', PHALA_ESBUILD: join(root, 'node_modules/@esbuild/linux-x64/bin/esbuild'),
  };
  const cli = async (...args) => {
    const got = await runTool(program('phala'), args, { cwd: dir, env });
    assert.equal(got.code, 0, `phala ${args.join(' ')}: ${got.stdout}${got.stderr}`);
    return got.stdout;
  };
  await cli('key', 'new', '--out', env.PHALA_KEYSTORE);
  await cli('init', 'answers', '-t', 'data-analysis');
  const deployed = JSON.parse(await cli('deploy', 'answers', '--secret', 'UPLOAD_TOKEN=@token', '--unverified-worker-insecure', '--json'));
  const url = `${worker.url}/p/${deployed.id}`;
  const put = (name, body, headers = { authorization: `Bearer ${token}` }) =>
    fetch(`${url}/tables/${name}`, { method: 'PUT', body, headers, duplex: 'half' });
  const ask = async (sql, rest = {}) => {
    const response = await fetch(`${url}/query`, { method: 'POST', body: JSON.stringify({ sql, ...rest }) });
    return { status: response.status, ...(await response.json()) };
  };

  await t.test(`takes ${MEGABYTES} MB in pieces and answers questions about them, with a receipt that names the state`, async () => {
    let rows = 0;
    let sum = 0;
    const pieces = csv(MEGABYTES * 1e6);
    const body = new ReadableStream({
      pull(controller) {
        const { value, done } = pieces.next();
        if (done) return controller.close();
        [, rows, sum] = value;
        return controller.enqueue(new TextEncoder().encode(value[0]));
      },
    });
    const response = await put('sales', body);
    assert.equal(response.status, 201, await response.clone().text());
    assert.deepEqual(await response.json(), { table: 'sales', columns: ['id', 'city', 'amount', 'a "note"'], rows });
    const zygote = await childOf(worker.pid, 'phala-run');
    const pids = (await readFile(`/proc/${zygote}/task/${zygote}/children`, 'utf8')).trim().split(/\s+/);
    for (const pid of pids) {
      const peak = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0;
      assert.ok(Number(peak) < 256 * 1024, `process ${pid} took ${peak} KiB`);
    }
    assert.deepEqual(await ask('SELECT count(*) AS n, sum(amount) AS s FROM sales'), { status: 200, columns: ['n', 's'], rows: [[rows, sum]], more: false });
    assert.deepEqual((await ask('SELECT id, city, "a ""note""" FROM sales WHERE id = ?;', { params: [6] })).rows, [[6, 'city6', 'line one, of "6"\nline two €€€€€€']]);
    assert.deepEqual((await ask('SELECT id FROM sales ORDER BY id DESC -- newest', { limit: 2 })), { status: 200, columns: ['id'], rows: [[rows], [rows - 1]], more: true });
    await cli('call', 'answers', '/query', '-d', '{"sql":"SELECT min(id) AS n FROM sales"}', '--receipt', 'answer.json');
    const { receipt, response: answer } = JSON.parse(await readFile(join(dir, 'answer.json'), 'utf8'));
    assert.deepEqual(JSON.parse(Buffer.from(answer.body, 'base64')).rows, [[1]]);
    assert.ok(receipt.leaf.commit_index > 0);
    await cli('verify', 'answer.json', '--accept-simulator-insecure');
  });

  await t.test('lets a question read and nothing else', async () => {
    assert.equal((await put('kept', 'a,zip\n1,007\n,8\n')).status, 201);
    for (const sql of ['DELETE FROM kept', 'SELECT 1); DELETE FROM kept --', 'SELECT 1) LIMIT 1; DROP TABLE kept; SELECT * FROM (SELECT 1', 'PRAGMA user_version = 3',
      'WITH x AS (SELECT 1) DELETE FROM kept', 'UPDATE kept SET a = 2 RETURNING a', 'ATTACH \'x\' AS y', '']) {
      assert.equal((await ask(sql)).status, 400, sql);
    }
    assert.deepEqual((await ask('SELECT a, zip FROM kept ORDER BY zip')).rows, [[1, 7], [null, 8]]);
    for (const limit of [0, 10_001, 1.5, '5']) assert.equal((await ask('SELECT 1', { limit })).status, 400, `limit ${limit}`);
    assert.equal((await ask('SELECT ?')).status, 400);
    const { rows, more } = await ask('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n', { limit: 10_000 });
    assert.deepEqual([rows.length, more], [10_000, true]);
    assert.equal((await fetch(`${url}/query`, { method: 'POST', body: 'no JSON' })).status, 400);
  });

  await t.test('takes an upload from whoever has the token, whole or not at all', async () => {
    assert.equal((await put('secret', 'a\n1\n', {})).status, 401);
    assert.equal((await put('secret', 'a\n1\n', { authorization: 'Bearer wrong' })).status, 401);
    assert.equal((await put('no-name', 'a\n1\n')).status, 400);
    assert.equal((await put('whole', 'a,b\n1,2\n')).status, 201);
    for (const [text, why] of [['a,b\n1,2\n3\n', /row 2 has 1 fields/], ['a,b\n1,"2\n', /does not end/], ['a,A\n', /one name/], ['', /no first line/], ['a,b\n1,2"3\n', /quote/],
      [Buffer.from([0x61, 0x0a, 0xff, 0x0a]), /./], [`a\n${'x'.repeat(1 << 20)}y\n`, /longer than/]]) {
      const response = await put('whole', text);
      assert.equal(response.status, 400);
      assert.match((await response.json()).error, why);
    }
    assert.deepEqual((await ask('SELECT * FROM whole')).rows, [[1, 2]]);
    const text = await put('codes?text=zip', 'zip,n\r\n\r\n007,08\r\n"",1');
    assert.equal(text.status, 201);
    assert.deepEqual((await ask('SELECT * FROM codes')).rows, [['007', 8], [null, 1]]);
    const tables = await (await fetch(`${url}/tables`)).json();
    assert.deepEqual(tables.filter((x) => x.name === 'codes' || /loading/.test(x.name)), [{ name: 'codes', columns: ['zip', 'n'], rows: 2 }]);
    assert.equal((await fetch(`${url}/tables/codes`, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })).status, 204);
    assert.equal((await ask('SELECT * FROM codes')).status, 400);
  });
});
