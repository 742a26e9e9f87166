import { describe, expect, it } from 'vitest';
import { findHeadEnd, quote, readCgiHead } from './head.ts';

const read = (text: string): ReturnType<typeof readCgiHead> => readCgiHead(Buffer.from(text, 'latin1'));

describe('the head of a CGI answer', () => {
  it.each([
    ['A: b\n\nbody', 6],
    ['A: b\r\n\r\nbody', 8],
    ['A: b\n\r\nbody', 7],
    ['\nbody', 1],
    ['\r\nbody', 2],
    ['A: b\n', undefined],
    ['A: b\r\n\r', undefined],
    ['', undefined],
  ])('of %j ends at %j', (text, end) => {
    expect(findHeadEnd(Buffer.from(text))).toBe(end);
  });

  it('is found wherever it is cut into pieces', () => {
    const text = Buffer.from('A: b\r\nC: d\r\n\r\nbody');
    for (let cut = 0; cut < 14; cut += 1) {
      expect(findHeadEnd(text.subarray(0, cut))).toBeUndefined();
      expect(findHeadEnd(text, cut)).toBe(14);
    }
  });

  it('makes a document of Content-Type, with 200 unless Status says otherwise', () => {
    expect(read('content-type: text/plain\nX-A:b\n\n')).toEqual({
      kind: 'document',
      document: {
        status: 200,
        reasonPhrase: undefined,
        headers: [
          ['content-type', 'text/plain'],
          ['X-A', 'b'],
        ],
        hasContentType: true,
        contentLength: undefined,
      },
    });
    expect(read('Status: 201 Made it\nContent-Type: a/b\n\n')).toMatchObject({
      document: { status: 201, reasonPhrase: 'Made it' },
    });
  });

  it('keeps what concerns the connection for the server', () => {
    const head = read(
      'Content-Type: a/b\nConnection: close\nTransfer-Encoding: chunked\nKeep-Alive: x\nContent-Length: 7\n\n',
    );
    expect(head).toMatchObject({ document: { headers: [['Content-Type', 'a/b']], contentLength: 7 } });
  });

  it.each([
    ['Location: /a?b#c\n\n', { kind: 'local-redirect', url: '/a?b' }],
    ['Location: http://h/x\n\n', { kind: 'document', document: { status: 302 } }],
    ['Location: /a\nSet-Cookie: s=1\n\n', { kind: 'document', document: { status: 302 } }],
    ['Location: //h/x\n\n', { kind: 'bad' }],
    ['Location: x\n\n', { kind: 'bad' }],
    ['Status: 307\nLocation: x\n\n', { kind: 'document', document: { status: 307 } }],
  ])('reads %j as %j', (text, expected) => {
    expect(read(text)).toMatchObject(expected);
  });

  it.each([
    ['Status: 200\nStatus: 404\n\n', 'it wrote the header "Status" twice'],
    ['Status: 101\n\n', '"Status: 101" is not a status from 200 to 599'],
    ['Content-Type: a/b\nContent-Length: x\n\n', 'its Content-Length is not a number'],
    ['Content-Type : a/b\n\n', '"Content-Type : a/b" is not a header line'],
    ['Content-Type: a/b\n folded\n\n', '" folded" is not a header line'],
    ['Content-Type: a\u0000b\n\n', 'the header "Content-Type" has a control character'],
    ['Content-Type: a\rX: b\n\n', 'the header "Content-Type" has a control character'],
    ['\n', 'its head has none of Content-Type, Location and Status'],
  ])('says of %j: %s', (text, reason) => {
    expect(read(text)).toEqual({ kind: 'bad', reason });
  });

  it('is quoted so that nothing in it can act', () => {
    expect(quote(Buffer.from('a"\n\u001b[31m\u202e'))).toBe(String.raw`"a\"\n\u001b[31m?"`);
    expect(quote(Buffer.from('x'.repeat(100)))).toBe(`"${'x'.repeat(60)}"...`);
  });
});
