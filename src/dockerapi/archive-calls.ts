import { closeSync, constants, createWriteStream, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MinkeError, toMinkeError } from '../errors/index.ts';
import { createArchives, type Archives } from './archive/archives.ts';
import type { FileLook } from './archive/task.ts';
import { pump, sendJson } from './answer.ts';
import { flag, isRunning, livingInstance, namedContainer, type Call, type Desk } from './call.ts';

const archives = createArchives();

/** HEAD: what is at the path, as a header. */
export async function headArchive(desk: Desk, call: Call): Promise<void> {
  const look = await inRoot(desk, call, async (root) => await archives.look(root, pathOf(call)));
  call.response.writeHead(200, { [lookHeader]: lookView(look) }).end();
}

export async function getArchive(desk: Desk, call: Call): Promise<void> {
  await inRoot(desk, call, async (root) => await sendArchive(desk, call, root, pathOf(call)));
}

async function sendArchive(desk: Desk, call: Call, root: string, path: string): Promise<void> {
  const look = await archives.look(root, path);
  call.response.writeHead(200, { 'Content-Type': 'application/x-tar', [lookHeader]: lookView(look) });
  await sendTree(desk, call, archives.read(root, path));
}

async function sendTree(desk: Desk, call: Call, { archive, ended }: ReturnType<Archives['read']>): Promise<void> {
  call.response.once('close', () => archive.destroy());
  await pump(archive, call.response);
  // Broken off where it is not whole: a clean end would say that it is.
  await ended.then(
    () => call.response.end(),
    (error: unknown) => {
      desk.log.debug('An archive of a container broke off', { error });
      call.response.destroy();
    },
  );
}

/** All of the root, and nothing of what is mounted in it. */
export async function exportContainer(desk: Desk, call: Call): Promise<void> {
  await inRoot(desk, call, async (root) => {
    call.response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
    await sendTree(desk, call, archives.read(root, '/.', { isRootOnly: true }));
  });
}

const kinds = { modified: 0, added: 1, deleted: 2 };

export async function listChanges(desk: Desk, call: Call): Promise<void> {
  const { run } = await namedContainer(desk, call);
  const changes = await desk.containers.changes(run.id);
  sendJson(
    call.response,
    200,
    changes.map(({ path, kind }) => ({ Path: path, Kind: kinds[kind] })),
  );
}

export async function putArchive(desk: Desk, call: Call): Promise<void> {
  const path = pathOf(call);
  const encoding = call.request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw new MinkeError('NOT_SUPPORTED', { what: `An archive in ${encoding}`, reason: 'send it as plain tar' });
  const folder = await mkdtemp(join((await desk.info()).dataFolder, 'archive-'));
  try {
    const file = join(folder, 'archive.tar');
    // Destroying the request would end the connection that is to say what went wrong.
    await pipeline(call.request.iterator({ destroyOnReturn: false }), createWriteStream(file, { mode: 0o600 }));
    const keepsKinds = flag(call, 'noOverwriteDirNonDir');
    await inRoot(desk, call, async (root) => await archives.write(root, path, file, keepsKinds));
  } catch (thrown) {
    const error = toMinkeError(thrown);
    throw error.code === 'IMAGE_INVALID' ? new MinkeError('BAD_REQUEST', { reason: error.message }) : error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  call.response.writeHead(200).end();
}

/** From the container's root, whatever the client says; a slash or a dot at its end is kept, since it means what is behind a link. */
function pathOf({ target }: Call): string {
  const asked = target.query.get('path') ?? '';
  if (asked === '') throw new MinkeError('BAD_REQUEST', { reason: '"path" is missing' });
  if (asked.includes('\0')) throw new MinkeError('BAD_REQUEST', { reason: '"path" has a NUL' });
  const path = posix.join('/', asked);
  return asked.endsWith('/.') && path !== '/' ? `${path}/.` : path;
}

/** Of one that lives, files are those that its processes see; of another, those of its root alone. */
async function inRoot<T>(desk: Desk, call: Call, action: (root: string) => Promise<T>): Promise<T> {
  const container = await namedContainer(desk, call);
  if (!isRunning(container)) return await desk.containers.withFiles(container.run.id, action);
  using root = await openRoot(desk, call);
  return await action(root.path);
}

/**
 * There must be a process: the engine is asked again once its root is open, since its number may have become another's in
 * between.
 */
async function openRoot(desk: Desk, call: Call): Promise<{ readonly path: string } & Disposable> {
  const { container, instance } = await livingInstance(desk, call);
  const pidNow = async (): Promise<number> => {
    const pid = (await desk.engine.inspect(instance))?.pid;
    if (pid !== undefined) return pid;
    throw new MinkeError('CONFLICT', { reason: `Container ${container.run.id} is not running` });
  };
  const pid = await pidNow();
  const folder = openSync(`/proc/${pid}/root`, constants.O_RDONLY | constants.O_DIRECTORY);
  const root = { path: `/proc/self/fd/${folder}`, [Symbol.dispose]: () => closeSync(folder) };
  if ((await pidNow().catch(() => undefined)) === pid) return root;
  root[Symbol.dispose]();
  throw new MinkeError('CONFLICT', { reason: `Container ${container.run.id} is not running` });
}

const lookHeader = 'X-Docker-Container-Path-Stat';

const lookView = ({ name, sizeBytes, mode, changedAt, linkTarget }: FileLook): string =>
  Buffer.from(
    JSON.stringify({ name, size: sizeBytes, mode: goMode(mode), mtime: new Date(changedAt).toISOString(), linkTarget }),
  ).toString('base64');

/** Go's os.FileMode: the permissions, and a bit for each kind where stat(2) has a number. */
function goMode(mode: number): number {
  const kinds: Readonly<Record<number, number>> = {
    0o040000: 2 ** 31,
    0o120000: 2 ** 27,
    0o060000: 2 ** 26,
    0o010000: 2 ** 25,
    0o140000: 2 ** 24,
    0o020000: 2 ** 26 + 2 ** 21,
  };
  const special = [
    [0o4000, 2 ** 23],
    [0o2000, 2 ** 22],
    [0o1000, 2 ** 20],
  ] as const;
  const bits = special.reduce((sum, [bit, go]) => sum + ((mode & bit) === 0 ? 0 : go), 0);
  return (mode & 0o777) + (kinds[mode & 0o170000] ?? 0) + bits;
}
