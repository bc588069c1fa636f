// The CLI as a user runs it: a home folder with a keystore.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeKeystore } from './keystore.mjs';
import { program, root, runTool, tempDir } from './proc.mjs';

export const phala = program('phala');
const esbuild = join(root, 'node_modules/@esbuild/linux-x64/bin/esbuild');

/** A home with a keystore, and `cli(...)` that runs the CLI in it. */
export async function makeHome(t, env = {}) {
  const dir = await tempDir(t);
  await writeFile(join(dir, 'password'), 'correct horse\n', { mode: 0o600 });
  const base = {
    HOME: dir, XDG_CONFIG_HOME: join(dir, 'config'), PHALA_KEYSTORE: join(dir, 'key.json'),
    PHALA_PASSWORD_FILE: join(dir, 'password'), PHALA_WORKER: '', PHALA_CA: '', PHALA_ESBUILD: esbuild, ...env,
  };
  const cli = (args, options = {}) => runTool(phala, args, { cwd: dir, ...options, env: { ...base, ...options.env } });
  const address = await writeKeystore(base.PHALA_KEYSTORE, 'correct horse');
  return { dir, env: base, cli, address };
}

export const json = (result) => JSON.parse(result.stdout);
export const refused = (result, code, errorCode) => {
  assert.equal(result.code, code, result.stdout + result.stderr);
  const error = json(result).error;
  assert.ok(error.message.length > 0);
  if (errorCode) assert.equal(error.code, errorCode, error.message);
  return error;
};
