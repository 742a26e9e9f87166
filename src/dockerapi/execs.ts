import { newId, type Id } from '../model/ids.ts';
import type { TerminalSize } from '../model/instance.ts';
import type { Command, CommandStreams } from '../engines/command.ts';

/** A further command in a container, from its creation on; like the commands themselves, in memory only. */
export interface Exec {
  readonly id: Id;
  /** The run that its container is. */
  readonly container: Id;
  readonly command: Pick<Command, 'argv' | 'env' | 'user' | 'workdir'>;
  readonly attaches: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  /** Absent = none. */
  readonly terminal?: TerminalSize;
  state: 'created' | 'running' | 'ended';
  exitCode?: number;
  /** While it runs. */
  streams?: CommandStreams;
}

export interface Execs {
  add(exec: Omit<Exec, 'id' | 'state'>): Exec;
  get(id: string): Exec | undefined;
  /** Of a container, those that run. */
  running(container: Id): readonly Id[];
}

/** One that ended is asked for its exit code at once, if ever. */
const remembered = 1000;

export function createExecs(): Execs {
  const execs = new Map<Id, Exec>();
  const forgetOldest = (): void => {
    const oldest = [...execs.values()].find(({ state }) => state !== 'running');
    if (oldest !== undefined && execs.size > remembered) execs.delete(oldest.id);
  };
  return {
    add: (asked) => {
      const exec: Exec = { ...asked, id: newId(), state: 'created' };
      execs.set(exec.id, exec);
      forgetOldest();
      return exec;
    },
    get: (id) => execs.get(id),
    running: (container) =>
      [...execs.values()].flatMap((exec) =>
        exec.container === container && exec.state === 'running' ? [exec.id] : [],
      ),
  };
}
