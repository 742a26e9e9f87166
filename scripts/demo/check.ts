import { setTimeout as delay } from 'node:timers/promises';
import type { InstanceRow } from '../../src/api/types.ts';
import { shortId } from '../../src/model/ids.ts';
import type { Run } from '../../src/model/run.ts';
import type { Transport } from '../../src/sdk/transport.ts';
import type { Host } from './host.ts';

type Choice = 'a' | 'b';

interface Votes {
  readonly a: number;
  readonly b: number;
  readonly total: number;
  readonly container: string;
}

export interface CheckOptions {
  readonly api: Transport;
  readonly app: string;
  /** Of the gateway. */
  readonly url: string;
  readonly host: Host;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

type Vote = readonly [voter: string, choice: Choice];

const firstVotes = Array.from({ length: 20 }, (_, index): Vote => [`demo-voter-${index + 1}`, index < 12 ? 'a' : 'b']);
/** Four who were for a, and one who was for b, change their minds. */
const changedVotes = firstVotes.slice(8, 13).map(([voter, choice]): Vote => [voter, choice === 'a' ? 'b' : 'a']);
const requestCount = firstVotes.length + changedVotes.length;
const patienceMs = 60_000;

/** Votes as people would, and answers what was not as it must be. */
export async function checkVoting(options: CheckOptions): Promise<readonly string[]> {
  const voteContainers = await voteAndRevote(options);
  const result = await waitForResult(options);
  const recorders = await readRecorders(options);
  const containers = new Set([...voteContainers, ...result.containers, ...recorders.containers]);
  options.print(
    `${containers.size} containers served them: ${voteContainers.size} took votes, ${recorders.containers.size} recorded ` +
      `them, ${result.containers.size} counted them`,
  );
  const fresh = voteContainers.size === requestCount;
  return [
    ...(fresh ? [] : [`${requestCount} votes were taken by ${voteContainers.size} containers`]),
    ...result.problems,
    ...recorders.problems,
    ...(await checkRest(options)),
  ];
}

/** Resolves to the containers that took the votes. */
async function voteAndRevote(options: CheckOptions): Promise<ReadonlySet<string>> {
  const begun = performance.now();
  // All of them at once, and nobody changes a vote that was not taken yet.
  const first = await castVotes(options, firstVotes);
  const changed = await castVotes(options, changedVotes);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  options.print(`${first.length} votes and ${changed.length} changes of mind, taken in ${seconds} s`);
  return new Set([...first, ...changed]);
}

interface Finding {
  /** Short ids. */
  readonly containers: ReadonlySet<string>;
  readonly problems: readonly string[];
}

function countChoices(votes: ReadonlyMap<string, Choice>): Pick<Votes, 'a' | 'b'> {
  const countOf = (wanted: Choice): number => [...votes.values()].filter((choice) => choice === wanted).length;
  return { a: countOf('a'), b: countOf('b') };
}

/** All at once; resolves to the containers that answered. */
async function castVotes(options: CheckOptions, votes: readonly Vote[]): Promise<readonly string[]> {
  return Promise.all(votes.map(([voter, choice]) => castVote(options, voter, choice)));
}

async function castVote({ url, signal }: CheckOptions, voter: string, choice: Choice): Promise<string> {
  const answer = await fetch(`${url}/vote`, {
    method: 'POST',
    headers: { cookie: `voter_id=${voter}` },
    body: new URLSearchParams({ vote: choice }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]),
  });
  const page = await answer.text();
  const container = /container <code>([^<]+)<\/code>/.exec(page)?.[1];
  if (answer.status !== 200 || container === undefined) {
    throw new Error(`A vote was answered with ${answer.status} ${answer.statusText}: ${page.slice(0, 500)}`);
  }
  return container;
}

/** Asks until every vote is in, as the page in a browser does. */
async function waitForResult({ url, print, signal }: CheckOptions): Promise<Finding> {
  const expected = countChoices(new Map([...firstVotes, ...changedVotes]));
  const containers = new Set<string>();
  let said = 'no result at all';
  for (
    const deadline = performance.now() + patienceMs;
    performance.now() < deadline;
    await delay(100, undefined, { signal })
  ) {
    const answer = await fetch(`${url}/result/votes`, { signal });
    const text = await answer.text();
    said = `${answer.status} ${text.trim()}`;
    if (!answer.ok) continue;
    const votes = JSON.parse(text) as Votes;
    containers.add(votes.container);
    if (votes.a === expected.a && votes.b === expected.b) {
      print(`The result: ${votes.a} for a, ${votes.b} for b`);
      return { containers, problems: [] };
    }
  }
  return { containers, problems: [`the result is not ${expected.a} to ${expected.b}, the last answer was ${said}`] };
}

/** One run, and one container, for each vote. */
async function readRecorders({ api, app, signal }: CheckOptions): Promise<Finding> {
  const query = { app, function: 'record-vote', limit: 1000 };
  const { runs } = await api.json<{ runs: Run[] }>('runList', { query, signal });
  const settled = await Promise.all(
    runs.map(async ({ id }) => {
      const call = { parameters: { run: id }, query: { timeout: patienceMs }, signal };
      return (await api.json<{ run: Run }>('runWait', call)).run;
    }),
  );
  const failed = settled.filter(({ state }) => state !== 'succeeded');
  const containers = new Set(settled.flatMap(({ instance }) => (instance === undefined ? [] : [shortId(instance)])));
  const isRight = settled.length === requestCount && containers.size === requestCount;
  return {
    containers,
    problems: [
      ...failed.map(
        ({ id, state, error }) => `the run ${shortId(id)} of record-vote ${state}: ${error?.message ?? ''}`,
      ),
      ...(isRight
        ? []
        : [`${requestCount} votes were recorded by ${settled.length} runs in ${containers.size} containers`]),
    ],
  };
}

/** Once the daemon knows of no function's instance, only the database may live; the host is asked, not the daemon. */
async function checkRest({ api, app, host, print, signal }: CheckOptions): Promise<readonly string[]> {
  const isAtRest = async (): Promise<boolean> => {
    const { instances } = await api.json<{ instances: InstanceRow[] }>('instances', { query: { app }, signal });
    return instances.every(({ kind }) => kind === 'service');
  };
  for (const deadline = performance.now() + patienceMs; !(await isAtRest()) && performance.now() < deadline;) {
    await delay(50, undefined, { signal });
  }
  const living = host.containers();
  print(`At rest ${living.length} container${living.length === 1 ? ' lives' : 's live'} on this host: the database`);
  return living.length === 1 ? [] : [`at rest ${living.length} containers live on this host, not the database alone`];
}
