import { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

/**
 * Writes the whole input and ends stdin. Resolves when the container's side has all of it, or wants no more: a program
 * may end without reading, and that is no failure.
 */
export async function deliverInput(stdin: Writable | undefined, input: Uint8Array | undefined): Promise<void> {
  if (stdin === undefined) return;
  // For as long as it lives: a container that closes its stdin early must not end the daemon.
  stdin.on('error', () => undefined);
  if (input === undefined) return;
  stdin.end(input);
  await finished(stdin).catch(() => undefined);
}

/**
 * A stream into a container that may not have begun: what is written before is kept back (with back-pressure), what
 * nobody wants any more is dropped. It never fails.
 */
export function createInputStream(stdinOfRun: () => Promise<Writable | undefined>): Writable {
  let stdin: Writable | undefined;
  return new Writable({
    construct: (ready) => {
      const begin = async (): Promise<void> => {
        stdin = await stdinOfRun().catch(() => undefined);
        ready();
      };
      void begin();
    },
    write: (chunk: Buffer, _encoding, done) => {
      if (stdin === undefined || stdin.destroyed || stdin.writableEnded) done();
      else stdin.write(chunk, () => done());
    },
    final: (done) => {
      stdin?.end();
      done();
    },
  });
}
