import { MinkeError } from '../errors/index.ts';
import type { Address } from './address.ts';

/** A failed or broken connection in words of the catalogue; an abort is the caller's own reason, as with fetch. */
export function connectionError(address: Address, thrown: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  const code = (thrown as NodeJS.ErrnoException).code ?? '';
  const refusal = refusals[code];
  if (refusal !== undefined) {
    return new MinkeError('DAEMON_UNREACHABLE', { socket: `${address.text}${refusal}` }, { cause: thrown });
  }
  const reason = brokenOff.has(code) ? 'the daemon ended, or closed it' : (thrown as Error).message;
  return new MinkeError('CONNECTION_LOST', { address: address.text, reason }, { cause: thrown });
}

const refusals: Readonly<Record<string, string>> = {
  ENOENT: '',
  ENOTDIR: '',
  ECONNREFUSED: '',
  EINVAL: ' (the name of the socket is too long)',
  ENAMETOOLONG: ' (the name of the socket is too long)',
  EACCES: ' (permission denied)',
  EPERM: ' (permission denied)',
  ENOTFOUND: ' (no such host)',
  EAI_AGAIN: ' (its name cannot be looked up)',
  EHOSTUNREACH: ' (no way there)',
  ENETUNREACH: ' (no way there)',
  ETIMEDOUT: ' (no answer)',
};

const brokenOff: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);
