import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import type { Attachment, CommandEnd, CommandStreams } from '../command.ts';
import type { Command, Instance } from '../engine.ts';
import { declarePromises, waitForLog, type Bench } from './bench.ts';
import { program } from './programs.ts';
import type { EngineSubject } from './subject.ts';

/** Commands that are run in an instance beside its own program. */
export function declareCommands(subject: EngineSubject): void {
  const { slowness = 1 } = subject;
  const promise = declarePromises(subject);

  describe('a command in a living instance', () => {
    promise('ends with its exit code and what it wrote', async (bench) => {
      const { handle } = await startHost(bench);
      for (const words of [
        ['to out', ''],
        ['', 'to err'],
      ] as const) {
        const end = await bench.engine.execute(handle.id, commandOf('print', ...words));
        expect([end.code, end.cause, end.output.toString()]).toEqual([0, 'exited', words.join('')]);
      }
      expect(await bench.engine.execute(handle.id, commandOf('exit', '3'))).toMatchObject({ code: 3, cause: 'exited' });
    });

    promise(
      'gives what it wrote on both streams in the order in which it did',
      async (bench) => {
        const { handle } = await startHost(bench);
        const end = await bench.engine.execute(handle.id, commandOf('print', 'to out', 'to err'));
        expect([end.code, end.cause, end.output.toString()]).toEqual([0, 'exited', 'to outto err']);
      },
      'output-order',
    );

    promise('has the environment of the instance, and more', async (bench) => {
      const { handle } = await startHost(bench);
      const say = async (name: string): Promise<string> => {
        const env = { MORE: 'more', LEVEL: 'of the command' };
        return (await bench.engine.execute(handle.id, { ...commandOf('variable', name), env })).output.toString();
      };
      expect([await say('OWN'), await say('MORE'), await say('LEVEL')]).toEqual(['own', 'more', 'of the command']);
    });

    promise(
      'is in the instance: its host name, its folder and its user, unless others are asked for',
      async (bench) => {
        const { handle } = await startHost(bench);
        const who = async (more: Partial<Command>): Promise<string> =>
          (await bench.engine.execute(handle.id, { ...commandOf('who'), ...more })).output.toString();
        expect(await who({})).toBe('1000\n1001\n/tmp\nhost\n');
        expect(await who({ user: '7:8', workdir: '/' })).toBe('7\n8\n/\nhost\n');
      },
    );

    promise('keeps the last of its output', async (bench) => {
      const { handle } = await startHost(bench);
      const flood = { ...commandOf('flood', String(2 ** 20)), outputBytes: 20 };
      const { output } = await bench.engine.execute(handle.id, flood);
      expect(output.toString()).toBe('321\nfedcba987654321\n');
    });

    promise('that is not there is told of with 127 and the reason', async (bench) => {
      const { handle } = await startHost(bench);
      const end = await bench.engine.execute(handle.id, { ...commandOf('exit', '0'), argv: ['/no/such/program'] });
      expect([end.code, end.output.toString()]).toEqual([127, expect.stringContaining('/no/such/program')]);
    });

    promise(
      'with somebody attached gives all that it writes, byte for byte and apart, and takes input to its end',
      async (bench) => {
        const { handle } = await startHost(bench);
        const size = 2 ** 20;
        const flood = await attend(bench, handle.id, commandOf('flood', String(size)));
        expect([flood.stdout.length, flood.stderr.length, flood.end]).toEqual([size, size, ended(0)]);
        const copy = await attend(bench, handle.id, commandOf('cat'), 'in and out');
        expect([copy.stdout.toString(), copy.end]).toEqual(['in and out', ended(0)]);
      },
      'attachment',
    );

    promise(
      'with somebody attached tells of a program that is not there as else, and nobody is called',
      async (bench) => {
        const { handle } = await startHost(bench);
        const begun = (): never => expect.unreachable();
        const attached = { stdin: 'none', begun } as const;
        const end = await bench.engine.execute(handle.id, {
          ...commandOf('exit', '0'),
          argv: ['/no/such/program'],
          attached,
        });
        expect([end.code, end.output.toString()]).toEqual([127, expect.stringContaining('/no/such/program')]);
      },
      'attachment',
    );

    promise(
      'has a terminal where one is asked for, whose size follows',
      async (bench) => {
        const { handle } = await startHost(bench);
        let shown = '';
        const begun = ({ stdin, stdout, resize }: CommandStreams): void => {
          stdout.on('data', (bytes: Buffer) => {
            shown += bytes.toString();
            if (!shown.endsWith('ready\r\n')) return;
            expect(resize({ rows: 33, columns: 111 })).toBe(true);
            stdin?.write('go\n');
          });
        };
        const attached = { stdin: 'open', terminal: { rows: 12, columns: 34 }, begun } as const;
        const end = await bench.engine.execute(handle.id, { ...commandOf('terminal', '12 34'), attached });
        expect([shown, end.code]).toEqual(['12 34\r\nready\r\ngo\r\n33 111\r\n', 0]);
      },
      'terminal',
    );

    promise(
      'has a terminal of the size that is asked for from its first moment on',
      async (bench) => {
        const { handle } = await startHost(bench);
        const output = Promise.withResolvers<Buffer>();
        const begun = ({ stdout }: CommandStreams): void => output.resolve(buffer(stdout));
        const attached = { stdin: 'none', terminal: { rows: 12, columns: 34 }, begun } as const;
        await bench.engine.execute(handle.id, { ...commandOf('size'), attached });
        expect(String(await output.promise)).toBe('12 34\r\n');
      },
      'first-size',
    );

    promise('is killed when its time is up, and the instance lives on', async (bench) => {
      const { handle } = await startHost(bench);
      const end = await bench.engine.execute(handle.id, { ...commandOf('stubborn'), timeoutMs: 500 * slowness });
      expect([end.cause, end.code, end.output.toString()]).toEqual(['timed-out', 137, 'ready\n']);
      expect(await bench.engine.inspect(handle.id)).toMatchObject({ state: 'running' });
    });

    promise(
      'is killed with all that it started, in sessions of their own too',
      async (bench) => {
        const { handle } = await startHost(bench);
        const before = await processCount(bench, handle.id);
        const end = await bench.engine.execute(handle.id, { ...commandOf('spawn'), timeoutMs: 1000 * slowness });
        expect([end.cause, end.output.toString()]).toEqual(['timed-out', 'started\n']);
        expect(await processCount(bench, handle.id)).toBe(before);
      },
      'isolation',
    );

    promise(
      'is killed with what it started when its daemon ends',
      async (bench) => {
        const { handle } = await startHost(bench);
        const before = await processCount(bench, handle.id);
        const lingering: Command = { ...commandOf('linger'), env: { MARK: '/shared/lingers' }, user: '0' };
        const running = bench.engine.execute(handle.id, lingering).catch(() => undefined);
        await expect.poll(() => existsSync(join(bench.sharedFolder, 'lingers')), { timeout: 20_000 }).toBe(true);
        await bench.reopen();
        await running;
        await expect.poll(async () => await processCount(bench, handle.id), { timeout: 20_000 }).toBe(before);
      },
      'isolation',
    );

    promise('is killed on abort', async (bench) => {
      const { handle } = await startHost(bench);
      const giveUp = new AbortController();
      const running = bench.engine.execute(handle.id, commandOf('stubborn'), giveUp.signal);
      giveUp.abort(new Error('not needed any more'));
      await expect(running).rejects.toThrow('not needed any more');
    });

    promise('ends with its instance', async (bench) => {
      const { handle } = await startHost(bench);
      const running = bench.engine.execute(handle.id, commandOf('stubborn')).then(
        ({ code }) => code > 0,
        ({ code }) => code === 'INSTANCE_NOT_FOUND',
      );
      await bench.engine.stop(handle.id, 0);
      expect(await running).toBe(true);
    });

    promise('is refused where no such instance lives', async (bench) => {
      const { handle } = await startHost(bench);
      await bench.engine.stop(handle.id, 0);
      const running = bench.engine.execute(handle.id, commandOf('exit', '0'));
      await expect(running).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
    });

    promise('is run in an adopted instance as well', async (bench) => {
      const { handle } = await startHost(bench);
      await bench.reopen();
      const { code, output } = await bench.engine.execute(handle.id, commandOf('print', 'still', ' here'));
      // One word goes to each stream, and nothing orders the two.
      expect([code, output.toString().split(' here').toSorted()]).toEqual([0, ['', 'still']]);
    });

    promise(
      'counts in the memory of its instance',
      async (bench) => {
        const limits = { memoryBytes: 32 * 2 ** 20, pids: 64, cpus: 0 };
        const { handle } = await startHost(bench, { limits });
        expect((await bench.engine.execute(handle.id, commandOf('hog'))).code).not.toBe(0);
      },
      'memory-limit',
    );

    promise(
      'counts in the processes of its instance',
      async (bench) => {
        const { handle } = await startHost(bench, { limits: { memoryBytes: 0, pids: 8, cpus: 0 } });
        const { code } = await bench.engine.execute(handle.id, { ...commandOf('crowd', '20'), timeoutMs: 10_000 });
        expect(code).not.toBe(0);
      },
      'pids-limit',
    );
  });
}

