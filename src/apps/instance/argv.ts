import { MinkeError } from '../../errors/index.ts';
import type { ServiceModel } from '../../model/app.ts';
import type { ReadyImage } from '../../model/instance.ts';

type Program = Pick<ServiceModel, 'name' | 'build' | 'entrypoint' | 'command'>;

/** minke packed the folder itself: the image's command is the file's whole program, as packing changed it (`main.ts` -> `main.js`). */
export const isPacked = ({ build }: Pick<ServiceModel, 'build'>): boolean =>
  build !== undefined && build.dockerfile === undefined;

/** What packing has to make the image's command; empty = whatever the folder itself says. */
export const programToPack = ({ entrypoint = [], command = [] }: Program): readonly string[] => [
  ...entrypoint,
  ...command,
];

/**
 * The command line of an instance. As in Compose an entry point of the file takes the image's command away, and arguments (of a
 * run) stand in the place of a command. A packed folder is a program, and arguments are given to it.
 *
 * Throws IMAGE_INVALID when there is nothing to run.
 */
export function decideArgv(
  service: Program,
  image: ReadyImage,
  args: readonly string[] = [],
  entrypoint?: readonly string[],
): readonly string[] {
  const argv = entrypoint === undefined ? argvOf(service, image, args) : [...entrypoint, ...args];
  if (argv.length === 0) {
    throw new MinkeError('IMAGE_INVALID', {
      image: image.reference,
      reason: `it has no command, and "${service.name}" names none`,
    });
  }
  return argv;
}

function argvOf(service: Program, { config }: ReadyImage, args: readonly string[]): readonly string[] {
  if (isPacked(service)) return [...config.entrypoint, ...config.command, ...args];
  const hasEntrypoint = service.entrypoint !== undefined && service.entrypoint.length > 0;
  const command = service.command ?? (hasEntrypoint ? [] : config.command);
  return [...(service.entrypoint ?? config.entrypoint), ...(args.length > 0 ? args : command)];
}
