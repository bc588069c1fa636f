// Secrets from their owner to their phat, through a worker that must not read, keep or mix them up.
import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { script } from './lib/bundle.mjs';
import { Owner } from './lib/owner.mjs';
import { childOf, tempDir, until } from './lib/proc.mjs';
import { putSecrets } from './lib/secrets.mjs';
import { startWorker } from './lib/worker.mjs';

const reader = 'export default { fetch(request, env) { return Response.json(env.API_KEY ?? null); } };';

async function put(...args) {
  const response = await putSecrets(...args);
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
      await until(() => says.test(worker.output().slice(seen)), { what: `the reason for ${what}` });
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

  test('for named bundles reach those and no other: neither one that is deployed later nor one that storage brings back', async (t) => {
    const data = await tempDir(t);
    const owner = new Owner();
    let worker = await startWorker(t, { data });
    const [one, two, three] = ['one', 'two', 'three'].map((mark) => {
      const files = { 'worker.js': script({ text: reader.replace('null', `null, { headers: { mark: '${mark}' } }`) }) };
      return { files, hash: Owner.bundle('bound', files).hash };
    });
    const deploy = async ({ files }) => { const { response, body } = await owner.deploy(worker, 'bound', files); return { status: response.status, body }; };
    assert.equal((await deploy(one)).status, 201);
    assert.equal((await put(worker, owner, 'bound', { API_KEY: 'for one' }, { bundles: [one.hash] })).status, 200);
    assert.equal(await read(worker, owner, 'bound'), 'for one');

    const refused = await deploy(two);
    assert.deepEqual([refused.status, refused.body.error.code], [422, 'secrets-refused']);
    assert.equal(refused.body.error.message, `secrets: their owner gave them to 1 other bundle, not to ${two.hash}: set them for this one too (phala secrets --bundle)`);
    assert.equal(await read(worker, owner, 'bound'), 'for one', 'the bundle before goes on');

    assert.equal((await put(worker, owner, 'bound', { API_KEY: 'for two' }, { bundles: [one.hash, two.hash] })).status, 200);
    const old = await readFile(join(data, 'phats', `${owner.phatId('bound')}.phat`));
    assert.equal((await deploy(two)).status, 200);
    assert.equal(await read(worker, owner, 'bound'), 'for two');
    assert.equal((await deploy(three)).body.error?.code, 'secrets-refused');
    assert.equal((await put(worker, owner, 'bound', { API_KEY: 'for two alone' }, { bundles: [two.hash] })).status, 200);
    assert.equal(await read(worker, owner, 'bound'), 'for two alone');

    // A bundle that the owner signed once, and does not trust any more.
    await worker.stop();
    await writeFile(join(data, 'phats', `${owner.phatId('bound')}.phat`), old);
    worker = await startWorker(t, { data });
    assert.equal((await read(worker, owner, 'bound')).error.code, 'start-failed');
    await until(() => worker.output().includes(`not to ${one.hash}`), { what: 'the reason' });

    for (const bundles of [[one.hash, one.hash], Array.from({ length: 17 }, (_, i) => i.toString(16).padStart(64, '0'))])
      assert.equal((await put(worker, owner, 'bound', { API_KEY: 'never' }, { bundles })).body.error.code, 'secrets-refused');
    assert.equal((await put(worker, owner, 'bound', { API_KEY: 'for any' })).status, 200);
    assert.equal(await read(worker, owner, 'bound'), 'for any');
    assert.equal((await deploy(three)).status, 200);
    assert.equal(await read(worker, owner, 'bound'), 'for any');
  });

  test('that are older than the newest are refused: after a swap of files, a restart, a deletion; and a roll-back of all shows', async (t) => {
    const data = await tempDir(t);
    const owner = new Owner();
    let worker = await startWorker(t, { data });
    const restart = async () => { await worker.stop(); worker = await startWorker(t, { data }); };
    await worker.phat('target', reader, {}, owner);
    const id = owner.phatId('target');
    const shown = async () => (await (await fetch(`${worker.url}/v1/phats/${id}`)).json()).secrets_sequence;
    const keep = async (path) => { const bytes = await readFile(path); return () => writeFile(path, bytes); };
    const file = join(data, 'phats', `${id}.secrets`);
    const refused = async (says, what) => {
      const seen = worker.output().length;
      assert.equal((await read(worker, owner, 'target')).error?.code, 'start-failed', what);
      await until(() => says.test(worker.output().slice(seen)), { what: `the reason ${what}` });
    };
    assert.equal((await put(worker, owner, 'target', { API_KEY: 'first' })).status, 200);
    const first = await shown();
    const [marks, oldFile, oldKeys] = [join(data, 'keyd.state.marks'), await keep(file), await keep(join(data, 'keyd.state'))];
    assert.equal((await put(worker, owner, 'target', { API_KEY: 'second' })).status, 200);
    const second = await shown();
    assert.ok(second > first);
    const newFile = await keep(file);

    await oldFile();
    const says = new RegExp(`storage shows the set of sequence ${first}, but that of sequence ${second} is known: it was rolled back`);
    await refused(says, 'under a worker that runs');
    const authorization = await owner.authorization({ action: 'logs', name: 'target', cluster: worker.cluster });
    assert.match(await (await fetch(`${worker.url}/v1/phats/${id}/logs`, { headers: { authorization } })).text(), says, 'its owner reads why');
    await restart();
    await refused(says, 'after a restart');
    await rm(file);
    await restart();
    await refused(/storage shows none, but phala-keyd knows of some/, 'without a file');
    await newFile();
    await restart();
    assert.equal(await read(worker, owner, 'target'), 'second');

    await worker.stop();
    await Promise.all([oldFile(), oldKeys()]);
    worker = await startWorker(t, { data });
    await refused(says, 'after a roll-back of the keys, by what is kept beside them');
    await worker.stop();
    await Promise.all([oldFile(), oldKeys(), rm(marks)]); // all that this worker has: nothing here is left to tell
    worker = await startWorker(t, { data });
    assert.equal(await read(worker, owner, 'target'), 'first');
    assert.equal(await shown(), first, 'but its owner sees it');

    assert.equal((await put(worker, owner, 'target', { API_KEY: 'third' })).status, 200);
    const third = await keep(file);
    const gone = await owner.authorization({ action: 'delete', name: 'target', cluster: worker.cluster, sequence: owner.nextSequence() });
    assert.equal((await fetch(`${worker.url}/v1/phats/${id}`, { method: 'DELETE', headers: { authorization: gone } })).status, 200);
    await worker.phat('target', reader, {}, owner);
    assert.equal(await read(worker, owner, 'target'), null);
    await third();
    await restart();
    await refused(/but the deletion of sequence \d+ is known: it was rolled back/, 'after a deletion');
    assert.equal((await put(worker, owner, 'target', { API_KEY: 'fourth' })).status, 200);
    assert.equal(await read(worker, owner, 'target'), 'fourth');
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
