// The CLI against a real worker: the main job from init to delete, and every way to be refused.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeHome, json, phala, refused } from './lib/home.mjs';
import { atEnd, root, runTool, tempDir, until } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

describe('without a worker', () => {
  test('every command has help with exit code 0, and an unknown option is usage', async (t) => {
    const { cli } = await makeHome(t);
    for (const command of ['init', 'dev', 'deploy', 'call', 'logs', 'list', 'delete', 'secrets', 'state', 'verify', 'evidence', 'key', 'keys', 'worker', 'devnet', 'completion']) {
      const help = await cli([command, '--help']);
      assert.equal(help.code, 0, command);
      assert.match(help.stdout, /usage/i, command);
      assert.equal((await cli([command, '--no-such-option'])).code, 2, command);
    }
    assert.equal((await cli([])).code, 2);
    assert.equal((await cli(['no-such-command'])).code, 2);
    assert.equal((await cli(['help'])).code, 0);
    assert.match((await cli(['version'])).stdout, /^phala \d+\.\d+\.\d+\n$/);
  });

  test('a keystore is dear to guess, opens with its password only, and is never overwritten', async (t) => {
    const { cli, dir, address: another } = await makeHome(t);
    assert.equal((await cli(['key', 'address'])).stdout, `${another}\n`);
    const env = { PHALA_KEYSTORE: join(dir, 'own.json') };
    const { address } = json(await cli(['key', 'new', '--out', env.PHALA_KEYSTORE, '--json']));
    assert.equal((await cli(['key', 'address'], { env })).stdout, `${address}\n`);
    const text = await readFile(env.PHALA_KEYSTORE, 'utf8');
    assert.equal(JSON.parse(text).crypto.kdfparams.n, 262144);
    assert.match(json(await cli(['keys', 'holder', '--json'], { env })).holder, /^[0-9a-f]{64}$/);
    await writeFile(join(dir, 'wrong'), 'incorrect\n');
    assert.match(refused(await cli(['keys', 'holder', '--json'], { env: { ...env, PHALA_PASSWORD_FILE: join(dir, 'wrong') } }), 1).message, /wrong password/);
    refused(await cli(['key', 'new', '--out', env.PHALA_KEYSTORE, '--json']), 1, 'exists');
    assert.equal(await readFile(env.PHALA_KEYSTORE, 'utf8'), text);
  });

  test('a key made by another implementation is imported as the same account', async (t) => {
    const { cli, dir } = await makeHome(t);
    // The first key of every development chain (anvil, hardhat): public knowledge.
    await writeFile(join(dir, 'secret'), 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80\n');
    const made = await cli(['key', 'import', '--from', 'secret', '--out', 'imported.json', '--json']);
    assert.equal(json(made).address, '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266');
    await writeFile(join(dir, 'secret'), '00'.repeat(32));
    refused(await cli(['key', 'import', '--from', 'secret', '--out', 'zero.json', '--json']), 1, 'bad-key');
  });

  test('a dry run needs neither worker nor key, and gives the same hash everywhere', async (t) => {
    const { cli, dir } = await makeHome(t);
    assert.equal((await cli(['init', 'a/oracle', '-t', 'price-oracle'])).code, 0);
    assert.equal((await cli(['init', 'b/c/oracle', '-t', 'price-oracle'])).code, 0);
    const env = { PHALA_KEYSTORE: join(dir, 'none'), PHALA_PASSWORD_FILE: join(dir, 'none') };
    const one = json(await cli(['deploy', 'a/oracle', '--dry-run', '--json'], { env }));
    const two = json(await cli(['deploy', '--dry-run', '--json'], { env, cwd: join(dir, 'b/c/oracle') }));
    assert.match(one.bundle_hash, /^[0-9a-f]{64}$/);
    assert.equal(one.bundle_hash, two.bundle_hash);
    assert.equal(one.name, 'oracle');
  });

  test('code that does not build is refused with file and line', async (t) => {
    const { cli, dir } = await makeHome(t);
    await writeFile(join(dir, 'broken.js'), 'export default {\n  fetch() { return ( }\n};\n');
    const error = refused(await cli(['deploy', 'broken.js', '--dry-run', '--json']), 1, 'build-failed');
    assert.match(error.message, /broken\.js:2:\d+/);
  });

  test('init refuses what exists, unknown templates and bad names', async (t) => {
    const { cli } = await makeHome(t);
    assert.equal((await cli(['init', 'x'])).code, 0);
    refused(await cli(['init', 'x', '--json']), 1, 'exists');
    refused(await cli(['init', 'y', '-t', 'nothing', '--json']), 1, 'no-template');
    refused(await cli(['init', 'Bad_Name', '--json']), 2, 'usage');
    assert.deepEqual(json(await cli(['init', '--list', '--json'])).templates.map((x) => x.name), ['data-analysis', 'hello', 'hono-app', 'price-oracle', 'price-pusher']);
  });

  test('plain http to another machine is refused, and so is a worker that nobody named', async (t) => {
    const { cli } = await makeHome(t);
    refused(await cli(['list', '--worker', 'http://worker.example', '--json']), 1, 'bad-worker-url');
    refused(await cli(['list', '--worker', 'http://127.0.0.1.example/', '--json']), 1, 'bad-worker-url');
    refused(await cli(['list', '--json']), 1, 'no-worker');
  });

  test('secret values on the command line are refused', async (t) => {
    const { cli } = await makeHome(t);
    refused(await cli(['secrets', 'x', 'KEY=value', '--worker', 'http://127.0.0.1:1', '--json']), 2, 'usage');
  });

  test('completion scripts are accepted by their shell', async (t) => {
    const { cli, dir } = await makeHome(t);
    const script = await cli(['completion', 'bash']);
    await writeFile(join(dir, 'c'), `${script.stdout}\nCOMP_WORDS=(phala deploy --dr); COMP_CWORD=2; _phala; echo "\${COMPREPLY[@]}"`);
    assert.equal((await runTool('bash', [join(dir, 'c')])).stdout.trim(), '--dry-run');
    assert.match((await cli(['completion', 'zsh'])).stdout, /^#compdef phala/);
    assert.match((await cli(['completion', 'fish'])).stdout, /-l dry-run/);
    assert.equal((await cli(['completion', 'tcsh'])).code, 2);
  });
});

describe('with a worker', () => {
  let worker;
  before(async () => { worker = await startWorker(null); });
  after(() => worker?.stop());
  const home = (t) => makeHome(t, { PHALA_WORKER: worker.url });

  test('init, deploy, call, verify, logs, update, list, delete', async (t) => {
    const { cli, dir, address } = await home(t);
    assert.equal((await cli(['init', 'greeter'])).code, 0);

    const dry = json(await cli(['deploy', 'greeter', '--dry-run', '--json']));
    const checked = json(await cli(['deploy', 'greeter', '--dry-run', '--worker', worker.url, '--json']));
    assert.equal(checked.checked_by_worker, true);
    const deployed = json(await cli(['deploy', 'greeter', '--json']));
    assert.equal(deployed.created, true);
    assert.equal(deployed.bundle_hash, dry.bundle_hash);
    assert.equal(deployed.owner.toLowerCase(), address);
    assert.equal(deployed.insecure_simulator, true);

    const nonce = 'ab'.repeat(32);
    const call = await cli(['call', 'greeter', '/?name=Ada', '--nonce', nonce, '--receipt', 'call.json']);
    assert.equal(call.stdout, 'Hello, Ada!\n', call.stderr);
    const kept = JSON.parse(await readFile(join(dir, 'call.json'), 'utf8'));
    assert.equal(kept.format, 'phala-call-v1');
    assert.equal(kept.phat, deployed.id);
    assert.equal(kept.request.target, '/?name=Ada');
    assert.equal(Buffer.from(kept.response.body, 'base64').toString(), 'Hello, Ada!\n');
    assert.equal(kept.receipt.leaf.bundle_hash, dry.bundle_hash);
    assert.equal(kept.receipt.leaf.nonce, nonce);

    const byId = json(await cli(['call', deployed.id, '/', '--json']));
    assert.deepEqual([byId.ok, byId.status, byId.body], [true, 200, 'Hello, world!\n']);

    const lines = await until(async () => {
      const out = (await cli(['logs', 'greeter', '--json'])).stdout.trim().split('\n').map((line) => JSON.parse(line));
      return out.length >= 2 && out;
    }, { what: 'log lines', everyMs: 200 });
    assert.ok(lines.some((line) => line.text === 'greeting Ada'));
    assert.match((await cli(['logs', 'greeter'])).stdout, /greeting world/);

    await writeFile(join(dir, 'greeter/worker.js'), 'export default { fetch() { return new Response("new"); } };');
    const updated = json(await cli(['deploy', 'greeter', '--json']));
    assert.equal(updated.created, false);
    assert.equal(updated.id, deployed.id);
    assert.ok(updated.sequence > deployed.sequence);
    assert.equal((await cli(['call', 'greeter'])).stdout, 'new');

    const listed = json(await cli(['list', '--json'])).phats;
    assert.deepEqual(listed.map((p) => [p.name, p.bundle_hash]), [['greeter', updated.bundle_hash]]);
    assert.match((await cli(['list'])).stdout, new RegExp(`greeter +${deployed.id}`));

    assert.equal((await cli(['delete', 'greeter'])).code, 2, 'asks for --yes where nobody can be asked');
    assert.equal((await cli(['delete', 'greeter', '--yes'])).code, 0);
    assert.deepEqual(json(await cli(['list', '--json'])).phats, []);
    refused(await cli(['delete', 'greeter', '--yes', '--json']), 1, 'not-found');
    assert.equal((await cli(['call', 'greeter'])).code, 1);

    const again = await cli(['deploy', 'greeter', '--json']);
    assert.equal(again.code, 0, again.stdout);
    assert.equal(json(again).created, true);
  });

  test('a kept call verifies offline, and not after a byte of the answer changed', async (t) => {
    const { cli, dir } = await home(t);
    await cli(['init', 'proved']);
    assert.equal((await cli(['deploy', 'proved'])).code, 0);
    assert.equal((await cli(['call', 'proved', '/?name=Eve', '--receipt', 'call.json'])).code, 0);
    const policy = ['--accept-simulator-insecure'];
    const good = await cli(['verify', 'call.json', ...policy], { env: { PHALA_WORKER: 'https://nowhere.invalid' } });
    assert.equal(good.code, 0, good.stdout + good.stderr);
    assert.match(good.stdout + good.stderr, /INSECURE-SIMULATOR/);
    const kept = JSON.parse(await readFile(join(dir, 'call.json'), 'utf8'));
    kept.response.body = Buffer.from('Hello, Eva!\n').toString('base64');
    await writeFile(join(dir, 'forged.json'), JSON.stringify(kept));
    assert.equal((await cli(['verify', 'forged.json', ...policy])).code, 1);
    assert.notEqual((await cli(['verify', 'call.json'])).code, 0, 'the production policy refuses the simulator');
  });

  test('a wrong password signs nothing', async (t) => {
    const { cli, dir } = await home(t);
    await cli(['init', 'x']);
    await writeFile(join(dir, 'wrong'), 'incorrect\n');
    const error = refused(await cli(['deploy', 'x', '--json', '--password-file', 'wrong']), 1, 'bad-password');
    assert.match(error.message, /wrong password/);
    assert.deepEqual(json(await cli(['list', '--json'])).phats, []);
  });

  test('a deploy that someone on the way recorded cannot be played again', async (t) => {
    const { cli, dir } = await home(t);
    const recorded = [];
    const middle = createHttpServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const { authorization, 'content-type': type } = request.headers;
      const sent = {
        method: request.method, body: chunks.length ? Buffer.concat(chunks) : undefined,
        headers: { ...(authorization && { authorization }), ...(type && { 'content-type': type }) },
      };
      if (request.method === 'POST') recorded.push([request.url, sent]);
      const answer = await fetch(worker.url + request.url, sent);
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') });
      response.end(Buffer.from(await answer.arrayBuffer()));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => middle.on('listening', resolve));
    atEnd(t, () => middle.close());
    const env = { PHALA_WORKER: `http://127.0.0.1:${middle.address().port}` };
    await cli(['init', 'replayed']);
    assert.equal((await cli(['deploy', 'replayed'], { env })).code, 0);
    await writeFile(join(dir, 'replayed/worker.js'), 'export default { fetch() { return new Response("second"); } };');
    assert.equal((await cli(['deploy', 'replayed'], { env })).code, 0);
    assert.equal(recorded.length, 2);
    for (const [url, sent] of recorded) assert.equal((await fetch(worker.url + url, sent)).status, 409);
    assert.equal((await cli(['call', 'replayed'])).stdout, 'second');
  });

  test('another owner can neither read the logs nor delete', async (t) => {
    const mine = await home(t);
    const other = await home(t);
    await mine.cli(['init', 'private']);
    const { id } = json(await mine.cli(['deploy', 'private', '--json']));
    assert.equal((await other.cli(['logs', id])).code, 1);
    assert.equal((await other.cli(['delete', id, '--yes'])).code, 1);
    assert.equal((await mine.cli(['call', 'private'])).code, 0);
  });

  test('a manifest that the worker refuses stores nothing', async (t) => {
    const { cli, dir } = await home(t);
    await cli(['init', 'strict']);
    await writeFile(join(dir, 'strict/phat.json'), JSON.stringify({ name: 'strict', main: 'worker.js', egres: [] }));
    const error = refused(await cli(['deploy', 'strict', '--json']), 1);
    assert.match(error.message, /egres/);
    assert.deepEqual(json(await cli(['list', '--json'])).phats, []);
  });

  test('a script that throws while it starts is refused with the user\'s file and line', async (t) => {
    const { cli, dir } = await home(t);
    await mkdir(join(dir, 'thrower/lib'), { recursive: true });
    await writeFile(join(dir, 'thrower/worker.js'), 'import { go } from "./lib/go.js";\ngo();\nexport default { fetch() { return new Response("x"); } };\n');
    await writeFile(join(dir, 'thrower/lib/go.js'), '// one\n// two\nexport function go() { throw new Error("no start"); }\n');
    const error = refused(await cli(['deploy', 'thrower', '--json']), 1);
    assert.match(error.message, /no start/);
    assert.match(error.message, /lib\/go\.js:3:/);
  });

  test('secrets reach the phat, after the worker was accepted only', async (t) => {
    const { cli, dir } = await home(t);
    await cli(['init', 'keeper']);
    await writeFile(join(dir, 'keeper/worker.js'), 'export default { fetch(request, env) { return new Response(env.API_KEY ?? "none"); } };');
    await writeFile(join(dir, 'key.txt'), 'first\n');
    refused(await cli(['deploy', 'keeper', '--secret', 'API_KEY=@key.txt', '--json']), 1, 'unverified-worker');
    assert.deepEqual(json(await cli(['list', '--json'])).phats, []);
    const insecure = '--unverified-worker-insecure';
    const deployed = await cli(['deploy', 'keeper', '--secret', 'API_KEY=@key.txt', insecure]);
    assert.equal(deployed.code, 0, deployed.stderr);
    assert.equal((await cli(['call', 'keeper'])).stdout, 'first');
    assert.equal((await cli(['secrets', 'keeper', 'API_KEY=-', insecure], { input: 'second\n' })).code, 0);
    assert.equal(await until(async () => (await cli(['call', 'keeper'])).stdout === 'second' && 'second', { everyMs: 200 }), 'second');
  });

  test('secrets are pinned to bundles by hash', async (t) => {
    const { cli, dir } = await home(t);
    const insecure = '--unverified-worker-insecure';
    await cli(['init', 'pinned']);
    const write = (word) => writeFile(join(dir, 'pinned/worker.js'), `export default { fetch(request, env) { return new Response("${word} " + env.API_KEY); } };`);
    const hashOf = async () => json(await cli(['deploy', 'pinned', '--dry-run', '--json'])).bundle_hash;
    const says = (text) => until(async () => (await cli(['call', 'pinned'])).stdout === text, { everyMs: 200, what: text });
    await writeFile(join(dir, 'key.txt'), 'k1');
    refused(await cli(['deploy', 'pinned', '--pin-secrets', insecure, '--json']), 2, 'usage');
    await write('one');
    const one = await hashOf();
    assert.equal((await cli(['deploy', 'pinned', '--secret', 'API_KEY=@key.txt', '--pin-secrets', insecure])).code, 0);
    await says('one k1');
    await write('two');
    const two = await hashOf();
    const other = await cli(['deploy', 'pinned', '--json']);
    refused(other, 1, 'secrets-refused');
    assert.match(other.stderr + other.stdout, new RegExp(`not to ${two}`));
    await says('one k1');
    await writeFile(join(dir, 'key.txt'), 'k2');
    refused(await cli(['secrets', 'pinned', 'API_KEY=@key.txt', '--bundle', 'aa', insecure, '--json']), 2, 'usage');
    refused(await cli(['secrets', 'pinned', 'API_KEY=@key.txt', '--bundle', one, '--bundle', one, insecure, '--json']), 2, 'usage');
    assert.equal((await cli(['secrets', 'pinned', 'API_KEY=@key.txt', '--bundle', one, '--bundle', two, insecure])).code, 0);
    await says('one k2');
    assert.equal((await cli(['deploy', 'pinned'])).code, 0);
    await says('two k2');
    // In one step: the secrets go first.
    await write('three');
    assert.equal((await cli(['deploy', 'pinned', '--secret', 'API_KEY=@key.txt', '--pin-secrets', insecure])).code, 0);
    await says('three k2');
  });

  test('code is encrypted to a worker that was accepted, keeps its hash, and goes with secrets', async (t) => {
    const { cli, dir } = await home(t);
    const insecure = '--unverified-worker-insecure';
    await cli(['init', 'hidden']);
    await writeFile(join(dir, 'hidden/worker.js'), 'export default { fetch(request, env) { return new Response("hidden " + (env.API_KEY ?? "none")); } };');
    await writeFile(join(dir, 'key.txt'), 'k1');
    refused(await cli(['deploy', 'hidden', '--encrypted', '--json']), 1, 'unverified-worker');
    assert.deepEqual(json(await cli(['list', '--json'])).phats, []);
    const { bundle_hash: hash } = json(await cli(['deploy', 'hidden', '--dry-run', '--json']));
    const deployed = await cli(['deploy', 'hidden', '--encrypted', '--secret', 'API_KEY=@key.txt', insecure, '--json']);
    assert.equal(deployed.code, 0, deployed.stderr);
    assert.deepEqual([json(deployed).bundle_hash, json(deployed).encrypted], [hash, true]);
    assert.equal(await until(async () => (await cli(['call', 'hidden'])).stdout === 'hidden k1' && 'hidden k1', { everyMs: 200 }), 'hidden k1');
    const [listed] = json(await cli(['list', '--json'])).phats;
    assert.deepEqual([listed.encrypted, listed.bundle_hash], [true, hash]);
    assert.equal((await cli(['deploy', 'hidden'])).code, 0);
    assert.equal(json(await cli(['list', '--json'])).phats[0].encrypted, false);
  });

  test('a worker whose evidence meets the policy gets the secrets', async (t) => {
    const { cli, dir } = await home(t);
    await cli(['init', 'judged']);
    await writeFile(join(dir, 'judged/worker.js'), 'export default { fetch(request, env) { return new Response(env.TOKEN ?? "none"); } };');
    await writeFile(join(dir, 'token'), 'sealed');
    assert.equal((await cli(['deploy', 'judged'])).code, 0);
    await cli(['call', 'judged', '--receipt', 'call.json']);
    const verdict = json(await cli(['verify', 'call.json', '--accept-simulator-insecure', '--json']));
    const policy = { statuses: ['UpToDate'], measurements: 'any', simulator_root_insecure: verdict.evidence.root };
    await writeFile(join(dir, 'policy.json'), JSON.stringify(policy));
    await writeFile(join(dir, 'other.json'), JSON.stringify({ ...policy, simulator_root_insecure: '11'.repeat(32) }));
    await writeFile(join(dir, 'empty.json'), '{}');
    for (const file of ['other.json', 'empty.json']) {
      refused(await cli(['secrets', 'judged', 'TOKEN=@token', '--policy', file, '--json']), 1, 'unverified-worker');
    }
    assert.equal((await cli(['call', 'judged'])).stdout, 'none');
    const sent = await cli(['secrets', 'judged', 'TOKEN=@token', '--policy', 'policy.json']);
    assert.equal(sent.code, 0, sent.stderr);
    assert.match(sent.stderr, /INSECURE-SIMULATOR/);
    assert.equal(await until(async () => (await cli(['call', 'judged'])).stdout === 'sealed' && 'sealed', { everyMs: 200 }), 'sealed');
  });

  test('an unmodified Hono application and @noble/hashes from npm run', async (t) => {
    const { cli, dir } = await home(t);
    await symlink(join(root, 'node_modules'), join(dir, 'node_modules'));
    assert.equal((await cli(['init', 'routes', '-t', 'hono-app'])).code, 0);
    const deployed = await cli(['deploy', 'routes']);
    assert.equal(deployed.code, 0, deployed.stderr);
    assert.deepEqual(JSON.parse((await cli(['call', 'routes', '/items/7?detail=all'])).stdout), { id: '7', detail: 'all' });
    assert.deepEqual(JSON.parse((await cli(['call', 'routes', '/echo', '-d', '{"a":[1,2]}'])).stdout), { a: [1, 2] });
    assert.equal(json(await cli(['call', 'routes', '/nowhere', '--json'])).status, 404);

    await mkdir(join(dir, 'hasher'));
    await writeFile(join(dir, 'hasher/worker.ts'), `import { keccak_256 } from '@noble/hashes/sha3';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils';
export default { async fetch(request: Request): Promise<Response> { return new Response(bytesToHex(keccak_256(utf8ToBytes(await request.text())))); } };
`);
    const hasher = await cli(['deploy', 'hasher/worker.ts']);
    assert.equal(hasher.code, 0, hasher.stderr);
    assert.equal((await cli(['call', 'hasher', '-d', 'abc'])).stdout, '4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45');
  });

  test('call carries method, headers and body, and tells failure by its exit code', async (t) => {
    const { cli, dir } = await home(t);
    await cli(['init', 'echo']);
    await writeFile(join(dir, 'echo/worker.js'), `export default { async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === '/teapot') return new Response('short and stout', { status: 418 });
      return Response.json({ method: request.method, pathname, type: request.headers.get('content-type'), mine: request.headers.get('x-mine'), body: await request.text() });
    } };`);
    const deployed = await cli(['deploy', 'echo']);
    assert.equal(deployed.code, 0, deployed.stderr);
    const put = json(await cli(['call', 'echo', '/a/b?c=d', '-X', 'PUT', '-H', 'X-Mine: 7', '-H', 'Content-Type: text/x', '-d', '@-', '--json'], { input: 'body text' }));
    assert.deepEqual(JSON.parse(put.body), { method: 'PUT', pathname: '/a/b', type: 'text/x', mine: '7', body: 'body text' });
    const post = json(await cli(['call', 'echo', '-d', '{"a":1}', '--json']));
    assert.deepEqual([JSON.parse(post.body).method, JSON.parse(post.body).type], ['POST', 'application/json']);
    const teapot = await cli(['call', 'echo', '/teapot', '--json']);
    assert.deepEqual([teapot.code, json(teapot).ok, json(teapot).status], [1, false, 418]);
  });
});

describe('the price oracle', () => {
  test('asks its sources over HTTPS and answers with the median; an egress outside the manifest is refused', async (t) => {
    const { dir, env, cli } = await makeHome(t);
    const source = spawn(process.execPath, [join(root, 'tools/price-source.mjs'), '--dir', join(dir, 'prices'),
      '--project', join(root, 'templates/price-oracle'), join(dir, 'price-oracle')], { stdio: ['ignore', 'pipe', 'inherit'] });
    atEnd(t, () => source.kill());
    const ready = JSON.parse(await new Promise((resolve) => source.stdout.setEncoding('utf8').once('data', resolve)));
    const worker = await startWorker(t, { args: ['--private-host-insecure', ready.host, '--extra-ca', ready.ca] });
    const there = { env: { ...env, PHALA_WORKER: worker.url } };
    const deployed = await cli(['deploy', 'price-oracle'], there);
    assert.equal(deployed.code, 0, deployed.stderr);
    const called = await cli(['call', 'price-oracle', '/?pair=ETH-USD', '--receipt', 'price.json'], there);
    assert.equal(called.code, 0, called.stdout + called.stderr);
    const answer = JSON.parse(called.stdout);
    const prices = answer.sources.map((s) => s.price).sort((a, b) => a - b);
    assert.deepEqual([answer.pair, answer.sources.length, answer.price], ['ETH-USD', 3, prices[1]]);
    assert.equal((await cli(['verify', 'price.json', '--accept-simulator-insecure'])).code, 0);
    assert.equal(json(await cli(['call', 'price-oracle', '/?pair=nonsense', '--json'], there)).status, 400);

    const file = join(dir, 'price-oracle/phat.json');
    const manifest = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ ...manifest, egress: ['https://example.com'] }));
    assert.equal((await cli(['deploy', 'price-oracle'], there)).code, 0);
    assert.equal(json(await cli(['call', 'price-oracle', '--json'], there)).status, 502, 'no source may be asked');
  });
});

