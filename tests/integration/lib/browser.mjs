// A Chromium of its own for a test: fresh profile, no network but loopback is asked for, gone with the test.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { chromium } from 'playwright-core';
import { atEnd, tempDir } from './proc.mjs';

export const chromiumPath = process.env.PHALA_CHROMIUM ?? '/usr/bin/chromium';
export const needsChromium = { skip: existsSync(chromiumPath) ? false : `no ${chromiumPath}: sh tools/setup.sh test` };

const args = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];

/** A browser context; its pages' errors and console messages are in `said`. */
export async function startBrowser(t, options = {}) {
  const profile = await tempDir(t);
  const context = await chromium.launchPersistentContext(profile, { executablePath: chromiumPath, headless: true, args, ...options });
  atEnd(t, () => context.close());
  const said = [];
  const page = await context.newPage();
  page.on('pageerror', (error) => said.push(String(error)));
  page.on('console', (message) => said.push(message.text()));
  return { context, page, said };
}

const types = { '.html': 'text/html', '.mjs': 'text/javascript', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.wasm': 'application/wasm' };

/** Serves folder `root` on loopback, with `headers`; gives its origin. */
export async function serveFolder(t, root, headers = {}) {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname));
    try {
      const body = await readFile(join(root, path));
      response.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream', ...headers }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  atEnd(t, () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }));
  return `http://127.0.0.1:${server.address().port}`;
}
