import { createSocket, type Socket } from 'node:dgram';

/** What the resolver of an app's network knows. */
export interface DnsZone {
  /** IPv4 address of a name of the app. */
  lookUp(name: string): string | undefined;
  /** Whether the instance at this address may ask for names outside. */
  mayForward(from: string): boolean;
  /** Addresses of the host's own resolvers. */
  readonly upstream: readonly string[];
}

const headBytes = 12;
const typeA = 1;
const notFound = 3;
const refused = 5;
const failed = 2;
/** Short, since a name's address never changes but programs cache for as long as they are told. */
const timeToLiveSeconds = 30;
const upstreamTimeoutMs = 4000;

/** Answers DNS (RFC 1035) on a bound UDP socket until it is closed. */
export function serveDns(fd: number, zone: DnsZone): { close(): void } {
  const socket = createSocket('udp4');
  socket.bind({ fd });
  socket.on('error', () => undefined);
  socket.on('message', (query, from) => {
    const send = (answer: Buffer): void => socket.send(answer, from.port, from.address, () => undefined);
    const asked = question(query);
    if (asked === undefined) return;
    const address = zone.lookUp(asked.name);
    if (address !== undefined) send(answerTo(query, asked, asked.type === typeA ? address : undefined));
    else if (!asked.name.includes('.')) send(errorTo(query, asked, notFound));
    else if (!zone.mayForward(from.address)) send(errorTo(query, asked, refused));
    else forward(query, zone.upstream, send, () => send(errorTo(query, asked, failed)));
  });
  return { close: () => socket.close() };
}

interface Question {
  readonly name: string;
  readonly type: number;
  /** Where the question section ends. */
  readonly end: number;
}

/** The first question of a query, or undefined when it is not one. */
function question(query: Buffer): Question | undefined {
  if (query.length < headBytes + 5 || query.readUInt16BE(4) === 0 || (query.readUInt8(2) & 0x80) !== 0)
    return undefined;
  const labels: string[] = [];
  let at = headBytes;
  for (;;) {
    const length = query[at];
    if (length === undefined || length > 63) return undefined;
    at += 1;
    if (length === 0) break;
    labels.push(
      query
        .subarray(at, at + length)
        .toString('latin1')
        .toLowerCase(),
    );
    at += length;
  }
  if (at + 4 > query.length) return undefined;
  return { name: labels.join('.'), type: query.readUInt16BE(at), end: at + 4 };
}

function answerTo(query: Buffer, asked: Question, address: string | undefined): Buffer {
  const reply = replyHead(query, asked, 0, address === undefined ? 0 : 1);
  if (address === undefined) return reply;
  const record = Buffer.alloc(16);
  record.writeUInt16BE(0xc000 | headBytes, 0);
  record.writeUInt16BE(typeA, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(timeToLiveSeconds, 6);
  record.writeUInt16BE(4, 10);
  address.split('.').forEach((part, index) => record.writeUInt8(Number(part), 12 + index));
  return Buffer.concat([reply, record]);
}

function errorTo(query: Buffer, asked: Question, code: number): Buffer {
  return replyHead(query, asked, code, 0);
}

/** Head and question of the query, turned into a reply. */
function replyHead(query: Buffer, asked: Question, code: number, answers: number): Buffer {
  const reply = Buffer.from(query.subarray(0, asked.end));
  const recursionDesired = query.readUInt16BE(2) & 0x0100;
  reply.writeUInt16BE(0x8480 | recursionDesired | code, 2);
  reply.writeUInt16BE(1, 4);
  reply.writeUInt16BE(answers, 6);
  reply.writeUInt16BE(0, 8);
  reply.writeUInt16BE(0, 10);
  return reply;
}

/** The query as it is to the first resolver that answers; a socket of its own keeps strangers from guessing ports. */
function forward(query: Buffer, upstream: readonly string[], send: (answer: Buffer) => void, fail: () => void): void {
  const [resolver] = upstream;
  if (resolver === undefined) return fail();
  const socket = createSocket(resolver.includes(':') ? 'udp6' : 'udp4');
  const giveUp = (): void => {
    clearTimeout(timer);
    closeQuietly(socket);
    if (upstream.length > 1) forward(query, upstream.slice(1), send, fail);
    else fail();
  };
  const timer = setTimeout(giveUp, upstreamTimeoutMs);
  socket.once('error', giveUp);
  socket.once('message', (answer) => {
    clearTimeout(timer);
    closeQuietly(socket);
    send(answer);
  });
  socket.send(query, 53, resolver);
}

function closeQuietly(socket: Socket): void {
  socket.removeAllListeners();
  socket.on('error', () => undefined);
  socket.close();
}
