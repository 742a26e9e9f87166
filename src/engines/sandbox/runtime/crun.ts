import type { RuntimeKind } from './runtime.ts';

/** The quicker one: a small C program that is gone from the way as soon as the container runs. */
export const crun: RuntimeKind = {
  name: 'crun',
  announces: 'in-place',
  stateFile: 'status',
  processOf: (state) => {
    const { pid, 'process-start-time': ticks } = state as { pid: number; 'process-start-time': number };
    return { pid, ticks };
  },
  // It writes nothing else there.
  isFailure: () => true,
};
