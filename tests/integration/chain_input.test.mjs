// Contracts ask phats with inputs that are elsewhere: workers find them by their keccak-256 at places that are not trusted.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';

import { hexToString, keccak256, toHex } from 'viem';

import { startAnvil } from './lib/anvil.mjs';
import { deployNetwork } from './lib/network.mjs';
import { Owner } from './lib/owner.mjs';
import { atEnd, runTool, program, tempDir, until } from './lib/proc.mjs';
import { phat } from './lib/script.mjs';

const inputMax = 128 * 1024;

/** A place for inputs: `answer(hash, response)`; it keeps what was asked for. */
async function startPlace(t, answer) {
  const asked = [];
  const server = createServer((request, response) => {
    const hash = request.url.replace('/in/', '');
    asked.push(hash);
    answer(hash, response);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  atEnd(t, () => { server.closeAllConnections(); server.close(); });
  return { url: `http://127.0.0.1:${server.address().port}/in`, asked };
}

const giveFrom = (published) => (hash, response) => {
  if (published.has(hash)) response.end(published.get(hash));
  else response.writeHead(404).end();
};

async function setUp(t, places) {
  const anvil = await startAnvil(t);
  const dir = await tempDir(t);
  const net = await deployNetwork(anvil, dir);
  const worker = await net.start(t, join(dir, 'data'), { args: places.flatMap(({ url }) => ['--chain-input', url]) });
  await net.enter(worker);
  const { body } = await worker.phat('measure', phat(`
    chain(request) { const text = request.text(); return text.length > 100 ? String(text.length) : text.toUpperCase(); },
    fetch() { return new Response('also here'); }
  `), {}, new Owner(net.account.secret));
  const app = await net.app('measure', body.bundle_hash);
  const ask = async (hash) => {
    const { timestamp } = await anvil.client.getBlock();
    const receipt = await net.send(net.anchor, 'requestBlob', [app, hash, 0, Number(timestamp) + 36_000, 1, 0]);
    return BigInt(receipt.logs.at(-1).topics[1]);
  };
  const answers = (cnt) => until(async () => {
    await anvil.send('anvil_mine', '0x1');
    const events = await net.events('Fulfilled');
    return events.length >= cnt && new Map(events.map(({ args }) => [args.id, hexToString(args.result)]));
  }, { what: `${cnt} answers`, timeoutMs: 120_000, everyMs: 100 });
  return { net, worker, app, ask, answers };
}

test('an input is found by its hash, whatever other places say of it', async (t) => {
  const published = new Map();
  const publish = (bytes) => { const hash = keccak256(bytes); published.set(hash, bytes); return hash; };
  const lies = [
    (response) => response.end('something else'),
    (response) => response.end(Buffer.alloc(inputMax + 1)),
    (response) => response.writeHead(302, { location: '/in/elsewhere' }).end(),
    (response) => response.destroy(),
    (response) => { response.writeHead(200, { 'content-length': '10' }).write('half'); response.destroy(); },
  ];
  let turn = 0;
  const liar = await startPlace(t, (hash, response) => lies[turn++ % lies.length](response));
  const honest = await startPlace(t, giveFrom(published));
  const { ask, answers, net, app } = await setUp(t, [liar, honest]);
  const small = await ask(publish(Buffer.from('hello')));
  const none = await ask(publish(Buffer.alloc(0)));
  const most = await ask(publish(Buffer.alloc(inputMax, 'x')));
  const over = await ask(publish(Buffer.alloc(inputMax + 1, 'x')));
  const late = await ask(keccak256(toHex('late')));
  const inEvent = await net.ask(app, toHex('as ever'));
  const first = await answers(4);
  assert.equal(first.get(small), 'HELLO');
  assert.equal(first.get(none), '');
  assert.equal(first.get(most), `${inputMax}`);
  assert.equal(first.get(inEvent), 'AS EVER');
  assert.ok(!first.has(late) && !first.has(over));
  publish(Buffer.from('late'));
  assert.equal((await answers(5)).get(late), 'LATE');
  assert.ok(!(await answers(5)).has(over), 'over the limit it is not read');
  assert.ok(liar.asked.length > 0 && liar.asked.every((hash) => /^0x[0-9a-f]{64}$/.test(hash)), 'redirects are not followed');
});

test('more requests than are fetched at a time, at a place that hangs for some', async (t) => {
  const cnt = 60;
  const texts = Array.from({ length: cnt }, (_, i) => `input ${i}`);
  const published = new Map(texts.map((text) => [keccak256(toHex(text)), Buffer.from(text)]));
  const seen = new Set();
  const moody = await startPlace(t, (hash, response) => {
    const again = seen.has(hash);
    seen.add(hash);
    if (again || Number(hash.slice(-1)) % 2 === 0) giveFrom(published)(hash, response);
    else response.writeHead(503).end();
  });
  const { ask, answers } = await setUp(t, [moody]);
  const ids = [];
  for (const text of texts) ids.push(await ask(keccak256(toHex(text))));
  const got = await answers(cnt);
  assert.deepEqual(ids.map((id) => got.get(id)), texts.map((text) => text.toUpperCase()));
});

test('places that are none are refused', async () => {
  const base = ['--data', '/nonexistent', '--listen', '127.0.0.1:0', '--open'];
  const { code, stderr } = await runTool(program('phalad'), [...base, '--chain-input', 'http://127.0.0.1:1/']);
  assert.notEqual(code, 0);
  assert.match(stderr, /--chain-input: needs --chain/);
});
