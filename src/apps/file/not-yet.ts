import type { ServiceModel } from '../../model/app.ts';
import type { FileContext } from './context.ts';
import type { Place } from './node.ts';
import type { ReadDependency } from './read-dependencies.ts';
import type { ReadReplicas } from './read-deploy.ts';
import type { ReadMount } from './read-mounts.ts';
import type { ReadAttachment, ReadNetwork } from './read-networks.ts';
import type { ReadRestart } from './read-restart.ts';
import { warnAt } from './warnings.ts';

/**
 * Keys that are read and checked, stand in the model, and are not carried out yet. Each is refused by one function here and
 * nowhere else: whoever carries a key out takes its function away.
 */
export interface Asked {
  readonly healthcheckAt: Place | undefined;
  readonly dependencies: readonly ReadDependency[];
  readonly restart: ReadRestart | undefined;
  readonly replicas: ReadReplicas | undefined;
  readonly mounts: readonly ReadMount[];
  readonly portsAt: Place;
  readonly dnsAt: Place;
  readonly cpusetAt: Place;
  readonly model: Pick<ServiceModel, 'kind' | 'published' | 'settings'>;
}

export function refuseNotYet(asked: Asked, context: FileContext): void {
  refuseHealthcheck(asked, context);
  refuseConditions(asked, context);
  refuseRestartBounds(asked, context);
  refuseReplicas(asked, context);
  refuseResolvers(asked, context);
  refuseCpuset(asked, context);
  refuseSubpaths(asked, context);
  warnOfPublished(asked, context);
}

const later = 'it comes with a later version';

function refuseHealthcheck({ healthcheckAt }: Asked, { problems }: FileContext): void {
  if (healthcheckAt !== undefined) problems.unsupported(healthcheckAt, later, 'Take it out.');
}

function refuseConditions({ dependencies }: Asked, { problems }: FileContext): void {
  for (const { model, conditionAt, restartAt } of dependencies) {
    if (model.condition !== 'service_started') {
      const mend = 'Write service_started: minke waits until the port of a service answers.';
      problems.unsupported(conditionAt, `"${model.condition}" comes with a later version`, mend);
    }
    if (model.restart) problems.unsupported(restartAt, later, 'Take it out.');
  }
}

function refuseRestartBounds({ restart }: Asked, { problems }: FileContext): void {
  if (restart === undefined || Object.keys(restart.bounds).length === 0) return;
  problems.unsupported(restart.at, 'a limit of restarts comes with a later version', 'Write restart: on-failure.');
}

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

function refuseReplicas({ replicas }: Asked, { problems }: FileContext): void {
  if (replicas === undefined || replicas.count === 1) return;
  problems.unsupported(replicas.at, 'scaling comes with a later version', 'Write 1, or take it out.');
}

/** Not an error: nearly every Compose file publishes ports, and the app itself works without. */
function warnOfPublished({ model, portsAt }: Asked, context: FileContext): void {
  if (model.kind !== 'service' || !model.published.some(({ hostPorts }) => hostPorts !== undefined)) return;
  const reason = 'ports of the host come with a later version; the service answers inside its app';
  const mend = 'Give it an x-minke.route to reach it through the gateway.';
  warnAt(portsAt, { reason, mend }, context);
}

/**
 * An app has one network as yet. That is what a file means whose services are all on the same ones, whatever they are called;
 * what is to be kept apart is refused.
 */
export function refuseSeparation(
  services: readonly { readonly attachments: readonly ReadAttachment[] }[],
  networks: ReadonlyMap<string, ReadNetwork>,
  { problems }: FileContext,
): void {
  for (const { model, internalAt } of networks.values()) {
    if (model.internal) problems.unsupported(internalAt, later, 'Take it out, and write x-minke: {outbound: none}.');
  }
  const joined = services.map(({ attachments }) => attachments).filter((attachments) => attachments.length > 0);
  const setOf = (attachments: readonly ReadAttachment[]): string =>
    attachments
      .map(({ model }) => model.network)
      .toSorted()
      .join();
  const usual = setOf(joined[0] ?? []);
  const other = joined.find((attachments) => setOf(attachments) !== usual)?.[0];
  if (other === undefined) return;
  const reason = 'networks that keep services of one app apart come with a later version';
  problems.unsupported(other.at, reason, 'Put all services on the same networks, or take "networks" out.');
}
