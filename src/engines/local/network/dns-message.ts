/** The few messages of DNS (RFC 1035, section 4) that the resolver of an app's network reads and writes itself. */

export interface Question {
  /** In lower case, without the last dot. */
  readonly name: string;
  readonly type: number;
  /** 0 asks for a name; others would change something (RFC 6895, section 2.2). */
  readonly operation: number;
  /** Where the question section ends. */
  readonly end: number;
}

export const typeA = 1;
export const codes = { failed: 2, notFound: 3, notImplemented: 4, refused: 5 } as const;

const headBytes = 12;
/** Short, since a name's address never changes but programs cache for as long as they are told. */
const timeToLiveSeconds = 30;

/** The first question of a query; undefined when it is none. A question never needs a compressed name: one is no query. */
export function readQuestion(query: Buffer): Question | undefined {
  if (query.length < headBytes + 5 || query.readUInt16BE(4) === 0 || (query.readUInt8(2) & 0x80) !== 0)
    return undefined;
  const labels: string[] = [];
  let at = headBytes;
  for (;;) {
    const length = query[at];
    if (length === undefined || length > 63) return undefined;
    at += 1;
    if (length === 0) break;
    labels.push(query.toString('latin1', at, at + length).toLowerCase());
    at += length;
  }
  if (at + 4 > query.length) return undefined;
  const operation = (query.readUInt8(2) >> 3) & 0x0f;
  return { name: labels.join('.'), type: query.readUInt16BE(at), operation, end: at + 4 };
}

/** Without an address: the name exists, and has nothing of the type that was asked for. */
export function answerTo(query: Buffer, asked: Question, address: string | undefined): Buffer {
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

export function errorTo(query: Buffer, asked: Question, code: (typeof codes)[keyof typeof codes]): Buffer {
  return replyHead(query, asked, code, 0);
}

/** Head and question of the query, turned into a reply. */
function replyHead(query: Buffer, asked: Question, code: number, answers: number): Buffer {
  const reply = Buffer.from(query.subarray(0, asked.end));
  const kept = query.readUInt16BE(2) & 0x7900; // operation, and whether recursion is desired
  reply.writeUInt16BE(0x8480 | kept | code, 2);
  reply.writeUInt16BE(1, 4);
  reply.writeUInt16BE(answers, 6);
  reply.writeUInt16BE(0, 8);
  reply.writeUInt16BE(0, 10);
  return reply;
}
