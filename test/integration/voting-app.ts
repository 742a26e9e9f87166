import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Run } from '../../src/model/run.ts';
import type { TimelineEvent } from '../../src/model/timeline.ts';
import type { Transport } from '../../src/sdk/transport.ts';

/** The voting example as its voters use it, and what the daemon tells of it. */

export const votingFile = fileURLToPath(new URL('../../examples/voting/compose.yaml', import.meta.url));

export interface VoteAnswer {
  readonly status: number;
  /** "Processed by": the host name inside the container that answered. */
  readonly container: string;
  /** `name=value; name=value`, as a browser sends them back. */
  readonly cookies: string;
}

export async function castVote(gateway: string, choice: 'a' | 'b', cookies = ''): Promise<VoteAnswer> {
  const answer = await fetch(`${gateway}/vote`, {
    method: 'POST',
    headers: { cookie: cookies },
    body: new URLSearchParams({ vote: choice }),
  });
  const container = /container <code>([^<]+)<\/code>/.exec(await answer.text())?.[1] ?? '';
  const given = answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
  return { status: answer.status, container, cookies: given.join('; ') };
}

export interface Result {
  readonly a: number;
  readonly b: number;
  readonly total: number;
  readonly container: string;
}

export async function readResult(gateway: string): Promise<Result> {
  return (await (await fetch(`${gateway}/result/votes`)).json()) as Result;
}

/** All runs of record-vote so far, each settled. */
export async function settledRuns(api: Transport, app = 'voting'): Promise<readonly Run[]> {
  const query = { app, function: 'record-vote', limit: 1000 };
  const { runs } = await api.json<{ runs: Run[] }>('runList', { query });
  return await Promise.all(
    runs.map(async ({ id }) => (await api.json<{ run: Run }>('runWait', { parameters: { run: id } })).run),
  );
}

/** Starts that the timeline tells of, in their order, from a moment on (Unix milliseconds). */
export async function startsSince(api: Transport, app: string, since: number): Promise<readonly TimelineEvent[]> {
  const starts: TimelineEvent[] = [];
  for await (const event of api.lines<TimelineEvent>('events', { query: { app, since } })) {
    if (event.kind === 'instance.started') starts.push(event);
  }
  return starts;
}

/** A request whose container lives until it is let go: its program waits for the body, which is held back. */
export interface HeldRequest {
  /** What the program has written up to its line `ready`. */
  readonly lines: readonly string[];
  /** Resolves when the answer has ended. */
  letGo(): Promise<void>;
}

export async function holdRequest(url: string): Promise<HeldRequest> {
  const request = httpRequest(url, { method: 'POST', headers: { 'content-length': 1 }, agent: false });
  request.flushHeaders();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = once(response, 'end');
  while (!text.endsWith('ready\n')) await Promise.race([once(response, 'data'), ended.then(() => failWith(text))]);
  return {
    lines: text.trim().split('\n'),
    letGo: async () => {
      request.end('\n');
      await ended;
    },
  };
}

function failWith(text: string): never {
  throw new Error(`It has ended with: ${text}`);
}
