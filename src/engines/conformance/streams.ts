import { describe, expect } from 'vitest';
import { declarePromises, logged, readToEnd, waitForLog } from './bench.ts';
import { program } from './programs.ts';
import type { EngineSubject } from './subject.ts';

const megabyte = 2 ** 20;
const flooded = Buffer.from('0123456789abcde\n'.repeat(megabyte / 16));
const floodedErrors = Buffer.from('fedcba987654321\n'.repeat(megabyte / 16));
const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** Bytes in and bytes out. */
export function declareStreams(subject: EngineSubject): void {
  const promise = declarePromises(subject);

  describe('pipes', () => {
    promise('keep stdout and stderr apart', async (bench) => {
      const { stdout, stderr } = await bench.run({ argv: program('print', 'to out', 'to err') });
      expect([stdout.toString(), stderr.toString()]).toEqual(['to out', 'to err']);
    });

    promise('pass every byte value', async (bench) => {
      const { stdout } = await bench.run({ argv: program('bytes') });
      expect(stdout.equals(allBytes)).toBe(true);
    });

    promise('pass a megabyte on each stream without a byte lost', async (bench) => {
      const { stdout, stderr } = await bench.run({ argv: program('flood', String(megabyte)) });
      expect(stdout.equals(flooded)).toBe(true);
      expect(stderr.equals(floodedErrors)).toBe(true);
    });

    promise('carry stdin, its bytes and its end', async (bench) => {
      const instance = await bench.start({ argv: program('cat'), stdin: 'open' });
      const ending = readToEnd(instance);
      for (let sent = 0; sent < 1024; sent += 1) instance.stdin?.write(allBytes);
      instance.stdin?.end();
      const { stdout, exit } = await ending;
      expect(exit.code).toBe(0);
      expect(stdout.equals(Buffer.concat(Array.from({ length: 1024 }, () => allBytes)))).toBe(true);
    });

    promise('give an end of file at once where stdin is none', async (bench) => {
      const { stdout, exit } = await bench.run({ argv: program('cat') });
      expect([stdout.length, exit.code]).toEqual([0, 0]);
    });
  });

  describe('logs', () => {
    promise('hold every byte of both streams when `exited` resolves', async (bench) => {
      const instance = await bench.start({ argv: program('flood', String(megabyte)), streams: 'logs' });
      await instance.exited;
      expect((await logged(bench.engine, instance.handle.id, 'stdout')).equals(flooded)).toBe(true);
      expect((await logged(bench.engine, instance.handle.id, 'stderr')).equals(floodedErrors)).toBe(true);
    });

    promise('hold every byte value', async (bench) => {
      const instance = await bench.start({ argv: program('bytes'), streams: 'logs' });
      await instance.exited;
      expect((await logged(bench.engine, instance.handle.id, 'stdout')).equals(allBytes)).toBe(true);
    });

    promise('say when each chunk was recorded', async (bench) => {
      const instance = await bench.start({ argv: program('print', 'a', 'b'), streams: 'logs' });
      const exit = await instance.exited;
      for await (const chunk of bench.engine.logs.read(instance.handle.id, {})) {
        // A second of leeway: the clocks of a host's processes agree, but not to the millisecond.
        expect(chunk.at).toBeGreaterThan(instance.startedAt - 1000);
        expect(chunk.at).toBeLessThan(exit.at + 1000);
      }
    });

    promise('are followed while they grow, and the following ends with the instance', async (bench) => {
      const instance = await bench.start({ argv: program('dialogue'), streams: 'logs', stdin: 'open' });
      let seen = '';
      for await (const { bytes } of bench.engine.logs.read(instance.handle.id, { follow: true })) {
        seen += bytes.toString();
        if (seen === 'one\n') instance.stdin?.end('go\n');
      }
      expect(seen).toBe('one\ntwo go\n');
    });

    promise('are followed to the last byte, however long a line is', async (bench) => {
      const instance = await bench.start({ argv: program('cat'), streams: 'logs', stdin: 'open' });
      const following = logged(bench.engine, instance.handle.id, 'stdout', { follow: true });
      const line = Buffer.alloc(megabyte, 'whale ');
      instance.stdin?.end(line);
      expect((await following).equals(line)).toBe(true);
    });

    promise('are read by several at once, and what is there is read without waiting', async (bench) => {
      const instance = await bench.start({ argv: program('dialogue'), streams: 'logs', stdin: 'open' });
      const { id } = instance.handle;
      await waitForLog(bench.engine, id, 'one\n');
      expect((await logged(bench.engine, id, 'stdout')).toString()).toBe('one\n');
      const followers = [1, 2, 3].map(() => logged(bench.engine, id, 'stdout', { follow: true }));
      instance.stdin?.end('go\n');
      expect((await Promise.all(followers)).map(String)).toEqual(Array.from({ length: 3 }, () => 'one\ntwo go\n'));
    });

    promise('stop being followed on abort, without an error', async (bench) => {
      const instance = await bench.start({ argv: program('stubborn'), streams: 'logs' });
      const giveUp = new AbortController();
      let seen = '';
      for await (const { bytes } of bench.engine.logs.read(instance.handle.id, {
        follow: true,
        signal: giveUp.signal,
      })) {
        seen += bytes.toString();
        giveUp.abort();
      }
      expect(seen).toBe('ready\n');
    });
  });
}
