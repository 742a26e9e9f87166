import { readFileSync } from 'node:fs';
import { writeWhole } from '../../../linux/write-whole.ts';
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

export const writeState = (file: string, state: NetworkState): void => writeWhole(file, JSON.stringify(state));
