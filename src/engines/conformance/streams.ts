import { describe, expect } from 'vitest';
import type { InstanceSpec } from '../../model/instance.ts';
import type { Instance } from '../engine.ts';
import { declarePromises, logged, readToEnd, waitForLog, type Bench } from './bench.ts';
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

    promise('show what is written before its line is whole, to whoever follows and to whoever looks', async (bench) => {
      const instance = await bench.start({ argv: program('ask'), streams: 'logs', stdin: 'open' });
      const { id } = instance.handle;
      let seen = '';
      for await (const { bytes } of bench.engine.logs.read(id, { follow: true, streams: ['stdout'] })) {
        seen += bytes.toString();
        if (seen !== 'name? ') continue;
        expect((await logged(bench.engine, id, 'stdout')).toString()).toBe('name? ');
        instance.stdin?.end('whale\n');
      }
      expect(seen).toBe('name? hello whale');
      const written = await Promise.all(
        (['stdout', 'stderr'] as const).map(async (one) => await logged(bench.engine, id, one)),
      );
      expect(written.map(String)).toEqual(['name? hello whale', 'whale']);
    });

    promise(
      'show a terminal as it is, echo and prompt and all, to its last byte',
      async (bench) => {
        const terminal = { rows: 12, columns: 34 };
        const instance = await bench.start({ argv: program('ask'), streams: 'logs', stdin: 'open', terminal });
        const { id } = instance.handle;
        let seen = '';
        for await (const { bytes } of bench.engine.logs.read(id, { follow: true })) {
          if (seen === '') instance.stdin?.write('whale\n');
          seen += bytes.toString();
        }
        expect(seen).toBe('name? whale\r\nhello whalewhale');
        expect((await logged(bench.engine, id, 'stdout')).toString()).toBe(seen);
        expect((await logged(bench.engine, id, 'stderr')).toString()).toBe('');
      },
      'terminal',
    );

    promise('hold every byte of a long line, and its end', async (bench) => {
      const instances = await startLong(bench, {});
      expect(await Promise.all(instances.map(async (one) => await shown(bench, one)))).toEqual([
        sizesOf(longLine),
        sizesOf(`${longLine}\n`),
        sizesOf(`${longLine}\nwhale\n`),
      ]);
    });

    promise(
      'hold every byte of a terminal, however long a line is',
      async (bench) => {
        const instances = await startLong(bench, { terminal: { rows: 12, columns: 34 } });
        expect(await Promise.all(instances.map(async (one) => await shown(bench, one)))).toEqual([
          sizesOf(longLine),
          sizesOf(`${longLine}\r\n`),
          sizesOf(`${longLine}\r\nwhale\r\n`),
        ]);
      },
      'terminal',
    );

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

/** Longer than what a Docker Engine records as one. */
const longLine = 'whale '.repeat(20_000);

/** Ended: without the end of the line, with it, and with a further line. */
async function startLong(bench: Bench, more: Partial<InstanceSpec>): Promise<readonly Instance[]> {
  const ends = ['', '\n', '\nwhale\n'];
  const starting = ends.map(async (end) => {
    const instance = await bench.start({ argv: program('long-line', '20000', end), streams: 'logs', ...more });
    await instance.exited;
    return instance;
  });
  return await Promise.all(starting);
}

const shown = async (bench: Bench, { handle }: Instance): Promise<object> =>
  sizesOf((await logged(bench.engine, handle.id, 'stdout')).toString());

/** What is short enough to be printed where it is another. */
const sizesOf = (text: string): object => ({
  bytes: text.length,
  whales: text.split('whale ').length,
  end: text.slice(-14),
});
