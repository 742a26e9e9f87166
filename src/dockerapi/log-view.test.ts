import { describe, expect, it } from 'vitest';
import type { LogChunk } from '../engines/engine.ts';
import { encodeChunk, streamType } from './frames.ts';
import { countLines, skipLines, stampLines, within, type Chunks } from './log-view.ts';

const chunk = (at: number, text: string, stream: LogChunk['stream'] = 'stdout'): LogChunk => ({
  stream,
  at,
  bytes: Buffer.from(text),
});

async function* chunksOf(...all: LogChunk[]): Chunks {
  yield* all;
}

async function textOf(chunks: Chunks): Promise<string> {
  let text = '';
  for await (const { bytes } of chunks) text += bytes.toString();
  return text;
}

describe('the view on logs', () => {
  const mixed = (): Chunks => chunksOf(chunk(1, 'a\nb'), chunk(2, 'E1\n', 'stderr'), chunk(3, 'b\nc'));

  it('counts a line where it begins, for each stream', async () => {
    expect(await countLines(mixed())).toBe(4);
    expect(await countLines(chunksOf())).toBe(0);
    expect(await countLines(chunksOf(chunk(1, '\n\n')))).toBe(2);
  });

  it('skips whole lines, however they are cut', async () => {
    expect(await textOf(skipLines(mixed(), 1))).toBe('bE1\nb\nc');
    expect(await textOf(skipLines(mixed(), 2))).toBe('E1\nc');
    expect(await textOf(skipLines(mixed(), 9))).toBe('');
    expect(await textOf(skipLines(mixed(), -1))).toBe('a\nbE1\nb\nc');
  });

  it('stamps each line once, with the time when it began', async () => {
    expect(await textOf(stampLines(chunksOf(chunk(0, 'a\nb'), chunk(1000, 'b\n'))))).toBe(
      '1970-01-01T00:00:00.000000000Z a\n1970-01-01T00:00:00.000000000Z bb\n',
    );
  });

  it('gives the chunks of a time', async () => {
    expect(await textOf(within(mixed(), 2, 2))).toBe('E1\n');
  });
});

describe('frames', () => {
  it("carry the stream and the length; a terminal's bytes come bare", () => {
    expect(encodeChunk(chunk(0, 'hi', 'stderr'), false)).toEqual(Buffer.from([2, 0, 0, 0, 0, 0, 0, 2, 0x68, 0x69]));
    expect(encodeChunk(chunk(0, 'hi'), true)).toEqual(Buffer.from('hi'));
  });

  it('have a name of their own since 1.42', () => {
    expect(streamType(false, '1.41')).toBe('application/vnd.docker.raw-stream');
    expect(streamType(false, '1.42')).toBe('application/vnd.docker.multiplexed-stream');
    expect(streamType(true, '1.47')).toBe('application/vnd.docker.raw-stream');
  });
});
