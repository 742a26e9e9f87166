import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { openTcpListener, openUdpSocket } from '../../../linux/socket.ts';
import { serveDns, type DnsZone } from './dns.ts';
import { messagesOf } from './dns-upstream.ts';

const types = { A: 1, MX: 15, AAAA: 28 };
const codes = { ok: 0, failed: 2, notFound: 3, notImplemented: 4, refused: 5 };
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

describe('a name of the app', () => {
  it('has its address, in whatever case it is asked for', async () => {
    const { ask } = await resolver();
    for (const name of ['db', 'DB', 'Db'])
      expect(read(await ask(query(name)))).toEqual({ code: codes.ok, address: '10.64.128.1' });
  });

  it.each(['AAAA', 'MX'] as const)('has nothing of type %s, which is no error', async (type) => {
    const { ask } = await resolver();
    expect(read(await ask(query('db', type)))).toEqual({ code: codes.ok, address: undefined });
  });

  it('is answered with the id and the question of the query', async () => {
    const { ask } = await resolver();
    const asked = query('db');
    const answer = await ask(asked);
    expect(answer.subarray(0, 2)).toEqual(asked.subarray(0, 2));
    expect(answer.subarray(12, asked.length)).toEqual(asked.subarray(12));
  });

  it('may have a dot in it', async () => {
    const { ask } = await resolver({ lookUp: (name) => (name === 'db.main' ? '10.64.128.2' : undefined) });
    expect(read(await ask(query('db.main')))).toEqual({ code: codes.ok, address: '10.64.128.2' });
  });
});

describe('a name of another', () => {
  it('does not exist when it is one word', async () => {
    const { ask } = await resolver();
    expect(read(await ask(query('nobody'))).code).toBe(codes.notFound);
  });

  it('is refused to an instance that nothing may leave, and nobody is asked', async () => {
    const upstream = await openUpstream();
    const { ask } = await resolver({ ...upstream.zone, mayForward: () => false });
    expect(read(await ask(query('www.example.test'))).code).toBe(codes.refused);
    expect(upstream.heard).toEqual([]);
  });

  it('is asked for word by word, and answered as it was answered', async () => {
    const upstream = await openUpstream((asked, send) => send(Buffer.concat([asked, Buffer.from('answer')])));
    const { ask } = await resolver(upstream.zone);
    const asked = query('www.example.test', 'MX');
    expect(await ask(asked)).toEqual(Buffer.concat([asked, Buffer.from('answer')]));
    expect(upstream.heard).toEqual([asked]);
  });

  it('is not answered by what has another id', async () => {
    const upstream = await openUpstream((asked, send) => {
      send(Buffer.concat([Buffer.from([9, 9]), asked.subarray(2), Buffer.from('forged')]));
      send(Buffer.concat([asked, Buffer.from('true')]));
    });
    const { ask } = await resolver(upstream.zone);
    expect((await ask(query('www.example.test'))).toString('latin1')).toMatch(/true$/);
  });

  it('fails where there is no resolver', async () => {
    const { ask } = await resolver({ mayForward: () => true });
    expect(read(await ask(query('www.example.test'))).code).toBe(codes.failed);
  });

  it('is asked for by one instance only so often at a time', async () => {
    const upstream = await openUpstream(() => undefined);
    const { client } = await resolver(upstream.zone);
    const most = 64;
    for (let count = 0; count < most + 1; count++) client.send(query('www.example.test', 'A', count));
    const [answer] = (await once(client, 'message')) as [Buffer];
    expect(read(answer).code).toBe(codes.failed);
    expect(answer.readUInt16BE(0)).toBe(most);
  });
});

describe('what is no plain question', () => {
  it('but an update is not implemented, and not passed on', async () => {
    const upstream = await openUpstream();
    const { ask } = await resolver(upstream.zone);
    const update = query('www.example.test');
    update.writeUInt8(5 << 3, 2);
    expect(read(await ask(update)).code).toBe(codes.notImplemented);
    expect(upstream.heard).toEqual([]);
  });

  const question = query('db');
  const withName = (...bytes: number[]): Buffer =>
    Buffer.concat([question.subarray(0, 12), Buffer.from([...bytes, 0, 1, 0, 1])]);
  it.each([
    ['is empty', Buffer.alloc(0)],
    ['is a head alone', question.subarray(0, 12)],
    ['ends within a name', question.subarray(0, 14)],
    ['ends after a name', question.subarray(0, question.length - 4)],
    ['is an answer', Buffer.concat([question.subarray(0, 2), Buffer.from([0x80]), question.subarray(3)])],
    ['has a pointer to itself as a name', withName(0xc0, 12)],
    ['has a pointer beyond its end', withName(0xff, 0xff)],
    ['has a label longer than there are', withName(0x40, 0x61)],
    ['has a name without an end', withName(...Array.from({ length: 300 }, () => 1))],
  ])('is not answered when it %s', async (_, message) => {
    const { client } = await resolver();
    client.send(message);
    client.send(query('db', 'A', 77));
    const [answer] = (await once(client, 'message')) as [Buffer];
    expect(answer.readUInt16BE(0)).toBe(77);
  });
});

