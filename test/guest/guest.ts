import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A machine of software that boots over this machine's own file system, read-only, runs one script and halts. */
export interface GuestKind {
  /** Starts it; its console is the process's stdout. `folder` is for its own files; both words go onto the kernel's command line. */
  boot(folder: string, words: readonly string[]): Promise<ChildProcess>;
  /** Parent of the folder with its kernel's modules. */
  modules(folder: string): Promise<string>;
}

/** What became of one promise of the conformance suite (conformance.ts). */
export interface Outcome {
  readonly title: string;
  readonly state: 'kept' | 'broken' | 'skipped';
  readonly tookMs?: number;
  readonly failure?: string;
}

export interface GuestOrder {
  /** Each the arguments of one run of conformance.ts. */
  readonly runs: readonly (readonly string[])[];
  readonly signal: AbortSignal;
  /** Every line of its console. */
  readonly tell?: (line: string) => void;
}

export const initProgram = join(import.meta.dirname, 'init.sh');
const project = join(import.meta.dirname, '..', '..');

/** Boots a guest for the runs; rejects when it ended before they did. */
export async function conformanceInGuest(kind: GuestKind, order: GuestOrder): Promise<Outcome[]> {
  for (let boots = 1; ; boots += 1) {
    const { outcomes, hasFinished, last } = await runGuest(kind, order);
    if (hasFinished) return outcomes;
    const isOver = outcomes.length > 0 || boots === mostBoots || !last.join('\n').includes(brokenStart);
    if (isOver) throw new Error(`the guest ended early:\n${last.join('\n')}`);
    order.tell?.('Node did not start in the guest; it is booted again');
  }
}

/** V8 looks over the pages that it compiles into, and on an emulated processor ends its process at the start now and then. */
const brokenStart = 'Check failed: it->second.Size() > offset';
const mostBoots = 10;

async function runGuest(kind: GuestKind, { runs, signal, tell }: GuestOrder): Promise<Console> {
  const folder = mkdtempSync(join(tmpdir(), 'minke-guest-'));
  try {
    writeFileSync(join(folder, 'run'), scriptOf(runs));
    const words = [`GUEST_FOLDER=${folder}`, `GUEST_MODULES=${await kind.modules(folder)}`, `GUEST_PROJECT=${project}`];
    const machine = await kind.boot(folder, words);
    const halt = (): void => endGroup(machine);
    signal.addEventListener('abort', halt, { once: true });
    const ended = once(machine, 'close');
    const console = await readConsole(machine, tell);
    await ended;
    signal.removeEventListener('abort', halt);
    signal.throwIfAborted();
    return console;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** It is the first of a process group of its own. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** In a guest all that is slow is slower still: what was compiled once is kept for the processes after it. */
function scriptOf(runs: GuestOrder['runs']): string {
  const lines = runs.map((words) =>
    ['node_modules/.bin/node', 'test/guest/conformance.ts', ...words].map(quote).join(' '),
  );
  return ['set -e', 'cd /run/project', 'export NODE_COMPILE_CACHE=/run/compiled', ...lines, ''].join('\n');
}

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

interface Console {
  readonly outcomes: Outcome[];
  readonly hasFinished: boolean;
  readonly last: readonly string[];
}

async function readConsole(machine: ChildProcess, tell: GuestOrder['tell']): Promise<Console> {
  const outcomes: Outcome[] = [];
  let hasFinished = false;
  let last: string[] = [];
  if (machine.stdout === null) throw new Error('the guest has no console');
  for await (const line of createInterface({ input: machine.stdout })) {
    tell?.(line);
    last = [...last, line].slice(-30);
    const said = /promise: (\{.*\})/.exec(line)?.[1];
    if (said !== undefined) outcomes.push(JSON.parse(said) as Outcome);
    hasFinished ||= line.includes('guest: ends with 0');
  }
  return { outcomes, hasFinished, last };
}

export function spawnMachine(
  program: string,
  args: readonly string[],
  environment: Record<string, string> = {},
): ChildProcess {
  const env = { ...process.env, ...environment };
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true, env });
}
