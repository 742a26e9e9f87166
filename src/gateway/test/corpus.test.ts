import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hostile, honest } from './corpus/corpus.ts';
import { probe, type Reached, type Sent } from './corpus/sent.ts';
import { sendBytewise, sendRaw } from './raw-client.ts';
import { openNodeRecorder, openStrictRecorder, type Recorder } from './recorder.ts';
import { openStand, type Stand } from './stand.ts';

const limits = { stallMs: 500, headersTimeoutMs: 500, checkIntervalMs: 50, keepAliveMs: 500, lingerMs: 500 };
const folder = mkdtempSync(join(tmpdir(), 'minke-corpus-'));

afterAll(() => rmSync(folder, { recursive: true }));

/** The environment and the input of each container, in files by its pid. */
const program = [
  `cat >${folder}/$$.body`,
  `env >${folder}/$$.part`,
  `mv ${folder}/$$.part ${folder}/$$.env`,
  String.raw`printf 'Content-Type: text/plain\nContent-Length: 0\n\n'`,
].join('; ');

describe.each([
  ['honest', honest],
  ['hostile', hostile],
])('of %s requests', (_, corpus) => {
  describe.each([
    ['a strict reader', openStrictRecorder],
    ['a server of Node', openNodeRecorder],
  ])('an http function that is %s', (__, open) => {
    it.concurrent.each(corpus)('DR-9 gets of "$name" what it should, and nothing else', async (sent) => {
      await using recorder = await open();
      await using stand = await openStand({ routes: { '/': { name: 'web', kind: 'http' } }, limits });
      stand.capacity.programs.set('web', recorder.port);
      expect(await outcome(stand, sent, () => recorder.requests)).toEqual(wanted(sent));
      expectClean(sent, recorder);
    });
  });

  it.concurrent.each(corpus.filter(({ bytes }) => bytes.length < 1000))(
    'DR-9 "$name" means the same in single bytes',
    async (sent) => {
      await using recorder = await openStrictRecorder();
      await using stand = await openStand({ routes: { '/': { name: 'web', kind: 'http' } }, limits });
      stand.capacity.programs.set('web', recorder.port);
      expect(await outcome(stand, sent, () => recorder.requests, sendBytewise)).toEqual(wanted(sent));
      expectClean(sent, recorder);
    },
  );

  describe('a cgi function', () => {
    it.concurrent.each(corpus)('DR-9 gets of "$name" what it should, and nothing else', async (sent) => {
      await using stand = await openStand({ routes: { '/': { name: 'page', kind: 'cgi' } }, limits });
      stand.capacity.programs.set('page', program);
      const fed = (): readonly Fed[] => stand.capacity.started.flatMap(({ child }) => fedTo(child.pid) ?? []);
      expect(await outcome(stand, sent, () => fed().map(({ request }) => request))).toEqual(wanted(sent));
      for (const { environment } of fed()) expect(environment).not.toContain(sent.hides ?? 'nothing is hidden');
    });
  });
});

interface Fed {
  readonly request: Reached;
  readonly environment: string;
}

/** Undefined when it did not come to the end of its input. */
function fedTo(pid = 0): Fed | undefined {
  const path = join(folder, `${pid}.env`);
  if (!existsSync(path)) return undefined;
  const environment = readFileSync(path, 'utf8');
  const variable = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(environment)?.[1] ?? '';
  const body = readFileSync(join(folder, `${pid}.body`), 'latin1');
  return { request: { method: variable('REQUEST_METHOD'), target: variable('REQUEST_URI'), body }, environment };
}

interface Outcome {
  readonly reaches: readonly Reached[];
  readonly answers: readonly number[];
}

async function outcome(
  stand: Stand,
  { bytes }: Sent,
  reaches: () => readonly Reached[],
  send = sendRaw,
): Promise<Outcome> {
  const text = await send(stand.port, bytes + probe);
  return {
    answers: [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status)),
    reaches: reaches(),
  };
}

const wanted = ({ reaches, answers }: Sent): Outcome => ({ reaches, answers });

function expectClean({ hides }: Sent, recorder: Recorder): void {
  expect(recorder.slips).toEqual([]);
  expect([hides].filter((text) => text !== undefined && recorder.seen().includes(text))).toEqual([]);
}
