import { setTimeout as delay } from 'node:timers/promises';
import type { InstanceRow } from '../../src/api/types.ts';
import { signalProcess } from '../../src/linux/proc.ts';
import type { TestDaemon } from '../../test/integration/daemon.ts';
import { fixtureApp } from '../../test/integration/isolation-fixtures.ts';
import { viewOf } from '../../test/integration/restart-host.ts';
import { changesSince, worldAtRest } from '../../test/integration/world.ts';
import { percentile } from '../bench/statistics.ts';
import { readLines, type Lines } from './kills/lines.ts';
import { startLoad, type LoadOptions, type LoadOutcome } from './kills/load.ts';
import type { Figure, Soak, SoakOptions } from './soak.ts';
import { onDaemon } from './on-daemon.ts';

/** Of the daemon, of its starter and of its log writer. */
const killsOfEach = 20;
const answersWithinMs = 2000;
/** A pipe's own size (pipe(7)), which is what the log writer reads at once. */
const readAtOnceBytes = 65_536;
const nothing = { op: '==', value: 0 } as const;

/** `kill -9`, again and again, while services write a thousand numbered lines a second and clients call everything. */
export const kills: Soak = {
  about: `${killsOfEach} times kill -9 of the daemon, of its starter and of its log writer, under load`,
  run: async (options) => await onDaemon(options, measure),
};

interface Victim {
  readonly what: string;
  readonly kill: () => Promise<void>;
}

async function measure(daemon: TestDaemon, { scale, signal, tell }: SoakOptions): Promise<readonly Figure[]> {
  await daemon.up(fixtureApp('relentless'));
  const services = await servicesOf(daemon);
  await takeSlots(daemon);
  // Those who die are followed by others, with descriptors and a view of the mounts of their own.
  const { descriptors: _, 'mounts in the starter': __, ...before } = await worldAtRest(daemon);
  const count = Math.max(1, Math.round(killsOfEach * scale));
  const underLoad = async (options: LoadOptions, ...victims: readonly Victim[]): Promise<LoadOutcome> => {
    const load = startLoad(daemon, options);
    for (const { what, kill } of victims) {
      for (let turn = 1; turn <= count; turn += 1) {
        signal.throwIfAborted();
        await someAnswers(load.answered);
        await kill();
        if (turn % 5 === 0) tell(`${turn} of ${count} kills of the ${what}`);
      }
      await someAnswers(load.answered);
    }
    return await load.stop();
  };
  const restartsMs: number[] = [];
  const strict = await underLoad(
    { mayLoseLines: false },
    { what: 'daemon', kill: async () => void restartsMs.push(await killDaemon(daemon)) },
    { what: 'starter', kill: async () => await killHelper(daemon, 'starter') },
  );
  const afterStarter = await linesOf(daemon, services);
  const lenient = await underLoad(
    { mayLoseLines: true },
    { what: 'log writer', kill: async () => await killHelper(daemon, 'log-writer') },
  );
  const wrong = [...strict.wrong, ...lenient.wrong];
  for (const one of wrong) tell(`wrong: ${one}`);
  const afterWriter = await linesOf(daemon, services);
  const changes = await changesSince(before, daemon);
  for (const change of changes) tell(`not as it was: ${change}`);
  const failures = daemon.log().match(/.*could not be given back.*/g) ?? [];
  if (changes.length > 0) for (const line of failures) tell(line);
  const sorted = restartsMs.toSorted((one, other) => one - other);
  return [
    { what: 'kills of each', value: count, unit: 'kills' },
    { what: 'from the start to the first answer, p50', value: Math.round(percentile(sorted, 0.5)), unit: 'ms' },
    { what: 'the same, at most', value: Math.round(sorted.at(-1) ?? 0), unit: 'ms', ...answerLimit(scale) },
    { what: 'right answers to requests', value: strict.answered + lenient.answered, unit: 'answers' },
    { what: 'accepted runs', value: strict.accepted + lenient.accepted, unit: 'runs' },
    { what: 'wrong answers and endings', value: wrong.length, unit: 'calls', limit: nothing },
    ...linesFigures('daemon and starter', afterStarter, { lost: nothing }),
    ...linesFigures('log writer', afterWriter, {}),
    {
      what: 'lost at once, at most',
      value: Math.max(...afterWriter.map((one) => one.longestGapBytes)),
      unit: 'bytes',
      limit: { op: '<=', value: readAtOnceBytes },
    },
    {
      what: 'replaced services and broken connections',
      value: await brokenOf(daemon, services),
      unit: '',
      limit: nothing,
    },
    { what: 'changes of the host', value: changes.length, unit: 'lines', limit: nothing },
  ];
}

