import type { StatusAnswer } from '../../api/types.ts';
import type { Supervisor } from '../../apps/supervise/supervisor.ts';
import type { Engine } from '../../engines/engine.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { ImageStore } from '../../image/store.ts';
import type { Store } from '../../store/store.ts';
import type { Builds } from '../../image/build/builds.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Schedules } from '../../tasks/schedules.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import type { Catalog } from '../parts/catalog.ts';
import type { Deploys } from '../parts/deploys.ts';
import type { Instances } from '../parts/instances.ts';
import type { DaemonTimeline } from '../parts/timeline.ts';

/** What the handlers of minke's own API work with. */
export interface Desk {
  readonly builds: Builds;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly deploys: Deploys;
  readonly engine: Engine;
  readonly gateway: Gateway;
  readonly images: ImageStore;
  readonly instances: Instances;
  readonly log: Log;
  readonly schedules: Pick<Schedules, 'list'>;
  readonly store: Store;
  readonly supervisor: Pick<Supervisor, 'list'>;
  readonly tasks: Tasks;
  readonly timeline: DaemonTimeline;
  readonly status: () => StatusAnswer;
  /** Resolves when it has begun; the daemon ends by itself then. */
  readonly shutdown: (options: { readonly purge: boolean; readonly stop: boolean }) => void;
}
