import type { Reached } from './corpus/sent.ts';

export interface StrictRequest {
  readonly request: Reached;
  /** Of it, in bytes. */
  readonly length: number;
  readonly expectsContinue: boolean;
}

/** The request at the beginning of the bytes; undefined while it is not whole. Throws for whatever two readers could read in two ways. */
export function parseStrictly(bytes: Buffer): StrictRequest | undefined {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const [, method, target] = /^([A-Z]+) ([!-~]+) HTTP\/1\.[01]$/.exec(first) ?? [];
  if (method === undefined || target === undefined) throw new Error(`No request line: ${JSON.stringify(first)}`);
  const fields = readFields(lines);
  const body = readBody(text, end + 4, fields);
  if (body === undefined) return undefined;
  return { request: { method, target, body: body.text }, length: body.end, expectsContinue: fields.has('expect') };
}

function readFields(lines: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`No header line: ${JSON.stringify(line)}`);
    const key = name.toLowerCase();
    if (fields.has(key) && ['host', 'content-length', 'transfer-encoding'].includes(key))
      throw new Error(`Two: ${key}`);
    fields.set(key, value);
  }
  return fields;
}

interface Body {
  readonly text: string;
  /** Where it ends in the bytes. */
  readonly end: number;
}

function readBody(text: string, begin: number, fields: ReadonlyMap<string, string>): Body | undefined {
  const [length, coding] = [fields.get('content-length'), fields.get('transfer-encoding')];
  if (length !== undefined && coding !== undefined) throw new Error('A length and a coding');
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') throw new Error(`Another coding: ${coding}`);
    return readChunks(text, begin);
  }
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw new Error(`No length: ${length}`);
  const end = begin + Number(length ?? 0);
  return end > text.length ? undefined : { text: text.slice(begin, end), end };
}

function readChunks(text: string, begin: number): Body | undefined {
  let body = '';
  for (let at = begin; ;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = text.slice(at, lineEnd);
    if (!/^[0-9a-f]{1,8}$/i.test(size)) throw new Error(`No chunk size: ${JSON.stringify(size)}`);
    const bytes = Number.parseInt(size, 16);
    const dataEnd = lineEnd + 2 + bytes;
    if (bytes === 0) return readTrailers(text, lineEnd, body);
    if (dataEnd + 2 > text.length) return undefined;
    if (text.slice(dataEnd, dataEnd + 2) !== '\r\n') throw new Error('A chunk without its end');
    body += text.slice(lineEnd + 2, dataEnd);
    at = dataEnd + 2;
  }
}

/** `lastLineEnd`: of the last chunk's size. */
function readTrailers(text: string, lastLineEnd: number, body: string): Body | undefined {
  const end = text.indexOf('\r\n\r\n', lastLineEnd);
  if (end === -1) return undefined;
  if (end > lastLineEnd) readFields(text.slice(lastLineEnd + 2, end).split('\r\n'));
  return { text: body, end: end + 4 };
}
