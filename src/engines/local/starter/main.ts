import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { mountOverlay, unmount } from '../../../linux/mount.ts';
import { openPipes, type Pipe } from '../../../linux/pipe.ts';
import { descendantsOf } from '../../../linux/proc.ts';
import { openRawTerminal } from '../../../linux/terminal.ts';
import { closeInheritedOnExec, reapEnded, startProcess, type ProcessRequest } from '../../../linux/process.ts';
import { listenForPid, watchForPid } from './announcement.ts';
import { narrowCgroupView } from './cgroup-view.ts';
import {
  announcePlaceholder,
  lineParser,
  starterDescriptor,
  type StarterAnswer,
  type StarterRequest,
} from './protocol.ts';

/**
 * The starter: a small process in a mount namespace of its own that starts every other process, so that the daemon, which
 * grows, never forks. It holds no state that matters: the daemon may start another at any moment. When the daemon ends, it
 * kills the containers that must not outlive the daemon and goes too.
 */
interface Watched {
  readonly key: number;
  readonly outlives: boolean;
  readonly isCommand?: boolean;
  /** Pid of the container's first process, once announced. */
  container?: number;
  readonly stopListening: () => void;
  readonly onEnd: (code: number) => void;
}

const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin', NODE_COMPILE_CACHE } = process.env;
// The compile cache is for the log writer, which needs 20 MB less with it.
const environment = { PATH, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) };
const watched = new Map<number, Watched>();
const daemon = new Socket({ fd: starterDescriptor });

closeInheritedOnExec();
narrowCgroupView(process.argv[2] ?? '');
process.on('SIGCHLD', reap);
// The daemon says when to end, by closing its end; a Ctrl-C in its terminal is not for us.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
daemon.on(
  'data',
  lineParser((line) => obey(JSON.parse(line) as StarterRequest)),
);
daemon.on('error', () => undefined);
daemon.on('close', endWithDaemon);
answer({ event: 'ready' });

function obey(request: StarterRequest): void {
  try {
    if (request.op === 'start') start(request);
    else if (request.op === 'execute') execute(request);
    else {
      if (request.op === 'overlay') mountOverlay(request.lower, request.upper, request.work, request.target);
      else unmount(request.target);
      done(request.key, 0, '', '');
    }
  } catch (error) {
    answer({ event: 'failed', key: request.key, reason: error instanceof Error ? error.message : String(error) });
  }
}

function start(request: StarterRequest & { op: 'start' }): void {
  const { key, pidFile, outlives, isCommand = false } = request;
  const take = (pid: number): void => {
    const entry = watched.get(child);
    if (entry !== undefined) entry.container = pid;
    answer({ event: 'announced', key, pid });
  };
  const announcement = pidFile === undefined ? listenForPid(take) : watchForPid(pidFile, take);
  const argv = request.argv.map((word) => word.replace(announcePlaceholder, announcement.path));
  const child = startOrStop(announcement.stop, () =>
    startWithTerminal(request, { path: argv[0] ?? '', argv, env: environment, ownSession: true }),
  );
  watched.set(child, {
    key,
    outlives,
    isCommand,
    stopListening: announcement.stop,
    onEnd: (code) => answer({ event: 'ended', key, code }),
  });
  answer({ event: 'started', key, pid: child });
}

function execute(request: StarterRequest & { op: 'execute' }): void {
  const [input, output, errors] = openPipes(3) as [Pipe, Pipe, Pipe];
  const stop = (): void => [input, output, errors].forEach((pipe) => closeBoth(pipe));
  const child = startOrStop(stop, () =>
    startProcess({
      path: request.argv[0] ?? '',
      argv: request.argv,
      env: { ...environment, ...request.env },
      descriptors: [{ fd: input.read }, { fd: output.write }, { fd: errors.write }],
      ownSession: true,
    }),
  );
  closeSync(input.read);
  closeSync(output.write);
  closeSync(errors.write);
  const ended = Promise.withResolvers<number>();
  watched.set(child, { key: request.key, outlives: true, stopListening: () => undefined, onEnd: ended.resolve });
  const writer = new Socket({ fd: input.write, readable: false, writable: true });
  writer.on('error', () => undefined);
  writer.end(request.input);
  void Promise.all([ended.promise, readAll(output.read), readAll(errors.read)]).then(([code, stdout, stderr]) =>
    done(request.key, code, stdout, stderr),
  );
}

/** A terminal becomes the session's by being opened, as its leader's first descriptor. */
function startWithTerminal(
  { descriptors, terminal: size }: StarterRequest & { op: 'start' },
  process: Omit<ProcessRequest, 'descriptors'>,
): number {
  if (size === undefined) return startProcess({ ...process, descriptors });
  const { master, path } = openRawTerminal(size);
  try {
    const ends = [{ path, access: 'both' as const }, { fd: 0 }, { fd: 0 }, { fd: master }];
    return startProcess({ ...process, descriptors: [...ends, ...descriptors] });
  } finally {
    closeSync(master);
  }
}

function startOrStop(stop: () => void, begin: () => number): number {
  try {
    return begin();
  } catch (error) {
    stop();
    throw error;
  }
}

function closeBoth(pipe: { readonly read: number; readonly write: number }): void {
  closeSync(pipe.read);
  closeSync(pipe.write);
}

async function readAll(fd: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of new Socket({ fd, readable: true, writable: false })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function reap(): void {
  for (let end = reapEnded(); end !== undefined; end = reapEnded()) {
    const entry = watched.get(end.pid);
    watched.delete(end.pid);
    entry?.stopListening();
    entry?.onEnd(end.code);
  }
  if (daemon.destroyed && !hasBrief()) process.exit();
}

/** What must not outlive the daemon is killed; the runtime then removes what it made, and we go when it has. */
function endWithDaemon(): void {
  for (const [pid, entry] of watched) {
    if (entry.isCommand === true) killCommand(pid, entry.container);
    else if (!entry.outlives) killQuietly(entry.container ?? pid);
  }
  if (!hasBrief()) process.exit();
  const cleanUpLimitMs = 5000;
  setTimeout(() => process.exit(), cleanUpLimitMs);
}

/** What crun starts is its child and no leader of a group; what runc starts leads one, and is nobody's child that we know. */
function killCommand(pid: number, container: number | undefined): void {
  const groups = container === undefined ? [] : [-container];
  for (const one of [...groups, ...descendantsOf(pid)]) killQuietly(one);
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is on its way out already.
  }
}

function hasBrief(): boolean {
  return [...watched.values()].some((entry) => !entry.outlives);
}

function done(key: number, code: number, stdout: string, stderr: string): void {
  answer({ event: 'done', key, code, stdout, stderr });
}

function answer(message: StarterAnswer): void {
  if (!daemon.destroyed) daemon.write(`${JSON.stringify(message)}\n`);
}
