// The TypeScript declarations of sdk/types accept what a phat may do and refuse what it may not.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './lib/proc.mjs';

test('a phat in TypeScript compiles against the declarations', async () => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { code, output } = await new Promise((resolve) => {
    execFile(process.execPath, [tsc, '-p', join(root, 'sdk/types/test')], (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, output: stdout + stderr });
    });
  });
  assert.equal(code, 0, output);
});
