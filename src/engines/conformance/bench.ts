/* oxlint-disable vitest/no-conditional-tests, vitest/no-disabled-tests --
   promises are declared from data here: a skip says why in its title */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { buffer } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import type { Socket } from 'node:net';
import { expect, it, type TestAPI } from 'vitest';
import type { Id } from '../../model/ids.ts';
import type { InstanceExit, InstanceMount, InstanceSpec } from '../../model/instance.ts';
import type { Engine, Instance, LogOptions, NetworkSpec } from '../engine.ts';
import type { EngineSubject, EngineUnderTest, Power, SpecOverrides } from './subject.ts';

/** One engine on the bench, for one promise; when it ends, the engine is purged and nothing may be left. */
export interface Bench {
  /** The living one: changes with `reopen`. */
  readonly engine: Engine;
  readonly app: string;
  /** On the host; instances with `sharedMount` see it as /shared. */
  readonly sharedFolder: string;
  readonly sharedMount: InstanceMount;
  spec(overrides: SpecOverrides): InstanceSpec;
  start(overrides: SpecOverrides): Promise<Instance>;
  /** Starts with `pipes` and reads to the end. */
  run(overrides: SpecOverrides): Promise<Ended>;
  /** The app's network, with `names`. */
  network(
    names: readonly string[],
    listener?: NetworkSpec['listener'],
    networks?: NetworkSpec['networks'],
  ): Promise<void>;
  reopen(whileDown?: () => Promise<void>): Promise<readonly Instance[]>;
  /** Lines of `leftovers` that mention the instance. */
  leftoversOf(id: Id): Promise<readonly string[]>;
}

export interface Ended {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly exit: InstanceExit;
}

export type BenchTest = (bench: Bench) => Promise<void>;

/** Declares one promise of the suite; skipped, with the reason in its title, where the engine lacks a power it needs. */
export function declarePromises(subject: EngineSubject): (title: string, test: BenchTest, needs?: Power) => void {
  const benched: TestAPI<{ workbench: Bench }> = it.extend<{ workbench: Bench }>({
    // oxlint-disable-next-line no-empty-pattern -- vitest reads the fixtures it needs from this pattern
    workbench: async ({}, use) => {
      const { bench, end } = await setUp(subject);
      await use(bench);
      await end();
    },
  });
  return (title, test, needs) => {
    const reason = needs && subject.skips?.[needs];
    if (reason === undefined) benched(title, { timeout: 60_000 }, ({ workbench }) => test(workbench));
    else it.skip(`${title} (${reason})`, () => undefined);
  };
}

async function setUp(subject: EngineSubject): Promise<{ bench: Bench; end: () => Promise<void> }> {
  const underTest = await subject.create();
  const sharedFolder = await mkdtemp(join(tmpdir(), 'minke-conformance-'));
  let { engine } = underTest;
  await engine.recover();
  const spec = (overrides: SpecOverrides): InstanceSpec => underTest.spec({ app: 'conformance', ...overrides });
  const start = (overrides: SpecOverrides): Promise<Instance> => engine.start(spec(overrides));
  const bench: Bench = {
    get engine() {
      return engine;
    },
    app: 'conformance',
    sharedFolder,
    sharedMount: { type: 'bind', source: sharedFolder, target: '/shared', readOnly: false },
    spec,
    start,
    run: async (overrides) => readToEnd(await start(overrides)),
    network: (names, listener = (connection) => connection.socket.destroy(), networks) =>
      engine.networks.ensure({ app: 'conformance', names, listener, ...(networks && { networks }) }),
    reopen: async (whileDown) => {
      engine = await underTest.reopen(whileDown);
      return engine.recover();
    },
    leftoversOf: async (id) => (await underTest.leftovers()).filter((line) => line.includes(id)),
  };
  return { bench, end: () => tearDown(underTest, engine, sharedFolder) };
}

async function tearDown(underTest: EngineUnderTest, engine: Engine, sharedFolder: string): Promise<void> {
  await engine.close({ purge: true });
  const left = await underTest.leftovers();
  await underTest.dispose();
  await rm(sharedFolder, { recursive: true });
  expect(left, 'left on the host after close({purge: true})').toEqual([]);
}

export async function readToEnd(instance: Instance): Promise<Ended> {
  const [stdout, stderr, exit] = await Promise.all([
    bytesOf(instance.stdout),
    bytesOf(instance.stderr),
    instance.exited,
  ]);
  return { stdout, stderr, exit };
}

const bytesOf = async (stream: Readable | undefined): Promise<Buffer> =>
  stream === undefined ? Buffer.alloc(0) : buffer(stream);

/** Everything recorded of one stream. */
export async function logged(
  engine: Engine,
  id: Id,
  stream: 'stdout' | 'stderr',
  options: LogOptions = {},
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of engine.logs.read(id, { ...options, streams: [stream] })) chunks.push(chunk.bytes);
  return Buffer.concat(chunks);
}

/** Resolves once the instance has written `marker` to stdout; fails when it ends without. */
export async function waitForLog(engine: Engine, id: Id, marker: string): Promise<void> {
  let seen = '';
  for await (const chunk of engine.logs.read(id, { follow: true, streams: ['stdout'] })) {
    seen += chunk.bytes.toString();
    if (seen.includes(marker)) return;
  }
  throw new Error(`${id} ended without writing ${JSON.stringify(marker)}; it wrote ${JSON.stringify(seen)}`);
}

/** Resolves once the stream has given `marker`; later bytes stay readable. */
export async function waitForText(stream: Readable | undefined, marker: string): Promise<void> {
  if (stream === undefined) throw new Error('The instance has no such stream');
  let seen = '';
  while (!seen.includes(marker)) {
    const bytes: Buffer | null = stream.read();
    if (bytes === null) await once(stream, 'readable');
    else seen += bytes.toString();
  }
}

/** A server inside an instance listens some time after its start; nobody tells when. */
export async function connectWhenReady(bench: Bench, instance: Instance, port: number): Promise<Socket> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await bench.engine.networks.connect(bench.app, instance.address ?? '', port);
    } catch (error) {
      if (attempt === 400) throw error;
      await delay(25);
    }
  }
}
