// CPU-bound work, one path each. The caller measures: runtimes coarsen or stop their clocks on purpose.
import { sha256 } from '@noble/hashes/sha2.js';

const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));

let document;
function json() {
  document ??= JSON.stringify(Array.from({ length: 40_000 }, (_, i) => ({ id: i, key: `key-${i}`, values: [i, i / 3, i * 7, -i], ok: i % 2 === 0, text: 'abcdefghijklmnopqrstuvwxyz0123456789' })));
  const parsed = JSON.parse(document);
  let sum = 0;
  for (const entry of parsed) sum += entry.values[2];
  return `${document.length} ${sum} ${JSON.stringify(parsed).length}`;
}

const block = Uint8Array.from({ length: 1 << 20 }, (_, i) => i & 255);

export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/fib': return new Response(String(fib(30)));
      case '/json': return new Response(json());
      case '/sha256': return new Response(sha256(block).join(','));
      default: return new Response('fib, json, sha256\n', { status: 404 });
    }
  },
};
