import { MinkeError } from '../../errors/index.ts';
import type { ServiceModel } from '../../model/app.ts';
import type { FileContext } from './context.ts';
import type { Place } from './node.ts';
import type { ReadDependency } from './read-dependencies.ts';
import type { ReadReplicas } from './read-deploy.ts';
import type { ReadAttachment, ReadNetwork } from './read-networks.ts';
import type { ReadRestart } from './read-restart.ts';

/**
 * Keys that are read and checked, stand in the model, and are not carried out yet. Each is refused by one function here and
 * nowhere else: whoever carries a key out takes its function away.
 */
export interface Asked {
  readonly healthcheckAt: Place | undefined;
  readonly dependencies: readonly ReadDependency[];
  readonly restart: ReadRestart | undefined;
  readonly replicas: ReadReplicas | undefined;
  readonly portsAt: Place;
  readonly model: Pick<ServiceModel, 'kind' | 'published'>;
}

export function refuseNotYet(asked: Asked, context: FileContext): void {
  refuseHealthcheck(asked, context);
  refuseConditions(asked, context);
  refuseRestartBounds(asked, context);
  refuseReplicas(asked, context);
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

function refuseReplicas({ replicas }: Asked, { problems }: FileContext): void {
  if (replicas === undefined || replicas.count === 1) return;
  problems.unsupported(replicas.at, 'scaling comes with a later version', 'Write 1, or take it out.');
}

/** Not an error: nearly every Compose file publishes ports, and the app itself works without. */
function warnOfPublished({ model, portsAt }: Asked, { warn }: FileContext): void {
  if (model.kind !== 'service' || !model.published.some(({ hostPorts }) => hostPorts !== undefined)) return;
  const { file, line, path } = portsAt;
  const reason = 'ports of the host come with a later version; the service answers inside its app';
  const mend = 'Give it an x-minke.route to reach it through the gateway.';
  warn(new MinkeError('APP_FILE_UNSUPPORTED_KEY', { place: `${file}:${line}`, line, key: path, reason, mend }));
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
