import { join } from 'node:path';
import type { Id } from '../../../model/ids.ts';
import { announcePlaceholder } from '../../local/starter/protocol.ts';
import { logFile, runtimeKinds, stateFolder } from './containers.ts';
import type { RuntimeName } from './runtime.ts';

/** A runtime of this host. */
export interface Runtime {
  readonly name: RuntimeName;
  /** Path of its program. */
  readonly program: string;
}

export interface RunCommand {
  readonly argv: readonly string[];
  /** Where the pid comes by rename; absent: it comes through the pipe that stands for the placeholder. */
  readonly pidFile?: string;
}

/** Runs the bundle in `home` to its end, and announces the pid of the container's first process. */
export function runCommand({ name, program }: Runtime, memory: string, id: Id, home: string): RunCommand {
  const pidFile = runtimeKinds[name].announces === 'by-rename' ? join(home, 'pid') : undefined;
  const argv = [
    program,
    `--root=${stateFolder(memory, name)}`,
    `--log=${logFile(home, name)}`,
    '--log-format=json',
    'run',
    `--bundle=${home}`,
    `--pid-file=${pidFile ?? announcePlaceholder}`,
    id,
  ];
  return { argv, ...(pidFile === undefined ? {} : { pidFile }) };
}

/**
 * Runs the process that `process.json` in `folder` describes in a living container, to its end. Which group of processes it is
 * counted in is left to the runtime: with `--cgroup` crun 1.8 would put it outside of all limits where cgroups are v1.
 */
export function executeCommand({ name, program }: Runtime, memory: string, id: Id, folder: string): RunCommand {
  const pidFile = runtimeKinds[name].announces === 'by-rename' ? join(folder, 'pid') : undefined;
  const argv = [
    program,
    `--root=${stateFolder(memory, name)}`,
    `--log=${logFile(folder, name)}`,
    '--log-format=json',
    'exec',
    `--process=${join(folder, 'process.json')}`,
    `--pid-file=${pidFile ?? announcePlaceholder}`,
    id,
  ];
  return { argv, ...(pidFile === undefined ? {} : { pidFile }) };
}

/** Ends a container and forgets it, whatever state it is in. */
export const removeCommand = ({ name, program }: Runtime, memory: string, id: Id): readonly string[] => [
  program,
  `--root=${stateFolder(memory, name)}`,
  'delete',
  '--force',
  id,
];
