// One command makes a network, and a contract gets its answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { program, runTool } from './lib/proc.mjs';

test('a contract on the development network is answered by workers of two vendors', async () => {
  const { code, stdout, stderr } = await runTool(program('phala'), ['devnet', '--once'], { timeoutMs: 900_000 });
  assert.equal(code, 0, stderr);
  const said = JSON.parse(stdout);
  assert.equal(said.answer, 'hello, world');
  assert.equal(said.calledBack, true);
  assert.equal(new Set(said.signers.map(({ operator }) => operator)).size, 2);
  assert.deepEqual(said.signers.map(({ vendor }) => vendor).sort(), [6, 7]);
  assert.ok(said.signers.every(({ live }) => live));
});
