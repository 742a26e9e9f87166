import { attachmentsOf, ownNetwork } from '../../dockerapi/attachments.ts';
import type { Network } from '../../dockerapi/networks.ts';
import { MinkeError } from '../../errors/index.ts';
import type { AppModel, ServiceModel } from '../../model/app.ts';
import { containerLabel, declaredBy, isDeclared } from '../../model/declared.ts';
import { shortId, type Id } from '../../model/ids.ts';
import type { RunOptions } from '../../model/run.ts';

export interface DeclaredFunction {
  readonly id: Id;
  readonly service: ServiceModel;
  readonly options: RunOptions;
  /** Of the operator's, that it is on. */
  readonly networks: readonly Network[];
}

/**
 * The app with this function as well. Its network goes by the name that containers know it by.
 * @throws CONFLICT where an app file or another container has its name, or has one of its routes
 */
export function withFunction(app: string, model: AppModel | undefined, declared: DeclaredFunction): AppModel {
  const before = model ?? { services: {}, volumes: {}, networks: {} };
  if (model !== undefined && !isDeclared(model))
    throw new MinkeError('CONFLICT', { reason: `The app "${app}" is described by an app file; take it down first` });
  const service = placed(declared);
  const others = Object.values(before.services).filter((one) => declaredBy(one) !== declared.id);
  for (const other of others) refuseClash(app, service, other);
  return {
    name: app,
    folder: '/',
    services: { ...before.services, [service.name]: service },
    volumes: { ...before.volumes, ...volumesOf(declared.options) },
    networks: { ...before.networks, ...networksOf(app, declared.networks) },
    secrets: {},
    configs: {},
  };
}

/** What is left when this container's function is gone; undefined: nothing. */
export function withoutFunction(model: AppModel, id: Id): AppModel | undefined {
  const services = Object.values(model.services).filter((service) => declaredBy(service) !== id);
  const named = Object.fromEntries(services.map((service) => [service.name, service]));
  return services.length === 0 ? undefined : { ...model, services: named };
}

function placed({ id, service, options }: DeclaredFunction): ServiceModel {
  const own = [...(options.name === undefined ? [] : [options.name]), shortId(id)];
  return {
    ...service,
    labels: { ...service.labels, [containerLabel]: id },
    networks: attachmentsOf(options).map(({ network, aliases }) => ({
      network: network === ownNetwork ? 'default' : network,
      aliases: [...aliases, ...own],
    })),
  };
}

const networksOf = (app: string, networks: readonly Network[]): AppModel['networks'] => ({
  default: { name: `${app}_default`, internal: false },
  ...Object.fromEntries(networks.map(({ name, isInternal }) => [name, { name, internal: isInternal }])),
});

function refuseClash(app: string, service: ServiceModel, other: ServiceModel): void {
  const clash = (what: string): never => {
    const by = shortId(declaredBy(other) ?? '');
    throw new MinkeError('CONFLICT', { reason: `${what} of "${app}" belongs to the container ${by} already` });
  };
  if (other.name === service.name) clash(`The function "${service.name}"`);
  for (const { host, prefix } of service.routes)
    if (other.routes.some((route) => route.host === host && route.prefix === prefix))
      clash(`The route "${host ?? ''}${prefix}"`);
}

const volumesOf = ({ mounts = [] }: RunOptions): AppModel['volumes'] =>
  Object.fromEntries(
    mounts.flatMap(({ type, source }) =>
      type === 'volume' && source !== undefined ? [[source, { name: source, external: false }]] : [],
    ),
  );
