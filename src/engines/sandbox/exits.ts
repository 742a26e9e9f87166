import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Id } from '../../model/ids.ts';
import type { InstanceExit } from '../../model/instance.ts';
import type { Log } from '../../observe/log.ts';
import { fullName } from './logs/frame.ts';
import { instanceFolder, type Places } from './places.ts';

/** How lasting instances ended, kept beside their output until they are forgotten. */
export interface Exits {
  read(id: Id): InstanceExit | undefined;
  /**
   * Never throws. While the disk is full an exit is kept in memory, and the instance's folder stays, from which the next life
   * of the daemon would tell the same.
   */
  keep(id: Id, exit: InstanceExit): void;
  /** The output and all. Idempotent. */
  forget(id: Id): void;
  close(): void;
}

const tryAgainMs = 1000;

export function createExits(places: Places, log: Log): Exits {
  const unwritten = new Map<Id, InstanceExit>();
  let timer: NodeJS.Timeout | undefined;

  /** First where it will be looked for, then its folder goes: at no moment is the exit unknown. */
  const write = (id: Id, exit: InstanceExit): void => {
    writeFileSync(exitFile(places, id), JSON.stringify(exit));
    removeFolder(id);
    unwritten.delete(id);
  };

  const removeFolder = (id: Id): void => {
    rmSync(instanceFolder(places, id, 'logs'), { recursive: true, force: true });
    removeEnds(id);
  };

  const removeEnds = (id: Id): void => {
    for (const name of [id, fullName(id)]) rmSync(join(places.ended, name), { force: true });
  };

  const writeAll = (): void => {
    try {
      for (const [id, exit] of unwritten) write(id, exit);
      clearInterval(timer);
      timer = undefined;
    } catch {
      // It was told when it began; the next turn comes.
    }
  };

  return {
    read: (id) => unwritten.get(id) ?? readExit(places, id),
    keep: (id, exit) => {
      try {
        write(id, exit);
      } catch (error) {
        log.error('The end of an instance could not be written; it is tried again', { instance: id, error });
        unwritten.set(id, exit);
        timer ??= setInterval(writeAll, tryAgainMs).unref();
      }
    },
    forget: (id) => {
      if (unwritten.delete(id)) removeFolder(id);
      rmSync(join(places.logs, id), { recursive: true, force: true });
      removeEnds(id);
    },
    close: () => clearInterval(timer),
  };
}

/** One that was cut short by a full disk counts as none: the instance's folder is still there. */
function readExit(places: Places, id: Id): InstanceExit | undefined {
  try {
    return JSON.parse(readFileSync(exitFile(places, id), 'utf8')) as InstanceExit;
  } catch {
    return undefined;
  }
}

const exitFile = (places: Places, id: Id): string => join(places.logs, id, 'exit.json');
