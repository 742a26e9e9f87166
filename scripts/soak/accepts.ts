import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Run } from '../../src/model/run.ts';
import { seededRandom } from '../../src/model/seeded-random.fixture.ts';
import { createRuns } from '../../src/sdk/runs.ts';
import type { TestDaemon } from '../../test/integration/daemon.ts';
import { loadBusybox } from '../../test/integration/door-images.ts';
import { fixtureApp } from '../../test/integration/isolation-fixtures.ts';
import type { Figure, Soak, SoakOptions } from './soak.ts';
import { onDaemon } from './on-daemon.ts';

const rounds = 200;
const clients = 50;
/** So late after the clients began the daemon is killed, at most: some are answered by then, some are not, runs are under way. */
const latestKillMs = 400;
const nothing = { op: '==', value: 0 } as const;

/** `kill -9` at random moments while clients submit: what was accepted is done, once. */
export const accepts: Soak = {
  about: `${rounds} times kill -9 of the daemon while ${clients} clients submit runs`,
  run: async (options) => await onDaemon(options, measure),
};

async function measure(daemon: TestDaemon, { scale, signal, tell }: SoakOptions): Promise<readonly Figure[]> {
  await loadBusybox(daemon, ['busybox']);
  await daemon.up(fixtureApp('accepts'));
  const random = seededRandom(1);
  const ids = new Set<string>();
  const count = Math.max(1, Math.round(rounds * scale));
  let submitted = 0;
  let repeated = 0;
  let disagreements = 0;
  for (let round = 1; round <= count; round += 1) {
    signal.throwIfAborted();
    const answers = Array.from({ length: clients }, async (_, client) => {
      const { id, tries } = await submit(daemon, client % 10 === 0 ? ['fail'] : []);
      repeated += tries - 1;
      return id;
    });
    await delay(random() * latestKillMs);
    await daemon.end('SIGKILL');
    await daemon.restart();
    for (const id of await Promise.all(answers)) ids.add(id);
    submitted += clients;
    const wrong = await disagreementOf(daemon, ids.size);
    if (wrong !== undefined) tell(`round ${round}: ${wrong}`);
    disagreements += wrong === undefined ? 0 : 1;
    if (round % 10 === 0) tell(`${round} of ${count} kills`);
  }
  const runs = createRuns(daemon.api);
  const ends = await Promise.all([...ids].map(async (id) => await runs.wait(id)));
  const failed = ends.filter(({ state }) => state !== 'succeeded');
  for (const run of failed.slice(0, 5)) tell(`not done: ${JSON.stringify(run)}`);
  const effects = readdirSync(join(daemon.dataFolder, 'volumes/accepts_marks'));
  const { waiting, inFlight } = await runs.ledger();
  const living = await livingOf(daemon);
  return [
    { what: 'kills of the daemon', value: count, unit: 'kills' },
    { what: 'runs submitted, each under a key of its own', value: submitted, unit: 'runs' },
    { what: 'submitted again, since no answer came', value: repeated, unit: 'times', limit: { op: '>=', value: 1 } },
    { what: 'lost or accepted twice', value: Math.abs(submitted - ids.size), unit: 'runs', limit: nothing },
    { what: 'rounds after which the sums disagree', value: disagreements, unit: 'rounds', limit: nothing },
    { what: 'runs that did not succeed', value: failed.length, unit: 'runs', limit: nothing },
    { what: 'attempts that failed and were made again', value: retriesOf(ends), unit: 'attempts' },
    { what: 'effects that are missing', value: missing(ids, effects), unit: 'files', limit: nothing },
    { what: 'effects of nobody', value: missing(effects, [...ids]), unit: 'files', limit: nothing },
    { what: 'runs still under way', value: waiting + inFlight, unit: 'runs', limit: nothing },
    { what: 'containers that live', value: living, unit: 'containers', limit: nothing },
  ];
}

/** Until it is answered: whoever does not know whether it was heard says the same again under the same key. */
async function submit({ api }: TestDaemon, args: readonly string[]): Promise<{ id: string; tries: number }> {
  const headers = { 'idempotency-key': randomUUID() };
  const json = { app: 'accepts', target: { function: 'mark' }, args };
  for (let tries = 1; ; tries += 1) {
    const answer = await api.json<{ run: Run }>('runs', { json, headers }).catch(() => undefined);
    if (answer !== undefined) return { id: answer.run.id, tries };
    await delay(50);
  }
}

/** In words; undefined where all is as it should be. */
async function disagreementOf({ api }: TestDaemon, known: number): Promise<string | undefined> {
  const ledger = await createRuns(api).ledger();
  const { accepted, ...places } = ledger;
  const sum = Object.values(places).reduce((total, one) => total + one, 0);
  if (sum === accepted && accepted === known) return undefined;
  return `clients were told of ${known}; ${JSON.stringify(ledger)}`;
}

const retriesOf = (ends: readonly Pick<Run, 'attempts'>[]): number =>
  ends.reduce((sum, { attempts }) => sum + attempts - 1, 0);

function missing(wanted: Iterable<string>, there: readonly string[]): number {
  const found = new Set(there);
  return [...wanted].filter((one) => !found.has(one)).length;
}

async function livingOf({ api }: TestDaemon): Promise<number> {
  const { instances } = await api.json<{ instances: readonly unknown[] }>('instances');
  return instances.length;
}
