import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { openPipe } from './pipe.ts';
import { reapEnded, startProcess } from './process.ts';

export interface ProgramRequest {
  /** Absolute path first. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** stdout and stderr, as they come. */
  readonly onLine: (line: string) => void;
  /** Aborted: it is killed, and the signal's reason is thrown once it is gone. */
  readonly signal: AbortSignal;
}

/**
 * A program that ends by itself, started without a fork of Node; answers its exit code, as a shell gives it. It has ended
 * when nobody holds its output any more, so whatever it leaves behind has to let go of that.
 */
export async function runProgram({ argv, env, onLine, signal }: ProgramRequest): Promise<number> {
  signal.throwIfAborted();
  const pipe = openPipe();
  let pid: number;
  try {
    pid = startProcess({
      path: argv[0] ?? '',
      argv,
      env,
      descriptors: [{ path: '/dev/null', access: 'read' }, { fd: pipe.write }, { fd: pipe.write }],
      ownSession: true,
    });
  } catch (error) {
    closeSync(pipe.read);
    throw error;
  } finally {
    closeSync(pipe.write);
  }
  // Its whole session: it is the leader.
  const kill = (): void => killSession(pid);
  signal.addEventListener('abort', kill, { once: true });
  for await (const line of createInterface({ input: new Socket({ fd: pipe.read, readable: true, writable: false }) }))
    onLine(line);
  const code = await reaped(pid);
  signal.removeEventListener('abort', kill);
  signal.throwIfAborted();
  return code;
}

function killSession(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended at the same moment.
  }
}

/** Its output is closed already, so this is a matter of moments. */
async function reaped(pid: number): Promise<number> {
  const lookEveryMs = 5;
  for (;;) {
    const end = reapEnded(pid);
    if (end !== undefined) return end.code;
    await delay(lookEveryMs);
  }
}
