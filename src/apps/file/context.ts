import type { MinkeError } from '../../errors/index.ts';
import type { HostFiles } from './host-files.ts';
import type { Variables } from './interpolate.ts';
import type { Problems } from './problems.ts';

/** What every reader of a service needs beside the node that it reads. */
export interface FileContext {
  /** Absolute: relative paths of all files are resolved against it. */
  readonly folder: string;
  readonly variables: Variables;
  readonly host: HostFiles;
  readonly problems: Problems;
  /** Of the machine; the default concurrency grows with it. */
  readonly cores: number;
  readonly warn: (warning: MinkeError) => void;
}