describe('phala dev', () => {
  test('serves, reloads on save, shows logs and errors in the user\'s files, ends cleanly', async (t) => {
    const { dir, env } = await makeHome(t);
    const at = (name) => join(dir, 'app', name);
    await mkdir(at('lib'), { recursive: true });
    await writeFile(at('lib/text.js'), 'export const text = "one";\n\nexport function fail() {\n  throw new Error("deep trouble");\n}\n');
    await writeFile(at('worker.js'), `import { fail, text } from './lib/text.js';
export default { fetch(request) {
  console.log('asked for ' + new URL(request.url).pathname);
  if (request.url.endsWith('/fail')) fail();
  return new Response(text);
} };
`);
    const port = await freePort();
    const dev = spawn(phala, ['dev', at(''), '--port', String(port)], { cwd: dir, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [dev.stdout, dev.stderr]) stream.setEncoding('utf8').on('data', (text) => { output += text; });
    const ended = new Promise((resolve) => dev.on('exit', (code, signal) => resolve({ code, signal })));
    atEnd(t, () => { if (dev.exitCode === null) dev.kill('SIGKILL'); });
    const shows = (what) => until(() => (what instanceof RegExp ? what.test(output) : output.includes(what)), { what: `output ${what}`, timeoutMs: 20_000 })
      .catch((error) => { throw new Error(`${error.message}\n${output}`); });
    const get = async (path = '/') => (await fetch(`http://127.0.0.1:${port}${path}`)).text();

    await shows('serving');
    assert.equal(await get('/first'), 'one');
    await shows('asked for /first');

    await writeFile(at('lib/text.js'), 'export const text = "two";\n\nexport function fail() {\n  throw new Error("deep trouble");\n}\n');
    await until(async () => await get() === 'two', { what: 'the new answer' });

    const failed = await fetch(`http://127.0.0.1:${port}/fail`);
    assert.equal(failed.status, 500);
    await shows(/deep trouble[^]*lib\/text\.js:4:/);

    await writeFile(at('worker.js'), 'export default {\n  fetch() { return ( }\n};\n');
    await shows(/worker\.js:2:/);
    assert.equal(await get(), 'two', 'the last good version goes on');
    await writeFile(at('worker.js'), 'export default { fetch() { return new Response("three"); } };\n');
    await until(async () => await get() === 'three', { what: 'the repaired answer' });

    dev.kill('SIGINT');
    assert.deepEqual(await ended, { code: 0, signal: null });
    await assert.rejects(get(), 'the worker is gone too');
  });

  test('a port that is taken is said so', async (t) => {
    const { cli, dir } = await makeHome(t);
    await writeFile(join(dir, 'worker.js'), 'export default { fetch() { return new Response("x"); } };');
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.on('listening', resolve));
    atEnd(t, () => server.close());
    const result = await cli(['dev', 'worker.js', '--port', String(server.address().port)]);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /--port/);
  });
});

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.on('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
