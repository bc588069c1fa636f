// Secrets from their owner to their phat, through a worker that must not read, keep or mix them up.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { seal } from './lib/hpke.mjs';
import { Owner } from './lib/owner.mjs';
import { childOf, tempDir } from './lib/proc.mjs';
import { startWorker } from './lib/worker.mjs';

const reader = 'export default { fetch(request, env) { return Response.json(env.API_KEY ?? null); } };';

/** PUT an envelope for `phat`; what is signed, sealed and addressed can each be another. */
async function put(worker, owner, name, secrets, { id = owner.phatId(name), boundTo = id, signer = owner, content, change } = {}) {
  const recipient = Buffer.from(worker.info.caller_x25519.replace(/^0x/, ''), 'hex');
  const envelope = seal(recipient, 'phala-secrets-v1', Buffer.from(boundTo, 'hex'), Buffer.from(JSON.stringify(secrets)));
  if (change) change(envelope);
  const authorization = await signer.authorization({
    action: 'secrets', name, cluster: worker.cluster, sequence: signer.nextSequence(),
    content: content ?? `0x${createHash('sha256').update(envelope).digest('hex')}`,
  });
  const response = await fetch(`${worker.url}/v1/phats/${id}/secrets`, {
    method: 'PUT', headers: { authorization, 'content-type': 'application/octet-stream' }, body: envelope,
  });
  return { status: response.status, body: await response.json() };
}

const read = async (worker, owner, name) => (await fetch(`${worker.url}/p/${owner.phatId(name)}/`)).json();

