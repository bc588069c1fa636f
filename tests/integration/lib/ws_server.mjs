// A WebSocket server for tests, which can be wrong: frames are made here by hand (RFC 6455). What a handler gets is a
// connection on which messages come and go, and its socket.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

import { atEnd } from './proc.mjs';

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A frame of a server: `first` is FIN and opcode, 0x81 a whole text. */
export function frame(first, payload) {
  const body = Buffer.from(payload);
  const head = body.length < 126 ? Buffer.from([first, body.length])
    : body.length < 65536 ? Buffer.from([first, 126, body.length >> 8, body.length & 255])
      : Buffer.concat([Buffer.from([first, 127, 0, 0, 0, 0]), Buffer.from(Uint32Array.of(body.length).buffer).swap32()]);
  return Buffer.concat([head, body]);
}

/** The first whole frame of a client in `bytes`: what it says, and how long it is. */
function takeFrame(bytes) {
  if (bytes.length < 2) return undefined;
  let len = bytes[1] & 127;
  let at = 2;
  if (len === 126) [len, at] = [bytes.length < 4 ? Infinity : bytes.readUInt16BE(2), 4];
  else if (len === 127) [len, at] = [bytes.length < 10 ? Infinity : Number(bytes.readBigUInt64BE(2)), 10];
  if (bytes.length < at + 4 + len) return undefined;
  const mask = bytes.subarray(at, at + 4);
  const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + len));
  for (let i = 0; i < len; i++) payload[i] ^= mask[i % 4];
  return { opcode: bytes[0] & 15, payload, size: at + 4 + len };
}

/** Starts it; `open(connection)` may set connection.message(text). Yields its URL; `hangUp` ends all connections. */
export async function startWsServer(t, open) {
  const sockets = new Set();
  const server = createServer((request, response) => response.writeHead(426).end());
  server.on('upgrade', (request, socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + guid).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    const connection = { socket, message: () => {}, send: (text) => socket.write(frame(0x81, text)) };
    let bytes = Buffer.alloc(0);
    socket.on('data', (piece) => {
      bytes = Buffer.concat([bytes, piece]);
      for (let got = takeFrame(bytes); got; got = takeFrame(bytes)) {
        bytes = bytes.subarray(got.size);
        if (got.opcode === 1) connection.message(got.payload.toString());
      }
    });
    open(connection);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const hangUp = () => { for (const socket of sockets) socket.destroy(); };
  atEnd(t, () => { hangUp(); server.close(); });
  return { url: `ws://127.0.0.1:${server.address().port}`, hangUp, connections: () => sockets.size };
}
