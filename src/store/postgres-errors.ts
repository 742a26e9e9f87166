import { MinkeError } from '../errors/index.ts';

/** Classes of https://www.postgresql.org/docs/current/errcodes-appendix.html. */
const diskFull = '53100';
const readOnlyTransaction = '25006';
const lockNotAvailable = '55P03';

/** What went wrong with a statement, in words of the catalogue. `action` is for the reader of the log: which call it was. */
export function toPostgresError(thrown: unknown, action: string, place: string): MinkeError {
  if (thrown instanceof MinkeError) return thrown;
  const options = { cause: thrown };
  if (isLost(thrown)) return new MinkeError('STATE_UNREACHABLE', { place, reason: messageOf(thrown) }, options);
  const code = sqlState(thrown);
  if (code === diskFull)
    return new MinkeError('OUT_OF_DISK', { what: 'the state of minke', folder: place, free: '0 bytes' }, options);
  if (code === readOnlyTransaction) return new MinkeError('STATE_READ_ONLY', { file: place }, options);
  if (code === lockNotAvailable) return new MinkeError('STATE_LOCKED', { file: place }, options);
  return new MinkeError('INTERNAL', { reason: `the store failed at ${action}: ${messageOf(thrown)}` }, options);
}

/**
 * Whether nothing more can come over this connection: it is none of the server's answers, or the server says that it goes
 * (class 57P), cannot be reached (08) or lets nobody in (28, 3D, 53 but for the full disk).
 */
export function isLost(thrown: unknown): boolean {
  if (thrown instanceof MinkeError) return false;
  const code = sqlState(thrown);
  return code === undefined || (code !== diskFull && /^(?:08|57P|28|3D|53)/.test(code));
}

/** Five characters; what Node says of sockets has a code of another form. */
function sqlState(thrown: unknown): string | undefined {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code) ? code : undefined;
}

const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
