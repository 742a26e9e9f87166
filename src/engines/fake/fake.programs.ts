import { access, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { MinkeError } from '../../errors/index.ts';
import type { ProgramName } from '../conformance/programs.ts';
import type { FakeProcess, FakeProgram, FakeScript } from './behaviour.ts';

/** What the programs of the conformance suite do, for an engine that has no shell. */
export const conformanceScript: FakeScript = ({ argv: [shell, , , name = ''] }) => {
  if (shell !== '/bin/sh') return { failStart: `there is no program ${shell}` };
  const program = programs[name as ProgramName];
  if (program === undefined)
    throw new MinkeError('INTERNAL', { reason: `The fake has no twin of the program ${name}` });
  return { program };
};

const argument = ({ spec }: FakeProcess, position: number): string => spec.argv[3 + position] ?? '';

const programs: Partial<Record<ProgramName, FakeProgram>> = {
  exit: async (process) => Number(argument(process, 1)),
  print: async (process) => {
    process.writeStdout(argument(process, 1));
    process.writeStderr(argument(process, 2));
    return 0;
  },
  bytes: async (process) => {
    process.writeStdout(Uint8Array.from({ length: 256 }, (_, byte) => byte));
    return 0;
  },
  flood: async (process) => {
    const lines = Number(argument(process, 1)) / 16;
    process.writeStdout('0123456789abcde\n'.repeat(lines));
    process.writeStderr('fedcba987654321\n'.repeat(lines));
    return 0;
  },
  'long-line': async (process) => {
    process.writeStdout('whale '.repeat(Number(argument(process, 1))) + argument(process, 2));
    return 0;
  },
  cat: async (process) => {
    for await (const chunk of process.stdin) process.writeStdout(chunk);
    return 0;
  },
  variable: async (process) => {
    process.writeStdout(process.spec.env[argument(process, 1)] ?? '');
    return 0;
  },
  who: async ({ spec, writeStdout }) => {
    writeStdout(`${spec.user.replace(':', '\n')}\n${spec.workdir}\n${spec.hostname}\n`);
    return 0;
  },
  graceful: (process) =>
    new Promise((resolve) => {
      process.onSignal(15, () => {
        process.writeStdout('bye\n');
        resolve(7);
      });
      process.writeStdout('ready\n');
    }),
  stubborn: (process) => {
    process.onSignal(15, () => undefined);
    process.writeStdout('ready\n');
    return new Promise(() => undefined);
  },
  dialogue: async (process) => {
    process.writeStdout('one\n');
    process.writeStdout(`two ${await readLine(process.stdin)}\n`);
    return 0;
  },
  ask: async (process) => {
    process.writeStdout('name? ');
    const line = await readLine(process.stdin);
    process.writeStdout(`hello ${line}`);
    process.writeStderr(line);
    return 0;
  },
  outlive: async (process) => {
    process.writeStdout('before\n');
    await waitForGo(process);
    process.writeStdout('after\n');
    process.writeStderr('aside\n');
    await writeFile(join(sharedFolder(process), 'done'), '');
    return 5;
  },
  server: async (process) => {
    await process.listen(Number(argument(process, 1)), (socket) => socket.pipe(socket));
    return new Promise(() => undefined);
  },
  client: async (process) => {
    const socket = await process.connect(argument(process, 1), Number(argument(process, 2)));
    socket.end(argument(process, 3));
    return copyToStdout(socket, process);
  },
  'slow-client': async (process) => {
    const socket = await process.connect(argument(process, 1), Number(argument(process, 2)));
    const copied = copyToStdout(socket, process);
    socket.write('first\n');
    await waitForGo(process);
    socket.end('second\n');
    return copied;
  },
};

async function readLine(stream: Readable): Promise<string> {
  let seen = '';
  for await (const chunk of stream) {
    seen += String(chunk);
    if (seen.includes('\n')) break;
  }
  return seen.split('\n')[0] ?? '';
}

async function copyToStdout(socket: Socket, process: FakeProcess): Promise<number> {
  socket.on('data', (chunk: Buffer) => process.writeStdout(chunk));
  await once(socket, 'end');
  return 0;
}

async function waitForGo(process: FakeProcess): Promise<void> {
  const path = join(sharedFolder(process), 'go');
  const isThere = (): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    );
  while (!(await isThere())) await process.clock.sleep(5, process.ended);
}

function sharedFolder({ spec }: FakeProcess): string {
  const mount = spec.mounts.find(({ target }) => target === '/shared');
  if (mount?.type !== 'bind') throw new Error('Nothing is mounted at /shared');
  return mount.source;
}
