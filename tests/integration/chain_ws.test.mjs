// Nodes over WebSockets: the same answers, believed by the same rules, and news of blocks that wake and prove nothing. Nodes
// that lie, hang, talk too much or hang up change nothing while the others are a quorum.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';

import { hexToString, toHex } from 'viem';

import { startAnvil } from './lib/anvil.mjs';
import { key, lies, logsOnChain, mine, mineUntil, setUp } from './lib/chain_rig.mjs';
import { deployNetwork } from './lib/network.mjs';
import { Owner } from './lib/owner.mjs';
import { atEnd, tempDir, until } from './lib/proc.mjs';
import { phat } from './lib/script.mjs';
import { frame, startWsServer } from './lib/ws_server.mjs';

const wsOf = (anvil, path = '') => anvil.url.replace('http:', 'ws:') + path;
const never = { pollMs: 3_600_000 };
/** A client that does not look by itself, and knows already that its node tells it of blocks. */
async function startWoken({ anvil, rig }) {
  const one = rig([wsOf(anvil)], never);
  await until(() => one.said('head'));
  const height = one.head;
  await until(async () => { await mine(anvil); return one.head > height; }, { what: 'it is woken', everyMs: 100 });
  return one;
}
const news = (number) => JSON.stringify({ jsonrpc: '2.0', method: 'eth_subscription', params: { subscription: '0x1', result: { number } } });

async function honest(url, text) {
  return (await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: text })).json();
}