async function filesUnder(dir) {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

describe('secrets', () => {
  test('reach their phat, also after a restart, and lie on the disk only sealed', async (t) => {
    const data = await tempDir(t);
    const owner = new Owner();
    const secret = 'correct-horse-battery-staple';
    const first = await startWorker(t, { data });
    await first.phat('reader', reader, {}, owner);
    assert.equal(await read(first, owner, 'reader'), null);
    const stored = await put(first, owner, 'reader', { API_KEY: secret });
    assert.equal(stored.status, 200, JSON.stringify(stored.body));
    assert.equal(await read(first, owner, 'reader'), secret);
    await first.stop();

    const files = await filesUnder(data);
    assert.ok(files.length > 0);
    for (const file of files) assert.ok(!(await readFile(file)).includes(secret), file);
    assert.ok(!first.output().includes(secret), 'the log');

    const second = await startWorker(t, { data });
    assert.equal(second.signer, first.signer);
    assert.equal(await read(second, owner, 'reader'), secret);
    assert.equal((await put(second, owner, 'reader', {})).status, 200);
    assert.equal(await read(second, owner, 'reader'), null);
  });

  test('are refused unless owner, phat and envelope belong together', async (t) => {
    const worker = await startWorker(t);
    const owner = new Owner();
    const stranger = new Owner();
    await worker.phat('mine', reader, {}, owner);
    await worker.phat('also-mine', reader, {}, owner);
    const secrets = { API_KEY: 'never' };
    const refusals = {
      'signed by a stranger': await put(worker, owner, 'mine', secrets, { signer: stranger }),
      'sealed for another phat': await put(worker, owner, 'mine', secrets, { boundTo: owner.phatId('also-mine') }),
      'signed for another envelope': await put(worker, owner, 'mine', secrets, { content: `0x${'11'.repeat(32)}` }),
      'altered before signing': await put(worker, owner, 'mine', secrets, { change: (e) => { e[40] ^= 1; } }),
      'no object': await put(worker, owner, 'mine', ['never']),
      'a number': await put(worker, owner, 'mine', { API_KEY: 7 }),
      'a bad name': await put(worker, owner, 'mine', { 'API-KEY': 'never' }),
      'an unknown phat': await put(worker, owner, 'nobody', secrets),
    };
    for (const [what, { status, body }] of Object.entries(refusals)) {
      assert.ok(status >= 400 && status < 500, `${what}: ${status} ${JSON.stringify(body)}`);
      assert.ok(!JSON.stringify(body).includes('never'), `${what}: the refusal quotes a secret`);
    }
    assert.equal(await read(worker, owner, 'mine'), null);
    assert.equal(await read(worker, owner, 'also-mine'), null);
  });

  test('are not stored while phala-keyd does not answer, and are when it does', async (t) => {
    const worker = await startWorker(t);
    const owner = new Owner();
    await worker.phat('patient', reader, {}, owner);
    assert.equal((await put(worker, owner, 'patient', { API_KEY: 'first' })).status, 200);
    const keyd = await childOf(worker.pid, 'phala-keyd');
    process.kill(keyd, 'SIGSTOP');
    try {
      const refused = await put(worker, owner, 'patient', { API_KEY: 'second' });
      assert.equal(refused.status, 503, JSON.stringify(refused.body));
      assert.equal(refused.body.error.code, 'overloaded');
    } finally {
      process.kill(keyd, 'SIGCONT');
    }
    assert.equal(await read(worker, owner, 'patient'), 'first');
    assert.equal((await put(worker, owner, 'patient', { API_KEY: 'third' })).status, 200);
    assert.equal(await read(worker, owner, 'patient'), 'third');
  });

  test('whose file was changed are never released, and the log says what is wrong', async (t) => {
    const data = await tempDir(t);
    const owner = new Owner();
    const limits = { memoryMiB: 64 };
    let worker = await startWorker(t, { data });
    await worker.phat('target', reader, { limits }, owner);
    await worker.phat('other', reader, { limits }, owner);
    assert.equal((await put(worker, owner, 'other', { API_KEY: 'of the other' })).status, 200);
    const pathOf = async (name) => (await filesUnder(data)).find((file) => file.endsWith(`${owner.phatId(name)}.secrets`));
    const others = await readFile(await pathOf('other'));
    const sealedAt = 4 + 148 + 65 + 8; // magic, the owner's request, its signature, time
    const head = /stored secrets do not verify/;
    const sealed = /not sealed by this cluster for this phat/;
    const flip = (at) => (bytes) => { bytes[at < 0 ? bytes.length + at : at] ^= 1; return bytes; };
    const changes = {
      'the magic': [flip(0), head],
      'the owner\'s request': [flip(30), head],
      'the owner\'s signature': [flip(4 + 148 + 20), head],
      'the first sealed byte': [flip(sealedAt), sealed],
      'a byte in the middle': [flip(-24), sealed],
      'the last byte': [flip(-1), sealed],
      'its length': [(bytes) => bytes.subarray(0, -1), sealed],
      'nothing but the head left': [(bytes) => bytes.subarray(0, sealedAt), sealed],
      'the other phat\'s sealed bytes under this one\'s head': [(bytes) => Buffer.concat([bytes.subarray(0, sealedAt), others.subarray(sealedAt)]), sealed],
      'the other phat\'s file': [() => others, head],
    };
    for (const [what, [change, says]] of Object.entries(changes)) {
      assert.equal((await put(worker, owner, 'target', { API_KEY: 'kept from all' })).status, 200);
      const file = await pathOf('target');
      await writeFile(file, change(await readFile(file)));
      const seen = worker.output().length;
      const response = await fetch(`${worker.url}/p/${owner.phatId('target')}/`);
      assert.equal((await response.json()).error?.code, 'start-failed', what);
      assert.match(worker.output().slice(seen), says, what);
      if (what === 'the last byte') {
        await worker.stop();
        worker = await startWorker(t, { data });
        assert.equal((await read(worker, owner, 'target')).error.code, 'start-failed', 'after a restart too');
      }
    }
    assert.equal(await read(worker, owner, 'other'), 'of the other');
    assert.equal((await put(worker, owner, 'target', { API_KEY: 'again' })).status, 200);
    assert.equal(await read(worker, owner, 'target'), 'again');
  });

  test('that the disk has lost cost their own phat its start, and no other phat', async (t) => {
    const data = await tempDir(t);
    const worker = await startWorker(t, { data });
    const owner = new Owner();
    const limits = { memoryMiB: 64 }; // another size than the pool's: every start makes a process
    await worker.phat('broken', reader, { limits }, owner);
    await worker.phat('sound', reader, { limits }, owner);
    assert.equal((await put(worker, owner, 'broken', { API_KEY: 'gone' })).status, 200);
    const file = (await filesUnder(data)).find((name) => name.endsWith(`${owner.phatId('broken')}.secrets`));
    const bytes = await readFile(file);
    bytes[bytes.length - 1] ^= 1;
    await writeFile(file, bytes);
    for (let i = 0; i < 5; i++) {
      assert.equal((await put(worker, owner, 'sound', { API_KEY: `${i}` })).status, 200);
      // The start that fails gives its process up while that of the other is on its way.
      const failing = Array.from({ length: 4 }, () => fetch(`${worker.url}/p/${owner.phatId('broken')}/`));
      const sound = await fetch(`${worker.url}/p/${owner.phatId('sound')}/`);
      assert.equal(sound.status, 200, await sound.clone().text());
      assert.equal(await sound.json(), `${i}`);
      for (const response of await Promise.all(failing)) {
        assert.equal((await response.json()).error.code, 'start-failed');
        assert.equal(response.status, 500);
      }
    }
  });
});
