import { createReadStream, createWriteStream, mkdirSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MinkeError } from '../../errors/index.ts';
import type { ReadyImage } from '../../model/instance.ts';
import type { Log } from '../../observe/log.ts';
import { openTemporary } from '../layout/temporary.ts';
import type { ImageStore } from '../store.ts';
import { buildKey } from './build-key.ts';
import { openBuildah, type Buildah } from './buildah.ts';
import { baseImages } from './dockerfile.ts';

/** Dockerfiles as images, by buildah: no daemon, each build in folders and namespaces of its own. */
export interface Builds {
  /**
   * The image under its reference. What was built of the same inputs before is taken again, unless `isFresh`. One build at a
   * time. MISSING_PROGRAM without buildah, BUILD_FAILED with its last words, TIMEOUT; whichever, nothing stays.
   */
  build(request: BuildRequest): Promise<ReadyImage>;
}

export interface BuildRequest {
  readonly reference: string;
  /** Absolute. */
  readonly context: string;
  /** Absolute. */
  readonly dockerfile: string;
  readonly args: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly isFresh?: boolean;
  /** Each line that the build writes. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface BuildsOptions {
  /** Absolute; of this daemon alone. */
  readonly folder: string;
  readonly images: ImageStore;
  /** PATH, and proxies for what a build fetches. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly timeoutMs?: number;
}

export function createBuilds(options: BuildsOptions): Builds {
  const { folder, images, env, log, timeoutMs = 30 * 60_000 } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const temporary = openTemporary(join(folder, 'tmp'));
  const known = openKnown(join(folder, 'known'), images);
  const inTurn = createTurn();

  const make = async (request: BuildRequest, bases: readonly ReadyImage[], signal: AbortSignal): Promise<string> => {
    const place = temporary.newPath();
    await mkdir(place, { mode: 0o700 });
    try {
      const buildah = await openBuildah(place, env);
      const work = { images, buildah, place, request, signal };
      for (const base of bases) await giveBase(work, base);
      return await runBuild(work, bases);
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  };

  return {
    build: async (request) => {
      const started = performance.now();
      using bound = boundedSignal(request.signal, timeoutMs, request.context);
      const { signal } = bound;
      const dockerfileText = await readDockerfile(request);
      const bases = await basesOf(images, dockerfileText, request, signal);
      const { context, args, target, reference } = request;
      const key = await buildKey({ context, dockerfileText, args, target, baseIds: bases.map(({ id }) => id) });
      const same = request.isFresh === true ? undefined : await known.find(key);
      const id = same ?? (await inTurn(signal, async () => await make(request, bases, signal)));
      await images.tag(id, reference);
      await known.remember(key, id);
      if (same === undefined) log.info('built', { image: reference, id, ms: Math.round(performance.now() - started) });
      return await images.prepare(reference, { isLocal: true });
    },
  };
}

/** Resolves the images that it builds upon before anything starts: from here, or from their registries. */
async function basesOf(
  images: ImageStore,
  dockerfileText: string,
  { args, target }: BuildRequest,
  signal: AbortSignal,
): Promise<readonly ReadyImage[]> {
  const references = baseImages(dockerfileText, args, target);
  return await Promise.all(references.map(async (reference) => await images.prepare(reference, { signal })));
}

interface Work {
  readonly images: ImageStore;
  readonly buildah: Buildah;
  readonly place: string;
  readonly request: BuildRequest;
  readonly signal: AbortSignal;
}

/** The base in buildah's storage, under the id that it has here. */
async function giveBase(
  { images, buildah, place, request, signal }: Work,
  { id, reference }: ReadyImage,
): Promise<void> {
  const archive = join(place, 'base.tar');
  await pipeline(await images.save(id), createWriteStream(archive), { signal });
  const said: string[] = [];
  const code = await buildah.run(
    ['pull', ...buildah.policyFlags, `docker-archive:${archive}`],
    (line) => said.push(line),
    signal,
  );
  await rm(archive);
  if (code !== 0) throw failed(request, `its base "${reference}" was not taken: ${lastOf(said)}`);
}

/** Answers the id of what was built, which is in the image store then. */
async function runBuild(
  { images, buildah, place, request, signal }: Work,
  bases: readonly ReadyImage[],
): Promise<string> {
  const { context, dockerfile, args, target, onLine } = request;
  const archive = join(place, 'built.tar');
  const said: string[] = [];
  const code = await buildah.run(
    [
      'bud',
      ...buildah.policyFlags,
      '--isolation=chroot',
      '--pull-never',
      `--file=${dockerfile}`,
      // The other format has no place for HEALTHCHECK, and buildah drops it.
      '--format=docker',
      `--tag=docker-archive:${archive}`,
      ...bases.flatMap(({ id, reference }) => ['--build-context', `${reference}=container-image://${id}`]),
      ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
      ...(target === undefined ? [] : ['--target', target]),
      context,
    ],
    (line) => {
      onLine?.(line);
      if (line.trim() !== '') said.splice(0, Math.max(0, said.push(line) - keptLines));
    },
    signal,
  );
  if (code !== 0) throw failed(request, lastOf(said));
  const [image] = await images.load(createReadStream(archive));
  if (image === undefined) throw failed(request, 'it made no image');
  return image.id;
}

const keptLines = 20;

const lastOf = (lines: readonly string[]): string =>
  (lines.findLast((line) => /^error/i.test(line)) ?? lines.at(-1) ?? 'it said nothing').slice(0, 500);

const failed = ({ context }: BuildRequest, reason: string): MinkeError =>
  new MinkeError('BUILD_FAILED', { folder: context, reason, mend: 'All that it writes: minke build' });

async function readDockerfile(request: BuildRequest): Promise<string> {
  try {
    return await readFile(request.dockerfile, 'utf8');
  } catch (error) {
    throw failed(request, error instanceof Error ? error.message : String(error));
  }
}

function boundedSignal(
  outer: AbortSignal | undefined,
  timeoutMs: number,
  folder: string,
): Disposable & { readonly signal: AbortSignal } {
  const ending = new AbortController();
  const timeout = new MinkeError('TIMEOUT', { action: `The build of "${folder}"`, seconds: timeoutMs / 1000 });
  const timer = setTimeout(() => ending.abort(timeout), timeoutMs);
  return {
    signal: outer === undefined ? ending.signal : AbortSignal.any([outer, ending.signal]),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

/** What was built before, by its inputs, as long as the image store has it. */
function openKnown(folder: string, images: ImageStore) {
  return {
    find: async (key: string): Promise<string | undefined> => {
      const id = await readFile(join(folder, key), 'utf8').catch(() => undefined);
      return id === undefined ? undefined : (await images.inspect(id))?.id;
    },
    remember: async (key: string, id: string): Promise<void> => {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, key), id);
    },
  };
}

/** One after the other; whoever gives up while waiting goes at once. */
function createTurn(): <T>(signal: AbortSignal, task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return async (signal, task) => {
    const before = last;
    const mine = Promise.withResolvers<void>();
    last = before.then(() => mine.promise);
    try {
      const gone = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
      await Promise.race([before, gone]);
      signal.throwIfAborted();
      return await task();
    } finally {
      mine.resolve();
    }
  };
}
