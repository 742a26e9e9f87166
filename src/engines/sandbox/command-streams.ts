import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { openPipes, unreadBytes, type Pipe } from '../../linux/pipe.ts';
import type { DescriptorSource } from '../../linux/process.ts';
import { resizeTerminalOf } from '../../linux/terminal.ts';
import type { Attachment, CommandStreams } from '../command.ts';
import { childEnd, reader, writer } from './brief.ts';
import { readLast } from './last-output.ts';

/** What a command is connected to: somebody who reads along, or a memory for the last that it writes. */
export interface CommandEnds {
  /** As the starter takes them: 0 to 2, or 4 and 5 beside a terminal. */
  readonly descriptors: readonly DescriptorSource[];
  /** The starter has opened its ends, or never will. */
  letGo(): void;
  /** Its process exists. */
  begun(pid: number): void;
  /** It has ended; answers what was kept of its output. May be asked again. */
  end(): Buffer;
}

export const connectCommand = (attached: Attachment | undefined, mostBytes: number): CommandEnds =>
  attached === undefined ? keepLast(mostBytes) : connect(attached);

function keepLast(most: number): CommandEnds {
  const [pipe] = openPipes(1) as [Pipe];
  const output = readLast(pipe, most);
  return {
    descriptors: [childEnd(undefined, 'read'), childEnd(pipe, 'write'), childEnd(pipe, 'write')],
    letGo: () => closeSync(pipe.write),
    begun: () => undefined,
    end: output.end,
  };
}

function connect({ stdin: wish, terminal, begun }: Attachment): CommandEnds {
  const count = (wish === 'open' ? 1 : 0) + (terminal === undefined ? 2 : 1);
  const pipes = openPipes(count);
  const input = wish === 'open' ? pipes.pop() : undefined;
  const outputs = pipes.map(openOutput);
  const [stdout, stderr] = outputs;
  const stdin = input === undefined ? undefined : writer(input);
  // A program may end without reading.
  stdin?.on('error', () => undefined);
  return {
    descriptors: [childEnd(input, 'read'), ...pipes.map((pipe) => childEnd(pipe, 'write'))],
    letGo: () => {
      for (const fd of [input?.read, ...pipes.map(({ write }) => write)]) if (fd !== undefined) closeSync(fd);
    },
    begun: (pid) => {
      if (stdout === undefined) return;
      begun(streamsOf(pid, stdin, stdout.stream, stderr?.stream));
    },
    end: () => {
      stdin?.destroy();
      for (const output of outputs) output.end();
      return Buffer.alloc(0);
    },
  };
}

const streamsOf = (
  pid: number,
  stdin: Writable | undefined,
  stdout: Readable,
  stderr: Readable | undefined,
): CommandStreams => ({
  pid,
  ...(stdin === undefined ? {} : { stdin }),
  stdout,
  ...(stderr === undefined ? {} : { stderr }),
  resize: (size) => resizeTerminalOf(pid, size),
});

interface Output {
  readonly stream: Readable;
  /** What is in the pipe still comes; whoever holds its other end beyond the command's own end is not waited for. */
  end(): void;
}

/** Between two looks at a pipe that its reader has not emptied. */
const lookMs = 20;

function openOutput(pipe: Pipe): Output {
  const socket = reader(pipe) as Socket;
  const stream = new PassThrough();
  socket.pipe(stream);
  const look = (): void => {
    if (socket.destroyed) return;
    if (unreadBytes(pipe.read) > 0 || socket.readableLength > 0) {
      setTimeout(look, lookMs);
      return;
    }
    socket.unpipe(stream);
    stream.end();
    socket.destroy();
  };
  return { stream, end: look };
}
