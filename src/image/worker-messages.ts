import type { ErrorBody } from '../errors/index.ts';
import type { Operations } from './operations.ts';

/** What the image store and its worker say to each other. */
export interface WorkerSettings {
  readonly folder: string;
  readonly nodePath: string;
}

export interface Call {
  readonly id: number;
  readonly method: keyof Operations;
  readonly args: readonly unknown[];
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ErrorBody };