describe('over TCP', () => {
  it('questions are answered one after the other, however they are cut', async () => {
    const { tcpPort } = await resolver();
    const socket = connect(tcpPort, '127.0.0.1');
    const stream = Buffer.concat([framed(query('db', 'A', 1)), framed(query('nobody', 'A', 2))]);
    socket.write(stream.subarray(0, 3));
    await once(socket, 'connect');
    socket.write(stream.subarray(3));
    const answers: Buffer[] = [];
    for await (const message of messagesOf(socket)) if (answers.push(message) === 2) break;
    expect(answers.map((answer) => [answer.readUInt16BE(0), read(answer).code])).toEqual([
      [1, codes.ok],
      [2, codes.notFound],
    ]);
  });

  it('others are asked over TCP too', async () => {
    const server = createServer((socket) => {
      void (async () => {
        for await (const asked of messagesOf(socket)) socket.end(framed(Buffer.concat([asked, Buffer.alloc(4000)])));
      })().catch(() => undefined);
    }).listen(0, '127.0.0.1');
    closers.push(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { tcpPort } = await resolver({ mayForward: () => true, upstream: ['127.0.0.1'], upstreamPort: port });
    const socket = connect(tcpPort, '127.0.0.1');
    const asked = query('www.example.test');
    socket.write(framed(asked));
    for await (const message of messagesOf(socket)) {
      expect(message.length).toBe(asked.length + 4000);
      break;
    }
  });

  it('what is no question ends the connection', async () => {
    const { tcpPort } = await resolver();
    const socket = connect(tcpPort, '127.0.0.1');
    socket.write(framed(Buffer.from('hello')));
    const heard: unknown[] = [];
    socket.on('data', (chunk) => heard.push(chunk));
    await once(socket, 'end');
    expect(heard).toEqual([]);
  });
});

/** A resolver on free ports, and a client of it. */
async function resolver(zone: Partial<DnsZone> = {}): Promise<{
  readonly client: Socket;
  readonly tcpPort: number;
  ask(query: Buffer): Promise<Buffer>;
}> {
  const [udpPort, tcpPort] = [await freeUdpPort(), await freeTcpPort()];
  const sockets = { udp: openUdpSocket('127.0.0.1', udpPort), tcp: openTcpListener('127.0.0.1', tcpPort) };
  const served = serveDns(sockets, {
    lookUp: (name) => (name === 'db' ? '10.64.128.1' : undefined),
    mayForward: () => false,
    upstream: [],
    ...zone,
  });
  const client = createSocket('udp4');
  closers.push(
    () => served.close(),
    () => client.close(),
  );
  client.connect(udpPort, '127.0.0.1');
  await once(client, 'connect');
  const ask = async (message: Buffer): Promise<Buffer> => {
    client.send(message);
    const [answer] = (await once(client, 'message')) as [Buffer];
    return answer;
  };
  return { client, tcpPort, ask };
}

/** A resolver of the host, as a zone would know it. */
async function openUpstream(
  answer: (asked: Buffer, send: (message: Buffer) => void) => void = () => undefined,
): Promise<{ readonly zone: Partial<DnsZone>; readonly heard: Buffer[] }> {
  const heard: Buffer[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (asked, from) => {
    heard.push(asked);
    answer(asked, (message) => socket.send(message, from.port, from.address));
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  closers.push(() => socket.close());
  return { zone: { mayForward: () => true, upstream: ['127.0.0.1'], upstreamPort: socket.address().port }, heard };
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

function query(name: string, type: keyof typeof types = 'A', id = 0x1234): Buffer {
  const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.concat([head, Buffer.from([...labels, 0, 0, types[type], 0, 1])]);
}

function read(answer: Buffer): { code: number; address: string | undefined } {
  const hasAddress = answer.readUInt16BE(6) === 1;
  return { code: answer.readUInt8(3) & 15, address: hasAddress ? [...answer.subarray(-4)].join('.') : undefined };
}

function framed(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);
}
