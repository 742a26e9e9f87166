import type { RuntimeKind } from './runtime.ts';

/** Where crun is missing: a Go program that starts in three times the time, and carries each container's output itself. */
export const runc: RuntimeKind = {
  name: 'runc',
  announces: 'by-rename',
  stateFile: 'state.json',
  processOf: (state) => {
    const { init_process_pid: pid, init_process_start: ticks } = state as {
      init_process_pid: number;
      init_process_start: number;
    };
    return { pid, ticks };
  },
  // Warnings are there too, of containers that run well.
  isFailure: ({ level }) => level === 'error' || level === 'fatal',
};
