import { EventEmitter } from 'node:events';
import type { LogChunk, LogOptions } from '../engine.ts';

/** What one instance wrote: kept in order, and followed while it grows. */
export interface FakeOutput {
  add(stream: LogChunk['stream'], bytes: Buffer, at: number): void;
  end(): void;
  read(options: LogOptions): AsyncIterable<LogChunk>;
}

export function createFakeOutput(): FakeOutput {
  const chunks: LogChunk[] = [];
  const changes = new EventEmitter().setMaxListeners(0);
  let isEnded = false;
  return {
    add: (stream, bytes, at) => {
      chunks.push({ stream, bytes, at });
      changes.emit('change');
    },
    end: () => {
      isEnded = true;
      changes.emit('change');
    },
    read: (options) => readChunks(chunks, () => isEnded, changes, options),
  };
}

async function* readChunks(
  chunks: readonly LogChunk[],
  isEnded: () => boolean,
  changes: EventEmitter,
  { follow = false, streams = ['stdout', 'stderr'], signal }: LogOptions,
): AsyncIterable<LogChunk> {
  let wake: (() => void) | undefined;
  const onChange = (): void => wake?.();
  changes.on('change', onChange);
  signal?.addEventListener('abort', onChange);
  try {
    for (let next = 0; !isAborted(signal);) {
      const chunk = chunks[next];
      if (chunk !== undefined) {
        next += 1;
        if (streams.includes(chunk.stream)) yield chunk;
      } else if (follow && !isEnded()) {
        await new Promise<void>((resolve) => (wake = resolve));
      } else {
        return;
      }
    }
  } finally {
    changes.off('change', onChange);
    signal?.removeEventListener('abort', onChange);
  }
}

const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;
