// HTTP and HTTPS servers on loopback that phats fetch from, and the authority that signs for them.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { atEnd } from './proc.mjs';

/** `handler(request, response)`; yields {port, url(host), hits}. Closed with the test. */
export async function startSource(t, handler, credentials) {
  const source = { hits: [] };
  const serve = (request, response) => {
    source.hits.push(`${request.method} ${request.url}`);
    handler(request, response);
  };
  const server = credentials ? https.createServer(credentials, serve) : http.createServer(serve);
  server.on('clientError', (error, socket) => socket.destroy());
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(t, () => { server.closeAllConnections(); server.close(); });
  source.port = server.address().port;
  source.url = (host = 'localhost') => `${credentials ? 'https' : 'http'}://${host}:${source.port}`;
  return source;
}

/** An authority of its own in `dir`, and a certificate by it for `names`. */
export function makeAuthority(dir, name, names = ['DNS:localhost', 'IP:127.0.0.1']) {
  const file = (what) => join(dir, `${name}-${what}`);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
  const key = (out) => openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', out);
  key(file('ca.key'));
  openssl('req', '-x509', '-new', '-key', file('ca.key'), '-subj', `/CN=${name} test root`, '-days', '2', '-out', file('ca.pem'));
  key(file('key.pem'));
  openssl('req', '-new', '-key', file('key.pem'), '-subj', `/CN=${name}`, '-out', file('csr.pem'));
  writeFileSync(file('ext'), `subjectAltName=${names.join(',')}\n`);
  openssl('x509', '-req', '-in', file('csr.pem'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', file('ext'), '-out', file('cert.pem'));
  return { caFile: file('ca.pem'), key: readFileSync(file('key.pem')), cert: readFileSync(file('cert.pem')) };
}