/** A way to a node that can be closed and opened again. */
async function startGate(t, url) {
  const { hostname, port } = new URL(url);
  const sockets = new Set();
  const gate = { open: true, made: 0 };
  const server = createServer((socket) => {
    if (!gate.open) { socket.destroy(); return; }
    gate.made++;
    const far = connect({ host: hostname, port });
    for (const [one, other] of [[socket, far], [far, socket]]) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => {}).on('close', () => { sockets.delete(one); other.destroy(); });
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  gate.hangUp = () => { for (const socket of sockets) socket.destroy(); };
  atEnd(t, () => { gate.hangUp(); server.close(); });
  gate.url = `ws://127.0.0.1:${server.address().port}`;
  return gate;
}

test('over a WebSocket, a transaction is sent, mined and final, and its log is given', async (t) => {
  const { anvil, contract, rig } = await setUp(t);
  const one = rig([wsOf(anvil)]);
  await until(() => one.said('ready'));
  one.submit(key('a'));
  await mineUntil(anvil, () => one.state(key('a')) === 'done' && one.logs.length === 1, 'it is final');
  assert.deepEqual(await logsOnChain(anvil, contract), [key('a')]);
  assert.equal(one.logs[0].data, '0xabcd');
});

test('a new block wakes the client, which would not look for an hour', async (t) => {
  const set = await setUp(t);
  const { anvil, contract } = set;
  const one = await startWoken(set);
  for (let i = 0; i < 5; i++) {
    await mine(anvil);
    const height = Number(await anvil.client.getBlockNumber());
    await until(() => one.head === height, { what: `block ${height} is seen` });
  }
  one.submit(key('a'));
  await until(() => one.state(key('a')) === 'mined' && one.logs.length === 1, { what: 'its own block wakes it too' });
  assert.deepEqual(await logsOnChain(anvil, contract), [key('a')]);
});

test('many blocks at once are all seen: news that come during a look are not lost', async (t) => {
  const set = await setUp(t);
  const { anvil } = set;
  const one = await startWoken(set);
  for (let round = 0; round < 20; round++) await Promise.all([mine(anvil, 3), mine(anvil), mine(anvil)]);
  const height = Number(await anvil.client.getBlockNumber());
  await until(() => one.head === height, { what: 'the last block is seen' });
});

test('without news, looking from time to time is enough', async (t) => {
  const { anvil, rig } = await setUp(t);
  const mute = await startWsServer(t, (connection) => {
    connection.message = async (text) => {
      const asked = JSON.parse(text);
      if (asked.method === 'eth_subscribe') connection.send(JSON.stringify({ jsonrpc: '2.0', id: asked.id, error: { code: -32601, message: 'no' } }));
      else connection.send(JSON.stringify(await honest(anvil.url, text)));
    };
  });
  const one = rig([mute.url]);
  one.submit(key('a'));
  await mineUntil(anvil, () => one.state(key('a')) === 'done' && one.logs.length === 1, 'it is final');
  assert.equal(mute.connections(), 1, 'one connection for all of it');
});

test('one liar among three nodes changes nothing, whatever it tells of new blocks', async (t) => {
  for (const [name, lie] of Object.entries(lies)) {
    await t.test(name, async (t) => {
      const { anvil, contract, rig } = await setUp(t);
      const liar = await startWsServer(t, (connection) => {
        connection.message = async (text) => {
          const asked = [JSON.parse(text)].flat();
          connection.send(news('0xffffff'));
          const answers = (await honest(anvil.url, text));
          connection.send(JSON.stringify([answers].flat().map((answer) => lie(asked.find(({ id }) => id === answer.id), answer)).filter(Boolean)));
        };
      });
      const one = rig([liar.url, wsOf(anvil), wsOf(anvil, '/?again')]);
      one.submit(key('q'));
      await mineUntil(anvil, () => one.state(key('q')) === 'done' && one.logs.length === 1, `final in spite of ${name}`);
      assert.equal(one.logs[0].data, '0xabcd');
      assert.deepEqual(await logsOnChain(anvil, contract), [key('q')]);
      assert.ok(one.head <= Number(await anvil.client.getBlockNumber()));
    });
  }
});

/** What a node may do besides answering. */
const nuisances = {
  'says nothing': () => {},
  'says what is no JSON': (connection) => { connection.message = () => connection.send('{'); },
  'answers what was not asked': (connection) => { connection.message = () => connection.send('[{"id":1000000,"result":"0x1"}]'); },
  'refuses batches': (connection) => { connection.message = () => connection.send('{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no batches"}}'); },
  'sends bytes': (connection) => connection.socket.write(frame(0x82, 'bytes')),
  'compresses': (connection) => connection.socket.write(frame(0xc1, 'x')),
  'says goodbye at once': (connection) => connection.socket.write(frame(0x88, Buffer.from([3, 232]))),
  'hangs up at once': (connection) => connection.socket.destroy(),
  'pings without end': (connection) => {
    const flood = () => { while (connection.socket.write(Buffer.concat(Array(1000).fill(frame(0x89, '')))) && !connection.socket.destroyed); };
    connection.socket.on('drain', flood);
    flood();
  },
  'tells of blocks without end': (connection) => {
    const text = Buffer.concat(Array(100).fill(frame(0x81, news('0xffffff'))));
    const flood = () => { if (!connection.socket.destroyed && connection.socket.write(text)) setImmediate(flood); };
    connection.socket.on('drain', flood);
    flood();
  },
  'begins a message without end': (connection) => {
    connection.socket.write(frame(0x01, '['));
    const piece = frame(0x00, ' '.repeat(65536));
    const flood = () => { if (!connection.socket.destroyed && connection.socket.write(piece)) setImmediate(flood); };
    connection.socket.on('drain', flood);
    flood();
  },
};

test('one nuisance among three nodes changes nothing', async (t) => {
  for (const [name, open] of Object.entries(nuisances)) {
    await t.test(name, async (t) => {
      const { anvil, contract, rig } = await setUp(t);
      const nuisance = await startWsServer(t, open);
      const one = rig([nuisance.url, wsOf(anvil), wsOf(anvil, '/?again')]);
      one.submit(key('q'));
      await mineUntil(anvil, () => one.state(key('q')) === 'done' && one.logs.length === 1, `final beside one that ${name}`);
      assert.deepEqual(await logsOnChain(anvil, contract), [key('q')]);
      one.write('status');
      await until(() => one.said('status'), { what: 'the client is well' });
    });
  }
});

test('a node that went away is asked again when it is back, and wakes again', async (t) => {
  const { anvil, rig } = await setUp(t);
  const gate = await startGate(t, anvil.url);
  const one = rig([gate.url]);
  await until(() => one.said('head'));
  for (const name of ['a', 'b']) {
    const before = gate.made;
    gate.open = false;
    gate.hangUp();
    await mine(anvil, 3);
    one.submit(key(name));
    gate.open = true;
    await mineUntil(anvil, () => one.state(key(name)) === 'done', 'it is final after all');
    assert.ok(gate.made > before, 'over a new connection');
  }
});

test('an answer of one node to what another one was asked is none', async (t) => {
  const { anvil, rig } = await setUp(t);
  let asked;
  let stolen = 0;
  const silent = await startWsServer(t, (connection) => {
    connection.message = (text) => { if (text.startsWith('[')) asked = text; };
  });
  const thief = await startWsServer(t, (connection) => {
    const say = (text) => connection.send(JSON.stringify(JSON.parse(text).map(({ id }) => ({ jsonrpc: '2.0', id, result: '0x1' }))));
    connection.message = async (text) => {
      if (!text.startsWith('[')) return;
      await until(() => asked);
      say(asked);
      stolen++;
      say(text);
    };
  });
  // Two that say chain 1 would end the client.
  const one = rig([silent.url, thief.url, wsOf(anvil)]);
  await until(() => stolen > 1, { what: 'the thief was asked again', timeoutMs: 30_000 });
  one.write('status');
  await until(() => one.said('status'));
  assert.ok(!one.said('broken'), 'one node has one voice');
});

test('URLs that are none are refused', async (t) => {
  const { rig } = await setUp(t);
  for (const url of ['ws:/127.0.0.1', 'wss://', 'ws://a:b@127.0.0.1', 'wsx://127.0.0.1']) {
    const one = rig([url]);
    await one.exited;
    assert.equal(one.child.exitCode, 1, url);
  }
});

test('a worker with three WebSockets beside HTTP registers and answers, also while one of them is gone', async (t) => {
  const anvil = await startAnvil(t);
  const dir = await tempDir(t);
  const net = await deployNetwork(anvil, dir);
  const gate = await startGate(t, anvil.url);
  const sockets = [wsOf(anvil), gate.url, wsOf(anvil, '/?again')];
  const worker = await net.start(t, join(dir, 'data'), { args: sockets.flatMap((url) => ['--chain', url]) });
  await net.enter(worker);
  const { body } = await worker.phat('shout', phat(`
    chain(request) { return request.text().toUpperCase(); },
    fetch() { return new Response('also here'); }
  `), {}, new Owner(net.account.secret));
  const app = await net.app('shout', body.bundle_hash);
  const answers = async (cnt) => until(async () => {
    await mine(anvil);
    const events = await net.events('Fulfilled');
    return events.length >= cnt && events;
  }, { what: `${cnt} answers`, timeoutMs: 120_000, everyMs: 100 });
  await net.ask(app, toHex('first'));
  await answers(1);
  gate.open = false;
  gate.hangUp();
  for (let i = 0; i < 5; i++) await net.ask(app, toHex(`gone ${i}`));
  await answers(6);
  gate.open = true;
  for (let i = 0; i < 5; i++) await net.ask(app, toHex(`back ${i}`));
  const events = await answers(11);
  assert.deepEqual(events.map(({ args }) => hexToString(args.result)).sort(),
    ['FIRST', ...[0, 1, 2, 3, 4].flatMap((i) => [`GONE ${i}`, `BACK ${i}`])].sort());
});
