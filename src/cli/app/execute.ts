import { spawnSync } from 'node:child_process';
import { Transform } from 'node:stream';
import type { ExecInput, ExecOutput } from '../../api/types.ts';
import type { Query } from '../../api/routes.ts';
import { MinkeError } from '../../errors/index.ts';
import type { Id } from '../../model/ids.ts';
import type { Transport } from '../../sdk/transport.ts';
import type { Context } from '../command/context.ts';
import { writeChunk } from './write-chunk.ts';

/** Runs a command in an instance with the streams of this process; answers its exit code. */
export async function execute(
  context: Context,
  api: Transport,
  instance: Id,
  command: Query,
  { isDetached, isBare }: { readonly isDetached: boolean; readonly isBare: boolean },
): Promise<number> {
  const parameters = { instance };
  const { signal } = context;
  if (isDetached) {
    await api.bytes('exec', { parameters, query: { ...command, detach: true }, signal });
    return 0;
  }
  const terminal = isBare ? undefined : openTerminal();
  const input = encoder();
  process.stdin.pipe(input);
  const leave = terminal?.enter((size) => input.push(lineOf(size)));
  try {
    const query = { ...command, stdin: true, ...terminal?.size() };
    const lines = api.lines<ExecOutput>('exec', { parameters, query, body: input, signal });
    for await (const line of lines) {
      if ('exitCode' in line) return ended(context, line);
      await writeChunk(context, { stream: line.stream, data: Buffer.from(line.data, 'base64') });
    }
  } finally {
    leave?.();
    process.stdin.unpipe(input);
  }
  throw new MinkeError('CONNECTION_LOST', {
    address: api.address.text,
    reason: 'the command did not say how it ended',
  });
}

function ended({ err }: Context, { exitCode, reason }: Extract<ExecOutput, { exitCode: number }>): number {
  if (reason !== undefined) err.line(reason);
  return exitCode;
}

const lineOf = (input: ExecInput): string => `${JSON.stringify(input)}\n`;

const encoder = (): Transform =>
  new Transform({
    transform: (bytes: Buffer, _encoding, done) => done(null, lineOf({ data: bytes.toString('base64') })),
  });

interface Terminal {
  size(): { readonly rows: number; readonly columns: number };
  /** What is typed goes through as it is, Ctrl-C too, until the answer is called. */
  enter(onResize: (size: { readonly rows: number; readonly columns: number }) => void): () => void;
}

/** Undefined where one end is no terminal: a program would write for eyes what a file gets. */
function openTerminal(): Terminal | undefined {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) return undefined;
  const size = (): { rows: number; columns: number } => ({ rows: stdout.rows, columns: stdout.columns });
  return {
    size,
    enter: (onResize) => {
      const tell = (): void => onResize(size());
      stdin.setRawMode(true);
      // Node leaves it to add a carriage return to each line feed, which the terminal there has done where it is wanted (termios(3)).
      spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
      stdout.on('resize', tell);
      return () => {
        stdout.off('resize', tell);
        stdin.setRawMode(false);
      };
    },
  };
}
