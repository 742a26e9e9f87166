import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { systemClock } from '../../observe/clock.ts';
import { keepLive, type Given, type LiveOutput } from './live-output.ts';

const both = ['stdout', 'stderr'] as const;
const none = (): Given => ({ stdout: 0, stderr: 0 });

const open = () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  return { stdout, stderr, live: keepLive({ stdout, stderr }, () => undefined, systemClock) };
};

/** As whoever reads counts it. */
async function readAll(live: LiveOutput, given: Given, follow: boolean): Promise<string> {
  let text = '';
  for await (const { stream, bytes } of live.read(given, { follow, streams: both })) {
    given[stream] += bytes.length;
    text += `${stream}: ${bytes.toString()} `;
  }
  return text;
}

/** Written and taken. */
async function write(stream: PassThrough, text: string): Promise<void> {
  const taken = new Promise((resolve) => stream.once('data', resolve));
  stream.write(text);
  await taken;
}

it('gives what was written and what comes, to the end', async () => {
  const { stdout, stderr, live } = open();
  await write(stdout, 'one');
  await write(stderr, 'two');
  const following = readAll(live, none(), true);
  await write(stdout, 'three\n');
  stdout.end();
  stderr.end();
  expect(await following).toBe('stdout: one stderr: two stdout: three\n ');
  expect([live.isOver, live.ended, live.bytes]).toEqual([true, ['stdout'], 12]);
  await live.over;
});

it('gives only what was not given yet, from the middle of a piece too', async () => {
  const { stdout, live } = open();
  await write(stdout, 'one two');
  expect(await readAll(live, { stdout: 4, stderr: 0 }, false)).toBe('stdout: two ');
});

it('says what it does not keep any more, and lets a reader that is too slow go', async () => {
  const { stdout, live } = open();
  const given = none();
  const following = readAll(live, given, true);
  for (let piece = 0; piece < 5; piece += 1) stdout.write(Buffer.alloc(64 * 1024));
  await new Promise((resolve) => stdout.once('data', resolve).write('last'));
  expect([live.covers(none(), both), live.covers(none(), ['stderr'])]).toEqual([false, true]);
  stdout.destroy();
  await following;
  const skipped = none();
  live.skip(skipped);
  expect([skipped.stdout > 0, live.covers(skipped, both)]).toEqual([true, true]);
});
