import type { LogLine } from '../../api/types.ts';
import type { Transport } from '../../sdk/transport.ts';
import { createLogPrinter } from '../terminal/log-printer.ts';
import type { Output } from '../terminal/output.ts';

export interface LogQuery {
  readonly app?: string | undefined;
  /** None: all of them. */
  readonly names: readonly string[];
  readonly isFollowing: boolean;
  readonly signal: AbortSignal;
}

/** Output of an app's instances, each line under its name; with `isFollowing` until the signal. */
export async function printLogs(api: Transport, query: LogQuery, out: Output): Promise<void> {
  const printer = createLogPrinter(out);
  try {
    for await (const line of readLogs(api, query)) {
      printer.print(line);
      await out.flushed();
    }
  } finally {
    printer.flush();
  }
}

export function readLogs(api: Transport, { app, names, isFollowing, signal }: LogQuery): AsyncIterable<LogLine> {
  return api.lines<LogLine>('logs', { query: { app, name: names, follow: isFollowing }, signal });
}
