import { buffer } from 'node:stream/consumers';
import { resizeTerminalOf } from '../../linux/terminal.ts';
import type { Attachment } from '../command.ts';
import { frameParser, rawStream, splitStreams } from './api/frames.ts';
import type { Context } from './context.ts';
import { pidOf, type Execution } from './execution.ts';

/** Asked when a command has ended: what was kept of its output. */
export type KeptOutput = () => Promise<Buffer>;

export function keepLast({ socket }: Pick<Execution, 'socket'>, most: number): KeptOutput {
  let kept = Buffer.alloc(0);
  const { parse } = frameParser((_, bytes) => {
    kept = Buffer.concat([kept, bytes]);
    kept = kept.subarray(Math.max(0, kept.length - most));
  });
  socket.on('data', parse);
  return async () => kept;
}

/** Gives whoever reads along the streams as soon as its process is there; where none comes, what the engine says of it is kept. */
export function attend(context: Context, execution: Execution, { stdin, terminal, begun }: Attachment): KeptOutput {
  const { socket } = execution;
  const streams = terminal === undefined ? splitStreams(socket) : { stdout: rawStream(socket) };
  // It can be written to beyond the end of what comes.
  socket.once('end', () => socket.destroy());
  const beginning = pidOf(context, execution).then(async (pid) => {
    if (pid === undefined) return await buffer(streams.stdout);
    // Engines before API 1.42 know of no first size.
    if (terminal !== undefined) resizeTerminalOf(pid, terminal);
    begun({
      pid,
      ...streams,
      ...(stdin === 'none' ? {} : { stdin: socket }),
      resize: (size) => terminal !== undefined && resizeTerminalOf(pid, size),
    });
    return Buffer.alloc(0);
  });
  // Where the command is given up, nobody asks for it.
  beginning.catch(() => undefined);
  return async () => await beginning;
}
