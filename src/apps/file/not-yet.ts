import { isIPv4 } from 'node:net';
import type { ServiceModel } from '../../model/app.ts';
import type { FileContext } from './context.ts';
import type { Place } from './node.ts';
import type { ReadMount } from './read-mounts.ts';

/**
 * Keys that are read and checked, stand in the model, and are not carried out yet. Each is refused by one function here and
 * nowhere else: whoever carries a key out takes its function away.
 */
export interface Asked {
  readonly mounts: readonly ReadMount[];
  readonly portsAt: Place;
  readonly dnsAt: Place;
  readonly cpusetAt: Place;
  readonly model: Pick<ServiceModel, 'published' | 'settings'>;
}

export function refuseNotYet(asked: Asked, context: FileContext): void {
  refuseResolvers(asked, context);
  refuseCpuset(asked, context);
  refuseSubpaths(asked, context);
  refuseHostAddresses(asked, context);
}

const later = 'it comes with a later version';

/** A container asks the app's own resolver, which asks those of the host. */
function refuseResolvers({ dnsAt, model }: Asked, { problems }: FileContext): void {
  if ((model.settings.dns?.servers ?? []).length === 0) return;
  problems.unsupported(dnsAt, `${later}; names outside are asked of the host's resolvers`, 'Take it out.');
}

/** The runtime makes no group below ours in the tree of cores (cgroup v1), so that nothing would hold a program to them. */
function refuseCpuset({ cpusetAt, model }: Asked, { problems }: FileContext): void {
  if (model.settings.cpuset === undefined) return;
  problems.unsupported(cpusetAt, later, 'Write cpus: 1 to limit how much of the cores it takes.');
}

/**
 * Between our look at the volume and the runtime's mount, who writes into it may put a symbolic link in the place of the folder,
 * and be given the host's. A descriptor would hold it, but not across the mount namespaces that lie between.
 */
function refuseSubpaths({ mounts }: Asked, { problems }: FileContext): void {
  for (const { mount, at } of mounts) {
    if (mount.subpath !== undefined)
      problems.unsupported(
        at,
        `its "subpath" comes with a later version`,
        'Take it out, and name the folder in the program.',
      );
  }
}

/** What carries them from the host to the app's network speaks IPv4 there. */
function refuseHostAddresses({ portsAt, model }: Asked, { problems }: FileContext): void {
  const other = model.published.find(({ hostIp }) => hostIp !== undefined && !isIPv4(hostIp));
  if (other === undefined) return;
  const reason = `"${other.hostIp}" is no IPv4 address; others come with a later version`;
  problems.unsupported(portsAt, reason, 'Write an address such as 127.0.0.1, or none for all of them.');
}
