import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TimelineEvent } from '../model/timeline.ts';
import { silentLog } from '../observe/log.ts';
import { createSqliteStore } from '../store/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { createManualClock, type ManualClock } from './clock.fixture.ts';
import {
  createScriptedLauncher,
  type Script,
  type ScriptedInstance,
  type ScriptedLauncher,
} from './launcher.fixture.ts';
import { createTasks, type Tasks, type TasksOptions } from './tasks.ts';

/** Tasks over a store on disk and a launcher in memory, both of which outlive `restart`. */
export interface Bench {
  readonly tasks: Tasks;
  readonly store: Store;
  readonly launcher: ScriptedLauncher;
  readonly clock: ManualClock;
  readonly events: readonly TimelineEvent[];
  /** The next instance that was launched. */
  next(): Promise<ScriptedInstance>;
  /** Lets go as a daemon does that ends, without recovering. */
  restart(): Promise<void>;
  dispose(): Promise<void>;
}

export const callbackSecret = Buffer.alloc(32, 'secret');

export async function createBench(script: Script = {}, options: Partial<TasksOptions> = {}): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'minke-tasks-'));
  const store = await createSqliteStore({ file: join(folder, 'state.db') });
  const clock = createManualClock();
  const launcher = createScriptedLauncher(() => clock.now(), script);
  const events: TimelineEvent[] = [];
  const make = (): Tasks =>
    createTasks({
      store,
      launcher,
      clock,
      log: silentLog,
      callbackSecret,
      record: (event) => events.push(event),
      ...options,
    });
  let tasks = make();
  return {
    get tasks() {
      return tasks;
    },
    store,
    launcher,
    clock,
    events,
    next: async () => launcher.next(),
    restart: async () => {
      await tasks.close();
      tasks = make();
    },
    dispose: async () => {
      await tasks.close();
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}