const commandOf = (...[name, ...args]: Parameters<typeof program>): Command => ({
  argv: program(name, ...args),
  timeoutMs: 20_000,
  outputBytes: 4096,
});

async function startHost(bench: Bench, more: object = {}): Promise<Instance> {
  const instance = await bench.start({
    argv: program('graceful'),
    streams: 'logs',
    kind: 'service',
    env: { OWN: 'own', LEVEL: 'of the instance' },
    user: '1000:1001',
    workdir: '/tmp',
    hostname: 'host',
    mounts: [bench.sharedMount],
    ...more,
  });
  await waitForLog(bench.engine, instance.handle.id, 'ready\n');
  return instance;
}

const ended = (code: number): object => ({ code, cause: 'exited', output: Buffer.alloc(0) });

interface Attended {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly end: CommandEnd;
}

async function attend(bench: Bench, id: string, command: Command, input?: string): Promise<Attended> {
  const outputs = Promise.withResolvers<[Promise<Buffer>, Promise<Buffer>]>();
  const begun = ({ stdin, stdout, stderr }: CommandStreams): void => {
    stdin?.end(input);
    outputs.resolve([buffer(stdout), buffer(stderr ?? Readable.from([]))]);
  };
  const attached: Attachment = { stdin: input === undefined ? 'none' : 'open', begun };
  const end = await bench.engine.execute(id, { ...command, attached });
  const [stdout, stderr] = await Promise.all(await outputs.promise);
  return { stdout, stderr, end };
}

async function processCount(bench: Bench, id: string): Promise<number> {
  const { output } = await bench.engine.execute(id, commandOf('processes'));
  return Number(output.toString().split('\n')[1]);
}
