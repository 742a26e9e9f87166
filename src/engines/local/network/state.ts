import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { TakenPort } from './choose-ports.ts';

/** What the next life of the daemon has to know of an app's network (state.json in its folder). */
export interface NetworkState {
  readonly subnet: number;
  /** In the order of their addresses. */
  readonly names: readonly string[];
  /** Addresses by name, as published last. */
  readonly published: Readonly<Record<string, readonly string[]>>;
  readonly ports: readonly TakenPort[];
}

export function readState(file: string): NetworkState | undefined {
  try {
    const state = JSON.parse(readFileSync(file, 'utf8')) as Partial<NetworkState> &
      Pick<NetworkState, 'subnet' | 'names'>;
    return { published: {}, ports: [], ...state };
  } catch {
    return undefined;
  }
}

/** As a whole or not at all. */
export function writeState(file: string, state: NetworkState): void {
  writeFileSync(`${file}.new`, JSON.stringify(state));
  renameSync(`${file}.new`, file);
}
