import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';

/** The host's own resolvers, asked in turn until one answers. */
export interface Upstream {
  /** The answer as it came; undefined when none did, or when this asker has too many questions open. */
  ask(query: Buffer, from: string, transport: 'udp' | 'tcp'): Promise<Buffer | undefined>;
}

const answerWithinMs = 4000;
/** Each open question is a descriptor of the daemon, for seconds where nobody answers: one instance must not use them up. */
const mostOpenPerAsker = 64;

export function createUpstream(resolvers: readonly string[], port: number): Upstream {
  const open = new Map<string, number>();
  const count = (from: string, change: number): void => {
    const next = (open.get(from) ?? 0) + change;
    if (next > 0) open.set(from, next);
    else open.delete(from);
  };
  return {
    ask: async (query, from, transport) => {
      if ((open.get(from) ?? 0) >= mostOpenPerAsker) return undefined;
      count(from, 1);
      try {
        for (const resolver of resolvers) {
          const answer = await (transport === 'udp' ? askByDatagram : askByStream)(query, resolver, port);
          if (answer !== undefined) return answer;
        }
        return undefined;
      } finally {
        count(from, -1);
      }
    },
  };
}

/** The messages of a stream: each has its length before it (RFC 1035, section 4.2.2). */
export async function* messagesOf(socket: Socket): AsyncGenerator<Buffer> {
  let held = Buffer.alloc(0);
  for await (const chunk of socket) {
    held = Buffer.concat([held, chunk as Buffer]);
    while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
      const end = 2 + held.readUInt16BE(0);
      yield held.subarray(2, end);
      held = held.subarray(end);
    }
  }
}

/** From a port of its own, and connected: the kernel drops what others send there. */
async function askByDatagram(query: Buffer, resolver: string, port: number): Promise<Buffer | undefined> {
  const socket = createSocket(resolver.includes(':') ? 'udp6' : 'udp4');
  const answered = Promise.withResolvers<Buffer | undefined>();
  const timer = setTimeout(() => answered.resolve(undefined), answerWithinMs);
  socket.on('error', () => answered.resolve(undefined));
  socket.on('message', (answer) => {
    if (answer.length >= 2 && answer.readUInt16BE(0) === query.readUInt16BE(0)) answered.resolve(answer);
  });
  socket.connect(port, resolver, () => socket.send(query));
  try {
    return await answered.promise;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

async function askByStream(query: Buffer, resolver: string, port: number): Promise<Buffer | undefined> {
  const socket = connect({ host: resolver, port });
  socket.setTimeout(answerWithinMs, () => socket.destroy(new Error('no answer')));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  socket.write(Buffer.concat([length, query]));
  try {
    for await (const answer of messagesOf(socket)) return answer;
    return undefined;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
