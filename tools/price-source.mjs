// A local HTTPS price source with a certificate authority of its own, for machines that reach no public
// exchange. Its prices are made up, and its answers say so.
//
//   node tools/price-source.mjs --probe
//       exit 0 if at least two public price APIs answer from here
//   node tools/price-source.mjs --dir DIR [--project FROM TO]
//       make the authority under DIR, serve on a free port, print one JSON line {"origin","host","ca"};
//       with --project, copy the project FROM to TO with its sources and egress turned to this server
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';

const PROBES = [
  'https://api.coinbase.com/v2/prices/BTC-USD/spot',
  'https://api.kraken.com/0/public/Ticker?pair=XBTUSD',
  'https://api.binance.com/api/v3/ticker/price?symbol=BTCUSDT',
  'https://www.bitstamp.net/api/v2/ticker/btcusd/',
];
const BASE_PRICE = { BTC: 64000, ETH: 3100, SOL: 150 };
const SOURCES = ['alpha', 'beta', 'gamma'];

async function probe() {
  const answers = await Promise.allSettled(PROBES.map(async (url) => {
    const response = await fetch(url, { signal: AbortSignal.timeout(3000) });
    if (!response.ok) throw new Error(String(response.status));
  }));
  return answers.filter((a) => a.status === 'fulfilled').length >= 2;
}

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });

/** A root and a leaf for localhost, P-256, valid for a few days: made anew at each start. */
function makeAuthority(dir) {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const at = (name) => join(dir, name);
  writeFileSync(at('leaf.ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:false\n');
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '7',
    '-subj', '/CN=Phala local price source CA', '-addext', 'basicConstraints=critical,CA:true',
    '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-keyout', at('ca.key'), '-out', at('ca.pem'));
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost',
    '-keyout', at('leaf.key'), '-out', at('leaf.csr'));
  openssl('x509', '-req', '-in', at('leaf.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial',
    '-days', '7', '-extfile', at('leaf.ext'), '-out', at('leaf.pem'));
  chmodSync(at('leaf.key'), 0o600);
  rmSync(at('ca.key')); // nothing else is ever signed with it
  return { key: readFileSync(at('leaf.key')), cert: readFileSync(at('leaf.pem')), ca: at('ca.pem') };
}

function answer(request, response) {
  const match = /^\/(\w+)\/([A-Z0-9]{2,6})-([A-Z]{3})$/.exec(request.url ?? '');
  const base = match && SOURCES.includes(match[1]) ? BASE_PRICE[match[2]] : undefined;
  response.setHeader('content-type', 'application/json');
  if (!base) {
    response.statusCode = 404;
    response.end(JSON.stringify({ error: `no such pair; try /${SOURCES[0]}/BTC-USD` }));
    return;
  }
  const wiggle = 1 + 0.01 * Math.sin(Date.now() / 60000) + 0.001 * SOURCES.indexOf(match[1]);
  response.end(JSON.stringify({ price: (base * wiggle).toFixed(2), note: 'made up by the local price source' }));
}

/** The project with its sources and egress turned to this server. */
function copyProject(from, to, origin) {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
  const file = join(to, 'phat.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  manifest.egress = [origin];
  manifest.env = { ...manifest.env, SOURCES: JSON.stringify(Object.fromEntries(SOURCES.map((name) => [name, `${origin}/${name}/{base}-{quote}`]))) };
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
}

const args = process.argv.slice(2);
const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
if (args.includes('--probe')) {
  process.exit(await probe() ? 0 : 1);
} else if (option('--dir')) {
  const { key, cert, ca } = makeAuthority(option('--dir'));
  const server = createServer({ key, cert }, answer);
  server.listen(0, '127.0.0.1', () => {
    const host = `localhost:${server.address().port}`;
    const project = args.indexOf('--project');
    if (project >= 0) copyProject(args[project + 1], args[project + 2], `https://${host}`);
    console.log(JSON.stringify({ origin: `https://${host}`, host, ca }));
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
} else {
  console.error('usage: node tools/price-source.mjs --probe | --dir DIR [--project FROM TO]');
  process.exit(2);
}
