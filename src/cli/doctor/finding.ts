import { MinkeError } from '../../errors/index.ts';
import type { Lack } from '../../model/host.ts';

/** What one look at the machine found. */
export interface Finding {
  readonly name: string;
  /** `lacks`: the sandbox cannot work. `warns`: it can, with less. */
  readonly state: 'ok' | 'warns' | 'lacks';
  readonly found: string;
  /** What that means for the user; absent when all is well. */
  readonly means?: string;
  /** The command that mends it, where one does. */
  readonly mend?: string;
  /** What the daemon says beside `means` when it refuses to start for this. */
  readonly hint?: string;
}

/** Why a daemon would refuse to start here, in its own words. */
export function refusal({ subject, code, facts }: Lack): Finding {
  const { message, hint } = new MinkeError(code, facts);
  const mend = facts.install ?? facts.mend ?? (code === 'NOT_ROOT' ? 'sudo minke up' : undefined);
  const found = code === 'MISSING_PROGRAM' ? 'not found' : code === 'NOT_ROOT' ? 'no' : 'not usable';
  return { ...lacks(subject, found, message, mend), ...(hint === undefined ? {} : { hint }) };
}

export const ok = (name: string, found: string): Finding => ({ name, state: 'ok', found });

export const warns = (name: string, found: string, means: string, mend?: string): Finding =>
  finding(name, 'warns', found, means, mend);

export const lacks = (name: string, found: string, means: string, mend?: string): Finding =>
  finding(name, 'lacks', found, means, mend);

const finding = (name: string, state: Finding['state'], found: string, means: string, mend?: string): Finding => ({
  name,
  state,
  found,
  means,
  ...(mend === undefined ? {} : { mend }),
});
