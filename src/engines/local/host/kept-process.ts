import { setTimeout as delay } from 'node:timers/promises';
import { endProcess, readPidFile, writePidFile } from '../../../linux/proc.ts';

/** A process that outlives the daemon: adopted when it lives, started when it does not, replaced when it ends. */
export interface KeptProcess {
  /** Resolves when one lives. Callers that come together share one start. */
  ensure(): Promise<void>;
  /** Lets it live on without us. */
  release(): void;
  stop(): Promise<void>;
}

export interface KeptProcessOptions {
  /** Names the living one, for us and for the next daemon. */
  readonly pidFile: string;
  /** Starts one: `remember` as soon as it has a pid, resolve when it is of use. */
  readonly start: (remember: (pid: number) => void) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Whether it lives is looked up, and not waited for: it may be the child of an earlier daemon's starter, or its starter may
 * have ended before it, and then nobody tells of its end. A look costs 20 microseconds.
 */
const lookEveryMs = 250;
const tryAgainMs = 5000;

export function keepProcess({ pidFile, start, onFailure }: KeptProcessOptions): KeptProcess {
  const released = new AbortController();
  const { signal } = released;
  let starting: Promise<void> | undefined;
  let isWatched = false;

  const ensure = async (): Promise<void> => {
    if (starting === undefined && readPidFile(pidFile) === undefined) {
      starting = start((pid) => writePidFile(pidFile, pid)).finally(() => {
        starting = undefined;
      });
    }
    await starting;
    if (!isWatched) void watch();
  };

  const watch = async (): Promise<void> => {
    isWatched = true;
    for (let waitMs = lookEveryMs; !signal.aborted;) {
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      waitMs = await ensure().then(
        () => lookEveryMs,
        (error: unknown) => {
          if (!signal.aborted) onFailure(error);
          return tryAgainMs;
        },
      );
    }
  };

  return {
    ensure,
    release: () => released.abort(),
    stop: async () => {
      released.abort();
      await starting?.catch(() => undefined);
      const found = readPidFile(pidFile);
      if (found !== undefined) await endProcess(found);
    },
  };
}
