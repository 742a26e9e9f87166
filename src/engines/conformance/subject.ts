import type { InstanceSpec } from '../../model/instance.ts';
import type { Engine } from '../engine.ts';

/** An engine that the suite is to judge. */
export interface EngineSubject {
  readonly name: string;
  /** Called for each promise anew. */
  create(): Promise<EngineUnderTest>;
  /** What this engine cannot show, each with its reason: it appears in the title of every skipped promise. */
  readonly skips?: Partial<Record<Power, string>>;
  /** How many times as long everything takes as on an idle machine; default 1. */
  readonly slowness?: number;
}

/**
 * What some promises need of an engine.
 * - `attachment`: commands take somebody who reads along. - `terminal`: instances, and commands for them, have a terminal.
 * - `first-size`: it has the size that is asked for before its program begins, and not a moment later.
 * - `roots`: what they have written is kept by a name.
 * - `files`: instances have a file system of their own. - `isolation`: and a process table of their own.
 * - `memory-limit`, `pids-limit`: a kernel enforces them.
 * - `output-order`: what a command writes on its two streams comes in one.
 */
export type Power =
  | 'attachment'
  | 'terminal'
  | 'first-size'
  | 'files'
  | 'roots'
  | 'isolation'
  | 'memory-limit'
  | 'pids-limit'
  | 'output-order';

export interface EngineUnderTest {
  readonly engine: Engine;
  /**
   * The daemon dies as by `kill -9` (also when its engine was closed before), `whileDown` happens, and it comes back.
   * `recover` of the new engine has not been called.
   */
  reopen(whileDown?: () => Promise<void>): Promise<Engine>;
  /** A complete spec in the app `conformance`: an image with busybox and its links in /bin, no network, no mounts, streams `pipes`, stdin `none`. */
  spec(overrides: SpecOverrides): InstanceSpec;
  /** What is on the host because of this engine, one line each, ids and app names in full: processes, mounts, cgroups, namespaces, folders. */
  leftovers(): Promise<readonly string[]>;
  /** Removes what the factory itself made. The engine has been closed. */
  dispose(): Promise<void>;
}

export type SpecOverrides = Partial<InstanceSpec> & Pick<InstanceSpec, 'argv'>;
