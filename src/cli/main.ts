import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { toMinkeError } from '../errors/index.ts';
import { allCommands } from './all-commands.ts';
import type { Context } from './command/context.ts';
import { Interrupt } from './command/interrupt.ts';
import { dispatch } from './dispatch.ts';
import { createOutput } from './terminal/output.ts';

// The command line. From here on everything is loaded when it is needed, so that `minke --version` is quick.
process.exit(await main(process.argv.slice(2)));

async function main(words: readonly string[]): Promise<number> {
  const context = createContext();
  const code = await codeOf(context, words);
  // Into a pipe Node writes what fits, and the rest later: the end of the process would be the end of it.
  await Promise.all([context.out.flushed(), context.err.flushed()]);
  return code;
}

async function codeOf(context: Context, words: readonly string[]): Promise<number> {
  try {
    return await dispatch(context, words);
  } catch (error) {
    // Whatever was broken off fails in its own way; why it was broken off is what counts.
    const { reason } = context.signal as { reason: unknown };
    if (reason instanceof Interrupt && isAbort(error)) return reason.exitCode;
    const { reportFailure } = await import('./terminal/report-error.ts');
    return reportFailure(context.err, toMinkeError(error));
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Interrupt || (error instanceof Error && error.name === 'AbortError');
}

function createContext(): Context {
  return {
    env: process.env,
    cwd: process.cwd(),
    version: versionOf(new URL('../../package.json', import.meta.url)),
    entry: fileURLToPath(import.meta.url),
    isJson: false,
    out: createOutput(process.stdout, process.env),
    err: createOutput(process.stderr, process.env),
    signal: untilInterrupted(),
    commands: allCommands,
  };
}

function versionOf(file: URL): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/**
 * The first Ctrl-C asks the command to end, a second one ends it. A reader that went away (`minke logs -f | head`) is an
 * end too, and a quiet one.
 */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  const end = (interrupt: Interrupt): void => {
    if (controller.signal.aborted) process.exit(interrupt.exitCode);
    controller.abort(interrupt);
  };
  process.on('SIGINT', () => {
    if (process.stderr.isTTY) process.stderr.write('\n'); // the terminal wrote ^C where the cursor was
    end(new Interrupt('SIGINT'));
  });
  process.on('SIGTERM', () => end(new Interrupt('SIGTERM')));
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (!controller.signal.aborted) controller.abort(new Interrupt('SIGPIPE'));
    });
  }
  return controller.signal;
}
