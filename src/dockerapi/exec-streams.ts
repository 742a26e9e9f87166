import type { Readable } from 'node:stream';
import type { Attachment, CommandStreams } from '../engines/command.ts';
import type { Id } from '../model/ids.ts';
import { toMinkeError } from '../errors/index.ts';
import { write } from './answer.ts';
import type { Desk } from './call.ts';
import type { Exec } from './execs.ts';
import { encodeChunk } from './frames.ts';
import type { HijackedConnection } from './hijack.ts';

/**
 * Runs a command to its end, with whoever is at the connection. As with Docker it goes on when they go: what it writes from then on
 * is read by nobody, and does not hold it up.
 */
export async function carryCommand(
  desk: Desk,
  exec: Exec,
  instance: Id,
  connection?: HijackedConnection,
): Promise<void> {
  const sending: Promise<void>[] = [];
  connection?.output.on('error', () => undefined);
  const attached: Attachment = {
    stdin: connection !== undefined && exec.attaches.stdin ? 'open' : 'none',
    ...(exec.terminal === undefined ? {} : { terminal: exec.terminal }),
    begun: (streams) => {
      exec.streams = streams;
      feed(streams, connection).catch((error: unknown) =>
        desk.log.debug('The input of a command broke off', { error }),
      );
      sending.push(
        ...send(exec, streams, connection).map(async (one) => {
          // Not left to the end of the command: until then nobody waits for it.
          await one.catch((error: unknown) => desk.log.debug('The output of a command broke off', { error }));
        }),
      );
    },
  };
  const reason = await ended(desk, exec, instance, attached);
  await Promise.all(sending);
  if (reason.length > 0) await say(exec, connection, 'stdout', reason);
  delete exec.streams;
  exec.state = 'ended';
  connection?.end();
}

/** Answers what is wrong where it could not be run. */
async function ended({ engine }: Desk, exec: Exec, instance: Id, attached: Attachment): Promise<Buffer> {
  try {
    const end = await engine.execute(instance, { ...exec.command, timeoutMs: Infinity, outputBytes: 0, attached });
    exec.exitCode = end.code;
    return end.output.length > 0 ? Buffer.concat([end.output, Buffer.from('\r\n')]) : end.output;
  } catch (error) {
    exec.exitCode = 126;
    return Buffer.from(`${toMinkeError(error).message}\r\n`);
  }
}

/** The client is read to its end in every case: unread input would turn a clean end of file into a reset. */
async function feed({ stdin }: CommandStreams, connection: HijackedConnection | undefined): Promise<void> {
  if (connection === undefined) return;
  for await (const bytes of connection.input) if (stdin !== undefined) await write(stdin, bytes);
  stdin?.end();
}

function send(
  exec: Exec,
  { stdout, stderr }: CommandStreams,
  connection: HijackedConnection | undefined,
): Promise<void>[] {
  const { attaches } = exec;
  return [
    ...sendOne(exec, stdout, 'stdout', attaches.stdout ? connection : undefined),
    ...(stderr === undefined ? [] : sendOne(exec, stderr, 'stderr', attaches.stderr ? connection : undefined)),
  ];
}

function sendOne(
  exec: Exec,
  stream: Readable,
  name: 'stdout' | 'stderr',
  connection: HijackedConnection | undefined,
): Promise<void>[] {
  const sending = async (): Promise<void> => {
    for await (const bytes of stream as AsyncIterable<Buffer>) await say(exec, connection, name, bytes);
  };
  return [sending()];
}

async function say(
  exec: Exec,
  connection: HijackedConnection | undefined,
  stream: 'stdout' | 'stderr',
  bytes: Buffer,
): Promise<void> {
  if (connection !== undefined)
    await write(connection.output, encodeChunk({ stream, bytes }, exec.terminal !== undefined));
}
