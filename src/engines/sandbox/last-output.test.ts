import { closeSync, existsSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { openPipe, readNow } from '../../linux/pipe.ts';
import { readLast } from './last-output.ts';

it('the last of an output is the last bytes, those that nobody has looked at yet too', () => {
  const pipe = openPipe();
  const output = readLast(pipe, 4);
  writeSync(pipe.write, 'first last');
  expect(output.end().toString()).toBe('last');
  closeSync(pipe.write);
  expect(output.end().toString()).toBe('last');
});

it('what was opened since the output ended is left to whoever opened it', async () => {
  const pipe = openPipe();
  const output = readLast(pipe, 100);
  writeSync(pipe.write, 'own');
  closeSync(pipe.write);
  await expect.poll(() => existsSync(`/proc/self/fd/${pipe.read}`)).toBe(false);
  // The lowest number that is free is given again (open(2)).
  const next = openPipe();
  writeSync(next.write, "somebody else's");
  expect(next.read).toBe(pipe.read);
  const socket = new Socket({ fd: next.read, readable: true, writable: false });
  expect(output.end().toString()).toBe('own');
  expect(readNow(next.read).toString()).toBe("somebody else's");
  closeSync(next.write);
  socket.destroy();
});
