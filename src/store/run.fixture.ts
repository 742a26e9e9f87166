import { newId } from '../model/ids.ts';
import type { Run } from '../model/run.ts';

/** One that waits to be begun. */
export const aRun = (fields: Partial<Run> = {}): Run => ({
  id: newId(),
  app: 'shop',
  target: { function: 'work' },
  args: ['a', 'b c'],
  env: { KEY: 'value' },
  options: {},
  state: 'queued',
  attempts: 0,
  createdAt: Date.now(),
  timeoutMs: 600_000,
  ...fields,
});
