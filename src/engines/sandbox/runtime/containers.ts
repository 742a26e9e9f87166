import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startTicks, throwUnlessGone, type ProcessName } from '../../../linux/proc.ts';
import { isId, type Id } from '../../../model/ids.ts';
import { crun } from './crun.ts';
import { runc } from './runc.ts';
import type { LogLine, RuntimeKind, RuntimeName } from './runtime.ts';

/** A container in a runtime's own state, which is read here without asking the runtime: it lies in a folder of `memory` (places.ts). */
export interface KnownContainer {
  readonly id: Id;
  readonly runtime: RuntimeName;
}

export const runtimeKinds: Readonly<Record<RuntimeName, RuntimeKind>> = { crun, runc };

export function knownContainers(memory: string): KnownContainer[] {
  return Object.values(runtimeKinds).flatMap(({ name }) => {
    const state = stateFolder(memory, name);
    return existsSync(state)
      ? readdirSync(state)
          .filter(isId)
          .map((id) => ({ id, runtime: name }))
      : [];
  });
}

/** A container's first process, as its runtime's own state names it; undefined when it is gone. */
export function firstProcess(memory: string, { id, runtime }: KnownContainer): ProcessName | undefined {
  const { stateFile, processOf } = runtimeKinds[runtime];
  try {
    const found = processOf(JSON.parse(readFileSync(join(stateFolder(memory, runtime), id, stateFile), 'utf8')));
    return startTicks(found.pid) === found.ticks ? found : undefined;
  } catch (error) {
    // An account that is being written is none yet.
    if (!(error instanceof SyntaxError)) throwUnlessGone(error);
    return undefined;
  }
}

/** Of a container whose runtime cannot be asked any more. */
export function forgetContainer(memory: string, { id, runtime }: KnownContainer): void {
  rmSync(join(stateFolder(memory, runtime), id), { recursive: true, force: true });
}

/** The last thing that a runtime said of its own failure in the log that it keeps in `home`; undefined when it did not fail. */
export function failureIn(home: string, runtime: RuntimeName): string | undefined {
  const { isFailure } = runtimeKinds[runtime];
  return linesOf(logFile(home, runtime)).findLast(isFailure)?.msg;
}

export const stateFolder = (memory: string, runtime: RuntimeName): string => join(memory, runtime);
export const logFile = (home: string, runtime: RuntimeName): string => join(home, `${runtime}.log`);

function linesOf(file: string): LogLine[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.filter((line) => line !== '').map(parseLine);
  } catch {
    return []; // it has not begun
  }
}

/** A line that was cut short by the runtime's own end is as much as it could say. */
function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line, level: 'error' };
  }
}
