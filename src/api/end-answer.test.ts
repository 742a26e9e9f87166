import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { endAnswer } from './end-answer.ts';

const folder = mkdtempSync(join(tmpdir(), 'minke-end-answer-'));
const socketPath = join(folder, 'sock');
let server: Server;

beforeAll(async () => {
  server = createServer((request, response) => {
    request.once('data', () => {
      request.pause();
      response.writeHead(507, { 'content-length': 7 });
      endAnswer(response, 'no room');
    });
  });
  await once(server.listen(socketPath), 'listening');
});

afterAll(() => {
  server.close().closeAllConnections();
  rmSync(folder, { recursive: true });
});

/** Sends all of a body of so many MiB before it looks at what was answered, as a client may whose machine is busy. */
async function send(mebibytes: number): Promise<string> {
  const length = mebibytes * 1024 * 1024;
  const socket = connect(socketPath);
  socket.write(`POST / HTTP/1.1\r\nhost: minke\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n`);
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject).write(Buffer.alloc(length), () => resolve());
  });
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

it('lets a client read the answer that sends all of its body first', async () => {
  for (let round = 0; round < 20; round++) expect(await send(20)).toMatch(/^HTTP\/1.1 507 [^]*no room$/);
});
