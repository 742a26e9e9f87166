import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { MinkeError } from '../../errors/index.ts';
import type { InstanceSpec } from '../../model/instance.ts';
import { createOf, inspectContainer, startContainer } from './containers.ts';
import type { Context } from './context.ts';
import { waitingProgram } from './waiting-program.ts';
import { holderName } from './places.ts';
import { ownLabels } from './record.ts';

/** Where the holder's program is shown in it. */
const target = '/.minke-hold';

/**
 * A container that does nothing but have a network namespace. Docker makes an instance's namespace and its process in one step,
 * so that no network could be there before the program looks for it; in the namespace of another container it is. Answers the
 * file of the namespace. Host name and domain are the holder's, which the instance shares with the namespace.
 */
export async function startHolder(context: Context, spec: InstanceSpec, image: string): Promise<string> {
  const { places } = context;
  const name = holderName(places, spec.id);
  await createOf(context, spec, name, {
    ...waitingConfig(context, { image, labels: ownLabels(places, spec, 'holder'), target, readOnlyRoot: true }),
    Hostname: spec.hostname,
    ...(spec.settings?.domainname === undefined ? {} : { Domainname: spec.settings.domainname }),
  });
  await startContainer(context, name, spec.name);
  const pid = (await inspectContainer(context, name))?.State.Pid ?? 0;
  if (pid === 0)
    throw new MinkeError('INSTANCE_START_FAILED', { name: spec.name, reason: 'its network did not start' });
  return `/proc/${pid}/ns/net`;
}

export interface Waiting {
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Where the program is shown in it. */
  readonly target: string;
  /** What else is. */
  readonly mounts?: readonly object[];
  readonly readOnlyRoot: boolean;
}

/** Of a container that waits until it is killed. */
export const waitingConfig = (
  { places, hasOwnGroups }: Pick<Context, 'places' | 'hasOwnGroups'>,
  { image, labels, target: shownAt, mounts = [], readOnlyRoot }: Waiting,
): object => ({
  Image: image,
  Entrypoint: [shownAt],
  Cmd: [],
  User: '65534:65534',
  WorkingDir: '/',
  Labels: labels,
  Healthcheck: { Test: ['NONE'] },
  HostConfig: {
    NetworkMode: 'none',
    ReadonlyRootfs: readOnlyRoot,
    Mounts: [{ Type: 'bind', Source: places.hold, Target: shownAt, ReadOnly: true }, ...mounts],
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    PidsLimit: 64,
    LogConfig: { Type: 'none' },
    ...(hasOwnGroups ? { CgroupParent: `${places.cgroup}/holders` } : {}),
  },
});

/** For this machine's processor. @throws NOT_SUPPORTED */
export function writeHoldProgram(file: string): void {
  if (existsSync(file)) return;
  writeFileSync(file, waitingProgram(process.arch));
  chmodSync(file, 0o755);
}
