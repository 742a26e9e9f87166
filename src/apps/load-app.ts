import { availableParallelism } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { MinkeError, type ErrorCode } from '../errors/index.ts';
import type { AppModel } from '../model/app.ts';
import type { FileContext } from './file/context.ts';
import { hostFiles, type HostFiles } from './file/host-files.ts';
import type { Variables } from './file/interpolate.ts';
import type { MapNode } from './file/node.ts';
import { createProblems } from './file/problems.ts';
import { readApp, type ReadApp } from './file/read-app.ts';
import type { Contents } from './file/read-contents.ts';
import { readProject } from './file/source/read-project.ts';
import { shownAs, type Reading } from './file/source/read-source.ts';
import { readVariables } from './file/source/read-variables.ts';
import { selectServices } from './file/source/select-services.ts';

export interface LoadOptions {
  /** Merged in order; relative paths inside all of them lie below the folder of the first. */
  readonly files: readonly string[];
  /** Overrides COMPOSE_PROJECT_NAME, `name:` and the folder's name. */
  readonly project?: string | undefined;
  /** Active beside those of COMPOSE_PROFILES. */
  readonly profiles?: readonly string[] | undefined;
  /** Services that were named; each activates its own profiles. */
  readonly targets?: readonly string[] | undefined;
  /** For `${VAR}`; comes before the file `.env` beside the first app file. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly host?: HostFiles;
  /** Of the machine; the default concurrency of functions is 4 per core. */
  readonly cores?: number;
  /** Of the machine, as Node calls it. */
  readonly architecture?: string;
}

/**
 * `contents`: of secrets and configs, for the daemon to keep; `lacking`: those of them that are needed to start the app and are not
 * there. Warnings are what the file asks for and does not get, where the app works without it.
 */
export type LoadedApp =
  | {
      readonly model: AppModel;
      readonly contents: Contents;
      readonly warnings: readonly MinkeError[];
      readonly lacking: readonly MinkeError[];
    }
  | { readonly problems: readonly MinkeError[] };

/**
 * Compose files as one validated model with every default filled in, or everything that is wrong with them, in the order of
 * the file. Each problem's facts carry `place` (FILE:LINE), `line`, `key` (its full path) and `mend`.
 */
export function loadApp(options: LoadOptions): LoadedApp {
  const { host = hostFiles } = options;
  const [first] = options.files;
  if (first === undefined) return { problems: [new MinkeError('APP_FILE_NOT_FOUND', { reason: 'none was named' })] };
  const folder = dirname(resolve(first));
  const problems = createProblems();
  const warnings: MinkeError[] = [];
  const reading: Reading = { folder, host, problems, warn: (warning) => warnings.push(warning) };
  const dotenv = { paths: [resolve(folder, '.env')], shownAs: (path: string) => shownAs(path, folder) };
  const variables = readVariables((name) => options.environment[name], dotenv, host, problems);
  const sources = options.files.map((file) => ({ path: resolve(file), folder, variables }));
  const { root, absent } = readProject(sources, reading);
  // A file that is not there as a whole would only be followed by complaints about what is missing in it.
  const isReadable = absent.length === 0 && problems.found().every(({ code }) => !leavesHoles.includes(code));
  const lacking: MinkeError[] = [];
  const read = root !== undefined && isReadable ? readModel(root, options, variables, reading, lacking) : undefined;
  const found = [...absent, ...problems.found()];
  return read === undefined || found.length > 0 ? { problems: found } : { ...read, warnings, lacking };
}

const leavesHoles: readonly ErrorCode[] = ['APP_FILE_SYNTAX', 'APP_FILE_CYCLE', 'APP_FILE_BAD_REFERENCE'];

function readModel(
  root: MapNode,
  options: LoadOptions,
  variables: Variables,
  reading: Reading,
  lacking: MinkeError[],
): ReadApp | undefined {
  const {
    cores = availableParallelism(),
    architecture = process.arch,
    project = variables('COMPOSE_PROJECT_NAME'),
  } = options;
  const profiles = [...(options.profiles ?? []), ...(variables('COMPOSE_PROFILES') ?? '').split(',')]
    .map((profile) => profile.trim())
    .filter((profile) => profile !== '');
  const selected = selectServices(root, { profiles, targets: options.targets ?? [] }, reading.problems);
  const context: FileContext = {
    ...reading,
    variables,
    cores,
    architecture,
    inactive: selected.inactive,
    lacking: (problem) => lacking.push(problem),
  };
  return readApp(selected.root, { project, folderName: basename(reading.folder) }, context);
}
