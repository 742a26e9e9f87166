import type { MinkeError } from '../../errors/index.ts';
import type { HostFiles } from './host-files.ts';
import type { Variables } from './interpolate.ts';
import type { Problems } from './problems.ts';

/** What every reader of a service needs beside the node that it reads. */
export interface FileContext {
  /** Absolute; of the first app file. */
  readonly folder: string;
  readonly variables: Variables;
  readonly host: HostFiles;
  readonly problems: Problems;
  /** Of the machine; the default concurrency grows with it. */
  readonly cores: number;
  /** Of the machine, as Node calls it. */
  readonly architecture: string;
  readonly warn: (warning: MinkeError) => void;
  /** What nobody can start the app without, though its file is right. */
  readonly lacking: (problem: MinkeError) => void;
  /** Services of the file that are no part of the app, with a profile that would make them so. */
  readonly inactive: ReadonlyMap<string, string>;
}
