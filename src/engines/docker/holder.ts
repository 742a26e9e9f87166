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
  const { places, hasOwnGroups } = context;
  const name = holderName(places, spec.id);
  await createOf(context, spec, name, {
    Image: image,
    Entrypoint: [target],
    Cmd: [],
    Hostname: spec.hostname,
    ...(spec.settings?.domainname === undefined ? {} : { Domainname: spec.settings.domainname }),
    User: '65534:65534',
    WorkingDir: '/',
    Labels: ownLabels(places, spec, 'holder'),
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      Mounts: [{ Type: 'bind', Source: places.hold, Target: target, ReadOnly: true }],
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: 64,
      LogConfig: { Type: 'none' },
      ...(hasOwnGroups ? { CgroupParent: `${places.cgroup}/holders` } : {}),
    },
  });
  await startContainer(context, name, spec.name);
  const pid = (await inspectContainer(context, name))?.State.Pid ?? 0;
  if (pid === 0)
    throw new MinkeError('INSTANCE_START_FAILED', { name: spec.name, reason: 'its network did not start' });
  return `/proc/${pid}/ns/net`;
}

/** For this machine's processor. @throws NOT_SUPPORTED */
export function writeHoldProgram(file: string): void {
  if (existsSync(file)) return;
  writeFileSync(file, waitingProgram(process.arch));
  chmodSync(file, 0o755);
}
