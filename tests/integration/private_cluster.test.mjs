// Private calls to workers that share a key and a database: an envelope is taken by one of them, once.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Envelope } from './lib/ohttp.mjs';
import { Owner } from './lib/owner.mjs';
import { postgresBin, startPostgres } from './lib/postgres.mjs';
import { tempDir, until } from './lib/proc.mjs';
import { sameSimulator, startMember } from './lib/worker.mjs';

const echo = 'export default { async fetch(request) { return new Response(await request.text()); } };';

describe('private calls to a cluster', { skip: postgresBin() ? false : 'PostgreSQL is not installed' }, () => {
  let server;
  before(async () => { server = await startPostgres(); });
  after(async () => { await server?.stop(); });

  const member = (t, data, args) => startMember(t, server.url, data, args);
  async function cluster(t) {
    const data = await tempDir(t);
    const first = await member(t, data, ['--tls', '127.0.0.1:0']);
    const beside = await tempDir(t);
    await sameSimulator(data, beside);
    const second = await member(t, beside, ['--join', first.tlsUrl]);
    const phat = await first.phat('echo', echo, {}, new Owner());
    await until(async () => (await fetch(`${second.url}/v1/phats/${phat.id}`)).ok, { what: 'the phat on both' });
    const keys = new Uint8Array(await (await fetch(`${first.url}/v1/ohttp-keys`)).arrayBuffer());
    const envelope = (body) => Envelope.make(keys, { method: 'POST', path: `/p/${phat.id}/`, body });
    // A worker takes none in its first seconds: see that both do.
    for (const worker of [first, second]) await until(async () => (await (await envelope('')).send(worker)).status === 200, { what: 'a private call' });
    return { workers: [first, second], envelope };
  }
  const codeOf = async (response) => [response.status, (await response.json()).error.code];

  test('an envelope that one worker took is refused by the others', async (t) => {
    const { workers: [first, second], envelope } = await cluster(t);
    for (const [one, other] of [[first, second], [second, first]]) {
      const sealed = await envelope('once');
      const answer = await sealed.send(one);
      assert.deepEqual([answer.status, await answer.text()], [200, 'once']);
      assert.deepEqual(await codeOf(await sealed.post(other)), [409, 'replayed']);
      assert.deepEqual(await codeOf(await sealed.post(one)), [409, 'replayed']);
    }
    // Asked at once, each is taken by one of the two, with many on their way together.
    const sealed = await Promise.all(Array.from({ length: 100 }, (_, i) => envelope(`${i}`)));
    const statuses = await Promise.all(sealed.map(async (one) => (await Promise.all([first, second].map((worker) => one.post(worker)))).map(({ status }) => status).sort()));
    for (const pair of statuses) assert.deepEqual(pair, [200, 409]);
  });

  test('what the database has forgotten is too old for it, and without it nothing is taken', async (t) => {
    const { workers: [first, second], envelope } = await cluster(t);
    // As if the database's clock had gone on: the row is gone, and the floor above it.
    const sealed = await envelope('forgotten');
    assert.equal((await sealed.send(first)).status, 200);
    server.query('UPDATE phala_envelope_floor SET date = (SELECT max(date) FROM phala_envelopes); DELETE FROM phala_envelopes');
    assert.deepEqual(await codeOf(await sealed.post(second)), [409, 'replayed']);
    server.query('UPDATE phala_envelope_floor SET date = 0');
    assert.equal((await (await envelope('again')).send(second)).status, 200);

    const kept = await envelope('unknown');
    await server.kill('SIGKILL');
    assert.deepEqual(await codeOf(await kept.post(first)), [503, 'storage']);
    await server.start();
    await until(async () => (await (await envelope('later')).send(first)).status === 200, { what: 'a private call' });
    assert.deepEqual(await codeOf(await kept.post(first)), [409, 'replayed']);
    // Rows that nobody can take any more do not stay.
    server.query("INSERT INTO phala_envelopes VALUES ('\\x00', extract(epoch FROM now())::bigint - 400)");
    await until(() => server.query('SELECT count(*) FROM phala_envelopes WHERE date < extract(epoch FROM now()) - 300') === '0', { timeoutMs: 60_000, what: 'the end of old rows' });
    assert.notEqual(server.query('SELECT count(*) FROM phala_envelopes'), '0');
  });
});
