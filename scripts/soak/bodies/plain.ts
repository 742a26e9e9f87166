import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

// What the gateway is compared with, a process of its own: the same programs on the host, behind as little as Node needs
// to reach them. Its first line is its port.
//
//   /web   an HTTP server, through one that only passes on
//   /page  a program for each request, by its pipes; its head is skipped

const server = fileURLToPath(new URL('../../../test/fixtures/apps/clients/server', import.meta.url));
const upstreamPort = Number(process.argv[2]);

const program = (file: string, environment: Record<string, string>): ChildProcess =>
  spawn(process.execPath, [file], {
    cwd: server,
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });

const upstream = program('server.js', { PORT: String(upstreamPort) });
process.once('disconnect', () => {
  upstream.kill();
  process.exit();
});

const plain = createServer((request, response) => {
  const { method, headers, url = '' } = request;
  if (url.startsWith('/web')) {
    const outgoing = httpRequest({ port: upstreamPort, method, headers, path: url, host: '127.0.0.1' });
    outgoing.once('response', (incoming) => {
      response.writeHead(incoming.statusCode ?? 502, incoming.headers);
      incoming.pipe(response);
    });
    request.pipe(outgoing);
    return;
  }
  const [path = '', query = ''] = url.replace(/^\/page/, '').split('?');
  const child = program('page.js', { PATH_INFO: path, QUERY_STRING: query });
  if (child.stdin !== null) request.pipe(child.stdin);
  child.stdout?.once('data', (first: Buffer) => {
    response.write(first.subarray(first.indexOf('\n\n') + 2));
    child.stdout?.pipe(response);
  });
});
plain.listen(0, '127.0.0.1', () => process.send?.((plain.address() as AddressInfo).port));
