import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const id = 'a'.repeat(64);
const output = 'hi\n';

/**
 * Answers `docker run --rm IMAGE echo hi` at once, one at a time, and runs nothing: what that takes is the client's own, and no server can be
 * quicker.
 */
export async function startIdleServer(socket: string): Promise<AsyncDisposable> {
  let attached: Socket | undefined;
  let tellEnd = (): void => undefined;
  const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
    create: (response) =>
      response.writeHead(201, { 'Content-Type': 'application/json' }).end(JSON.stringify({ Id: id })),
    wait: (response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
      tellEnd = () => void response.end('{"StatusCode":0}\n');
    },
    start: (response) => {
      response.writeHead(204).end();
      attached?.end(Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, output.length]), Buffer.from(output)]));
      tellEnd();
    },
    _ping: (response) => response.writeHead(200).end(),
  };
  const server = createServer((request, response) => {
    response.setHeader('Api-Version', '1.41');
    const answer = answers[lastPart(request)];
    request.resume().once('end', () => (answer === undefined ? response.writeHead(404).end() : answer(response)));
  });
  server.on('upgrade', (_, connection: Socket) => {
    attached = connection.on('error', () => undefined).resume();
    const type = 'Content-Type: application/vnd.docker.multiplexed-stream';
    connection.write(`HTTP/1.1 101 UPGRADED\r\n${type}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`);
  });
  server.listen(socket);
  await once(server, 'listening');
  return {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const lastPart = ({ url = '' }: IncomingMessage): string =>
  new URL(url, 'http://server').pathname.split('/').at(-1) ?? '';
