import type { Output } from './output.ts';
import { formatTime } from './units.ts';

/** Writes the daemon's log: as it is in a pipe, one readable line an event on a terminal. */
export function createDaemonLogWriter(err: Output): (line: string) => void {
  return err.isTerminal ? (line) => err.line(readable(err, line)) : (line) => err.write(line);
}

const colours = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const;

function readable(err: Output, line: string): string {
  try {
    const { at, level, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const colour = colours[level as keyof typeof colours];
    const said = Object.entries(fields).map(([key, value]) => err.style('dim', `${key}=`) + plain(value));
    return [
      err.style('dim', formatTime(Date.parse(String(at)))),
      err.style(colour, String(level)),
      message,
      ...said,
    ].join(' ');
  } catch {
    return line.trimEnd();
  }
}

const plain = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
