import { dirname } from 'node:path';
import { MinkeError } from '../errors/index.ts';
import { roomIn } from '../linux/shortage.ts';

/** Primary result codes: https://www.sqlite.org/rescode.html; the extended ones carry the primary one in the low byte. */
const busy = 5;
const readOnly = 8;
const ioError = 10;
const full = 13;
const ioShmSize = ioError | (19 << 8);
const notADatabase = 26;
const corrupt = 11;

/** What SQLite threw, in words of the catalogue. `action` is for the reader of the log: which call it was. */
export function toStoreError(thrown: unknown, action: string, file: string): MinkeError {
  if (thrown instanceof MinkeError) return thrown;
  const code = resultCode(thrown);
  const options = { cause: thrown };
  // The shared-memory file beside the database could not grow: the same full disk.
  if (code === full || code === ioShmSize)
    return new MinkeError('OUT_OF_DISK', { what: 'the state of minke', ...roomIn(dirname(file)) }, options);
  if ((code & 0xff) === busy) return new MinkeError('STATE_LOCKED', { file }, options);
  if ((code & 0xff) === readOnly) return new MinkeError('STATE_READ_ONLY', { file }, options);
  if ((code & 0xff) === ioError) return new MinkeError('STATE_FAILED', { file, reason: describe(thrown) }, options);
  return new MinkeError('INTERNAL', { reason: `the store failed at ${action}: ${describe(thrown)}` }, options);
}

/** The same for a file that cannot be opened, which its owner can mend. */
export function toOpenError(thrown: unknown, file: string): MinkeError {
  const code = resultCode(thrown) & 0xff;
  const options = { cause: thrown };
  if (thrown instanceof MinkeError) return thrown;
  if ([full, busy, readOnly].includes(code)) return toStoreError(thrown, 'open', file);
  const isDamaged = code === notADatabase || code === corrupt;
  const reason = isDamaged ? `it is not a database of minke, or damaged (${describe(thrown)})` : describe(thrown);
  return new MinkeError('DATA_FOLDER', { folder: file, reason }, options);
}

function resultCode(thrown: unknown): number {
  const isSqlite = thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number';
  return isSqlite ? (thrown.errcode as number) : 0;
}

function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const code = resultCode(thrown);
  return code === 0 ? thrown.message : `${thrown.message} (SQLite result ${code})`;
}