/** As many containers at once as the load may have: what they need is kept, and is not what a kill leaves behind. */
async function takeSlots({ gateway }: TestDaemon): Promise<void> {
  const paths = ['/page?2', '/page?2', '/page?2', '/page?2', '/page?2', '/page?2', '/page?2', '/page?2', '/web'];
  const runs = Array.from({ length: 4 }, () => '/count?arg=1&arg=1&arg=2');
  await Promise.all([...paths, ...runs].map(async (path) => await (await fetch(`${gateway}${path}`)).text()));
}

/** A short form runs beside other tests; its few restarts say nothing about time. */
const answerLimit = (scale: number): Pick<Figure, 'limit'> =>
  scale < 1 ? {} : { limit: { op: '<=', value: answersWithinMs } };

const linesFigures = (killed: string, lines: readonly Lines[], { lost }: { lost?: Figure['limit'] }): Figure[] => {
  const sum = (of: (one: Lines) => number): number => lines.reduce((total, one) => total + of(one), 0);
  return [
    { what: `lines kept, ${killed} killed`, value: sum((one) => one.kept), unit: 'lines' },
    {
      what: `lines lost, ${killed} killed`,
      value: sum((one) => one.lost),
      unit: 'lines',
      ...(lost && { limit: lost }),
    },
    {
      what: `lines twice or out of turn, ${killed} killed`,
      value: sum((one) => one.wrong),
      unit: 'lines',
      limit: nothing,
    },
  ];
};

/** The load is under way again: a kill that hits nothing shows nothing. */
async function someAnswers(answered: () => number): Promise<void> {
  const [enough, limitMs] = [answered() + 20, 60_000];
  for (const startedAt = performance.now(); answered() < enough; await delay(10)) {
    if (performance.now() - startedAt > limitMs) throw new Error('the load gets no answers any more');
  }
}

async function killDaemon(daemon: TestDaemon): Promise<number> {
  await daemon.end('SIGKILL');
  const startedAt = performance.now();
  await daemon.restart();
  for (;;) {
    const answer = await fetch(`${daemon.gateway}/page`);
    await answer.text();
    if (answer.status === 200) return performance.now() - startedAt;
  }
}

async function killHelper(daemon: TestDaemon, name: 'starter' | 'log-writer'): Promise<void> {
  const view = viewOf(daemon.dataFolder);
  const old = view.helper(name);
  if (old === undefined) throw new Error(`there is no ${name}`);
  const [kill, limitMs] = [9, 30_000];
  signalProcess(old.pid, old.ticks, kill);
  for (const startedAt = performance.now(); (view.helper(name)?.pid ?? old.pid) === old.pid; await delay(5)) {
    if (performance.now() - startedAt > limitMs) throw new Error(`no other ${name} came`);
  }
}

interface Services {
  readonly db: string;
  readonly teller: string;
}

async function servicesOf({ api }: TestDaemon): Promise<Services> {
  const { instances } = await api.json<{ instances: InstanceRow[] }>('instances');
  const idOf = (name: string): string => instances.find((row) => row.name === name)?.id ?? '';
  return { db: idOf('db'), teller: idOf('teller') };
}

async function linesOf({ dataFolder }: TestDaemon, { db, teller }: Services): Promise<Lines[]> {
  const view = viewOf(dataFolder);
  return await Promise.all([db, teller].map(async (id) => readLines(await view.output(id))));
}

/** Nothing where both are who they were and speak over the connection that they opened first. */
async function brokenOf(daemon: TestDaemon, before: Services): Promise<number> {
  const view = viewOf(daemon.dataFolder);
  const now = await servicesOf(daemon);
  const [connections, broken] = [
    (await view.output(before.db)).match(/^connection/gm) ?? [],
    (await view.output(before.teller)).match(/^broken/gm) ?? [],
  ];
  const replaced = [now.db !== before.db, now.teller !== before.teller].filter(Boolean);
  return replaced.length + broken.length + Math.abs(connections.length - 1);
}
