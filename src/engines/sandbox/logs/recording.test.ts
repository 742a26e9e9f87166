import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readLog } from './reader.ts';
import { openRecording, type Recording } from './recording.ts';

let folder: string;
let full: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minke-recording-'));
  full = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (resultLimitBytes?: number): Recording =>
  openRecording(folder, { now: () => 1, segmentBytes: 1000, resultLimitBytes, onFull: () => (full += 1) });

const read = async (stream: 'stdout' | 'stderr', isWhole = true): Promise<string> => {
  let text = '';
  for await (const { bytes } of readLog(folder, { streams: [stream], isWhole })) text += bytes.toString();
  return text;
};

it('keeps a result from its first byte on, however much comes on stderr, and of that the newest', async () => {
  const recording = open(10_000);
  for (let line = 0; line < 100; line += 1) {
    recording.write('stdout', Buffer.from(`${line} `));
    recording.write('stderr', Buffer.alloc(400, `${line} `));
  }
  recording.close();
  const result = Array.from({ length: 100 }, (_, line) => `${line} `).join('');
  expect(await read('stdout')).toBe(result);
  const log = await read('stderr');
  expect(log.length).toBeLessThan(3000);
  expect(log.slice(-400)).toBe('99 '.repeat(134).slice(0, 400));
  expect(full).toBe(0);
});

it('keeps a result up to its limit, tells once that there was more, and counts on after a writer that was killed', async () => {
  const first = open(10);
  first.write('stdout', Buffer.from('1234567'));
  first.close();
  const second = open(10);
  second.write('stdout', Buffer.from('890'));
  expect(full).toBe(0);
  second.write('stdout', Buffer.from('more'));
  second.write('stdout', Buffer.from('and more'));
  second.write('stderr', Buffer.from('said'));
  second.close();
  expect([full, await read('stdout'), await read('stderr')]).toEqual([1, '1234567890', 'said']);
});

it('keeps the newest of a log, and says so to whom it would give the end of it for the whole', async () => {
  const recording = open();
  for (let line = 0; line < 10; line += 1) recording.write('stdout', Buffer.alloc(900, String(line)));
  recording.close();
  expect(readdirSync(folder)).toHaveLength(3);
  expect(await read('stdout', false)).toBe(['7', '8', '9'].map((digit) => digit.repeat(900)).join(''));
  await expect(read('stdout')).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' });
});
