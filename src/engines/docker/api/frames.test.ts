import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { frameParser, splitStreams, terminalParser } from './frames.ts';

const frame = (mark: number, content: string): Buffer => {
  const head = Buffer.alloc(8);
  head[0] = mark;
  head.writeUInt32BE(Buffer.byteLength(content), 4);
  return Buffer.concat([head, Buffer.from(content)]);
};
const [stdout, stderr] = [1, 2];
const sent = Buffer.concat([frame(stdout, 'one'), frame(stderr, ''), frame(stderr, 'two'), frame(stdout, 'three')]);

it.each([1, 2, 7, 8, 9, 1000])('gives whole frames, however they are cut (%i bytes at a time)', (size) => {
  const seen: string[] = [];
  const { parse } = frameParser((stream, bytes) => seen.push(`${stream}: ${bytes.toString()}`));
  for (let at = 0; at < sent.length; at += size) parse(sent.subarray(at, at + size));
  expect(seen).toEqual(['stdout: one', 'stderr: ', 'stderr: two', 'stdout: three']);
});

it('takes both streams apart, and ends both with the source', async () => {
  const source = new PassThrough();
  const streams = splitStreams(source);
  source.end(sent);
  expect(await Promise.all([text(streams.stdout), text(streams.stderr)])).toEqual(['onethree', 'two']);
});

it('reads no more while nobody takes what is there, and goes on when somebody does', async () => {
  const source = new PassThrough();
  const streams = splitStreams(source);
  const piece = frame(stdout, 'x'.repeat(2 ** 16));
  const pieces = 64;
  for (let count = 0; count < pieces; count += 1) source.write(piece);
  source.end();
  await expect.poll(() => source.isPaused()).toBe(true);
  expect(streams.stdout.readableLength).toBeLessThan(pieces * 2 ** 16);
  streams.stderr.resume();
  expect((await text(streams.stdout)).length).toBe(pieces * 2 ** 16);
});

it('goes on with one stream when the other is not wanted any more', async () => {
  const source = new PassThrough();
  const streams = splitStreams(source);
  const piece = frame(stderr, 'x'.repeat(2 ** 20));
  source.write(piece);
  source.write(piece);
  await expect.poll(() => source.isPaused()).toBe(true);
  streams.stderr.destroy();
  source.end(frame(stdout, 'still here'));
  expect(await text(streams.stdout)).toBe('still here');
});

const time = (second: number): string => `2026-11-25T02:51:${10 + second}.076725388Z `;
const full = 'whale '.repeat(2731).slice(0, 16 * 1024);
const terminalLog = `${time(1)}one\r\n${time(2)}${full}${time(2)}rest${time(3)}next\r\n${time(4)}${full}${time(4)}${time(5)}end`;

it.each([30, 31, 32, 5000, 1_000_000])(
  'gives messages of a terminal, however they are cut (%i bytes at a time)',
  (size) => {
    const seen: string[] = [];
    const { parse, end } = terminalParser((_, bytes) => seen.push(bytes.toString()));
    const sentLog = Buffer.from(terminalLog);
    for (let at = 0; at < sentLog.length; at += size) parse(sentLog.subarray(at, at + size));
    end();
    const wanted = [`${time(1)}one\r\n`, `${time(2)}${full}`, `${time(2)}rest`, `${time(3)}next\r\n`];
    expect(seen).toEqual([...wanted, `${time(4)}${full}`, time(4), `${time(5)}end`]);
  },
);
