import { createLog, type Level } from '../../observe/log.ts';
import { systemClock } from '../../observe/clock.ts';
import type { Target } from '../capacity.ts';
import { createGateway, type Gateway } from '../gateway.ts';
import type { GatewayLimits } from '../limits.ts';
import type { CallRecord } from '../record.ts';
import { createRouter, type Route, type Router } from '../router.ts';
import { createProcessCapacity, type ProcessCapacity } from './process-capacity.ts';

/** A gateway on a real port, in front of real processes. */
export interface Stand extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly router: Router;
  readonly capacity: ProcessCapacity;
  readonly port: number;
  readonly url: string;
  readonly records: readonly CallRecord[];
  readonly logLines: readonly string[];
  /** Resolves with the next record whose call is of this function (or of any). */
  nextRecord(name?: string): Promise<CallRecord>;
}

export interface StandOptions {
  /** Route -> function of the app "shop". */
  readonly routes?: Readonly<Record<string, Partial<Target> & Pick<Target, 'name' | 'kind'>>>;
  readonly limits?: Partial<GatewayLimits>;
}

export async function openStand({ routes = {}, limits = {} }: StandOptions): Promise<Stand> {
  const router = createRouter();
  const capacity = createProcessCapacity();
  const records: CallRecord[] = [];
  const logLines: string[] = [];
  const waiting = new Set<(record: CallRecord) => void>();
  const gateway = createGateway({
    router,
    capacity,
    clock: systemClock,
    log: createLog((line) => void logLines.push(line), 'debug' satisfies Level),
    record: (record) => {
      records.push(record);
      for (const tell of waiting) tell(record);
    },
    limits,
    software: 'minke/test',
  });
  router.setRoutes(
    'shop',
    Object.entries(routes).map(([route, target]) => routeTo(route, target)),
  );
  const { port } = await gateway.listen('127.0.0.1', 0);
  return {
    gateway,
    router,
    capacity,
    port,
    url: `http://127.0.0.1:${port}`,
    records,
    logLines,
    nextRecord: (name) =>
      new Promise((resolve) => {
        const tell = (record: CallRecord): void => {
          if (name !== undefined && record.name !== name) return;
          waiting.delete(tell);
          resolve(record);
        };
        waiting.add(tell);
      }),
    [Symbol.asyncDispose]: async () => {
      await gateway.close({ graceMs: 0 });
      for (const socket of capacity.connections) socket.destroy();
      await Promise.all(capacity.started.map((one) => one.stop()));
    },
  };
}

export function routeTo(route: string, target: Partial<Target> & Pick<Target, 'name' | 'kind'>): Route {
  const slash = route.indexOf('/');
  const host = route.slice(0, slash);
  return { ...(host === '' ? {} : { host }), prefix: route.slice(slash), target: targetOf(target) };
}

export const targetOf = (target: Partial<Target> & Pick<Target, 'name' | 'kind'>): Target => ({
  app: 'shop',
  port: 8080,
  timeoutMs: 20_000,
  concurrency: 8,
  limits: { memoryBytes: 512 * 1024 ** 2, pids: 256 },
  ...target,
});
