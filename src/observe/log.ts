export type Level = 'debug' | 'info' | 'warn' | 'error';

/** One JSON line per event on a stream; fields before prose, so that machines can read it. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** The same log with fields that every line carries. */
  with(fields: Fields): Log;
}

export type Fields = Readonly<Record<string, unknown>>;

const order: readonly Level[] = ['debug', 'info', 'warn', 'error'];

export function createLog(write: (line: string) => void, least: Level = 'info', base: Fields = {}): Log {
  const put = (level: Level, message: string, fields: Fields = {}): void => {
    if (order.indexOf(level) < order.indexOf(least)) return;
    write(`${JSON.stringify({ at: new Date().toISOString(), level, message, ...base, ...plain(fields) })}\n`);
  };
  return {
    debug: (message, fields) => put('debug', message, fields),
    info: (message, fields) => put('info', message, fields),
    warn: (message, fields) => put('warn', message, fields),
    error: (message, fields) => put('error', message, fields),
    with: (fields) => createLog(write, least, { ...base, ...fields }),
  };
}

export const silentLog: Log = createLog(() => undefined, 'error');

/** Errors say nothing when JSON writes them; give them as text. */
function plain(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? (value.stack ?? value.message) : value,
    ]),
  );
}
