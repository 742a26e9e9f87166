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
