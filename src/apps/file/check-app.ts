import { isOnDemand, type AppModel, type VolumeModel } from '../../model/app.ts';
import { checkConditions } from './check-conditions.ts';
import type { FileContext } from './context.ts';
import { suggestion } from './problems.ts';
import type { Problems } from './problems.ts';
import type { ReadService } from './read-service.ts';
import { routeText } from './read-route.ts';
import { isServiceName } from './project-name.ts';

/** What the top level of a file declares, for services to name. */
export interface Declared {
  readonly volumes: AppModel['volumes'];
  readonly networks: AppModel['networks'];
  readonly secrets: AppModel['secrets'];
  readonly configs: AppModel['configs'];
}

/** What no service can know by itself: names that must exist, routes that must not clash, orders that must have a start. */
export function checkApp(services: ReadonlyMap<string, ReadService>, declared: Declared, context: FileContext): void {
  const { problems } = context;
  const names = [...services.keys()];
  for (const service of services.values()) {
    checkName(service, problems);
    checkProgram(service, problems);
    checkPorts(service, problems);
    checkReplicas(service, problems);
    checkReferences(service, names, context);
    checkMounts(service, declared.volumes, context);
    checkAttachments(service, declared.networks, problems);
    checkGrants(service, declared, problems);
  }
  checkPublished(services, problems);
  checkAliases(services, problems);
  checkRoutes(services, problems);
  checkConditions(services, problems);
  checkCycles(services, problems);
}

function checkName({ model, at }: ReadService, problems: Problems): void {
  if (isServiceName(model.name)) return;
  const better = model.name
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[-_]+|[-_]+$/g, '')
    .slice(0, 63);
  const mend = isServiceName(better) ? `Did you mean "${better}"?` : 'Choose another name.';
  problems.badValue(at, 'no host name', 'a service answers to its name: a-z, 0-9, "-" and "_", at most 63', mend);
}

function checkProgram({ model, at, packAt, hasBuild }: ReadService, problems: Problems): void {
  if (model.image === undefined && !hasBuild) {
    const what = model.kind === 'service' ? 'a service' : `a ${model.kind} function`;
    problems.badValue(
      at,
      `${what} without a program`,
      'it has neither "image" nor "build"',
      `Write build: ./${model.name}, or image: NAME.`,
    );
  }
  if (packAt !== undefined && model.build?.dockerfile !== undefined) {
    problems.badValue(
      packAt,
      'for a folder with a Dockerfile',
      'a Dockerfile is built, not packed',
      'Take "pack" out, or remove the Dockerfile.',
    );
  }
  if (packAt !== undefined && !hasBuild && model.image !== undefined) {
    problems.badValue(
      packAt,
      'for an image',
      'only a folder is packed',
      `Write build: ./${model.name} instead of the image.`,
    );
  }
}

function checkPorts({ model, at, portsAt, routes }: ReadService, problems: Problems): void {
  if (portsAt !== undefined && model.kind !== 'service') {
    const mend = model.kind === 'task' ? 'Take it out.' : 'Take it out, and give it an x-minke.route.';
    problems.badValue(portsAt, 'given for a function', 'functions are reached through the gateway or by name', mend);
  }
  if (model.published.length > 0 && model.kind === 'service' && model.networks.length === 0) {
    const reason = 'nobody reaches a service without a network';
    problems.badValue(portsAt ?? at, 'given for "network_mode: none"', reason, 'Take one of the two out.');
  }
  if (isOnDemand(model) && model.published.length > 0) {
    const reason = 'a service that is started by its first connection has no ports of the host yet';
    problems.unsupported(portsAt ?? at, reason, 'Write expose in their place, or take "scale" out.');
  }
  if (isOnDemand(model) && model.ports.length === 0) {
    const what = 'started by its first connection without a port';
    problems.badValue(at, what, 'minke does not know when it is ready', 'Write expose: ["8080"].');
  }
  if (model.kind === 'service' && routes.length > 0 && model.ports.length === 0) {
    problems.badValue(
      routes[0]?.at ?? at,
      'given for a service without a port',
      'the gateway does not know where to connect',
      'Write expose: ["8080"].',
    );
  }
}

/** How many of them there are is for those who call to say. */
function checkReplicas({ model, at, replicasAt = at }: ReadService, problems: Problems): void {
  if (model.replicas === 1) return;
  const value = `"${model.replicas}"`;
  if (model.kind !== 'service') {
    const mend =
      model.kind === 'http' && model.replicas > 0
        ? `Write x-minke: {scale: {max: ${model.replicas}}}.`
        : 'Take it out.';
    problems.badValue(replicasAt, value, 'instances of a function come and go with those who call it', mend);
  } else if (isOnDemand(model)) {
    const reason = 'there is never more than one of a service that is started by its first connection';
    problems.badValue(replicasAt, value, reason, 'Take one of the two out.');
  }
}

function checkReferences(
  { model, mayRun, dependsOn }: ReadService,
  names: readonly string[],
  { problems, inactive }: FileContext,
): void {
  for (const { name, at } of mayRun) {
    if (!names.includes(name) && !inactive.has(name))
      problems.badReference(at, name, 'a service or function of this file', suggestion(name, names));
  }
  const others = names.filter((name) => name !== model.name);
  for (const { model: dependency, at } of dependsOn) {
    const { name, required } = dependency;
    if (!required || names.includes(name)) continue;
    const profile = inactive.get(name);
    if (profile === undefined) problems.badReference(at, name, 'a service of this file', suggestion(name, others));
    else {
      const mend = `Activate it: --profile ${profile}, or write required: false.`;
      problems.badReference(at, name, `active: it belongs to the profile "${profile}"`, mend);
    }
  }
}

function checkAttachments({ attachments }: ReadService, networks: Declared['networks'], problems: Problems): void {
  for (const { model, at } of attachments) {
    if (!Object.hasOwn(networks, model.network)) {
      const mend = `Add "${model.network}:" under the top-level "networks".`;
      problems.badReference(at, model.network, 'declared under the top-level "networks"', mend);
    }
  }
}

function checkGrants({ grants }: ReadService, declared: Declared, problems: Problems): void {
  const targets = new Set<string>();
  for (const { model, at } of grants) {
    const { kind, source, target } = model;
    if (targets.has(target))
      problems.badValue(at, `a second file at ${target}`, 'one path holds one file', 'Keep one of the two.');
    targets.add(target);
    if (!Object.hasOwn(declared[`${kind}s`], source)) {
      const mend = `Add at the top level: ${kind}s: {${source}: {file: ./FILE}}`;
      problems.badReference(at, source, `declared under the top-level "${kind}s"`, mend);
    }
  }
}

function checkMounts(
  { mounts }: ReadService,
  volumes: Readonly<Record<string, VolumeModel>>,
  context: FileContext,
): void {
  const { problems, host } = context;
  const targets = new Set<string>();
  for (const { mount, at } of mounts) {
    const { type, source = '', target } = mount;
    if (targets.has(target))
      problems.badValue(at, `a second mount at ${target}`, 'one path holds one mount', 'Keep one of the two.');
    targets.add(target);
    if (type === 'volume' && !Object.hasOwn(volumes, source)) {
      const mend =
        Object.keys(volumes).length === 0
          ? `Add at the top level: volumes: {${source}: }`
          : volumeMend(source, volumes);
      problems.badReference(at, source, 'declared under the top-level "volumes"', mend);
    }
    if (type === 'bind' && host.kindOf(source) === 'none') {
      problems.badReference(at, source, 'a file or folder of this host', `Make it: mkdir -p ${source}`);
    }
  }
}

function volumeMend(source: string, volumes: Readonly<Record<string, VolumeModel>>): string {
  const text = suggestion(source, Object.keys(volumes));
  return text.startsWith('Did') ? text : `Add "${source}:" under the top-level "volumes".`;
}

/** On a network a name leads to one service: which of two would answer is not for chance to say. */
function checkAliases(services: ReadonlyMap<string, ReadService>, problems: Problems): void {
  const owners = new Map<string, string>();
  const complained = new Set<string>();
  const isOn = (name: string, network: string): boolean =>
    services.get(name)?.attachments.some(({ model }) => model.network === network) === true;
  for (const { model, at, attachments } of services.values()) {
    for (const attachment of attachments) {
      const { network, aliases } = attachment.model;
      const own = model.aliases.map((alias) => ({ alias, place: at }));
      for (const { alias, place } of [...own, ...aliases.map((one) => ({ alias: one, place: attachment.at }))]) {
        const key = `${network} ${alias}`;
        const owner = isOn(alias, network) ? alias : (owners.get(key) ?? model.name);
        owners.set(key, owner);
        const complaint = `${model.name} ${alias} ${place.path}`;
        if (owner === model.name || complained.has(complaint)) continue;
        complained.add(complaint);
        const reason = `"${owner}" answers to it already`;
        problems.badValue(place, `called "${alias}" as well`, reason, 'Choose another alias.');
      }
    }
  }
}

/** A port of the host leads to one service. Where there is a choice, it is made when the app comes up. */
function checkPublished(services: ReadonlyMap<string, ReadService>, problems: Problems): void {
  const owners = new Map<string, string>();
  for (const { model, at, portsAt = at } of services.values()) {
    for (const { hostPorts, hostIp = '', protocol } of model.published) {
      if (hostPorts === undefined || hostPorts[0] !== hostPorts[1]) continue;
      const port = `${hostPorts[0]}/${protocol}`;
      const owner = owners.get(`${hostIp} ${port}`);
      owners.set(`${hostIp} ${port}`, model.name);
      if (owner === undefined) continue;
      const reason = owner === model.name ? 'it is published already' : `"${owner}" has it already`;
      problems.badValue(portsAt, `the port ${port} of the host`, reason, 'Choose another port of the host.');
    }
  }
}

function checkRoutes(services: ReadonlyMap<string, ReadService>, problems: Problems): void {
  const owners = new Map<string, string>();
  for (const { model, routes } of services.values()) {
    for (const { route, at } of routes) {
      const text = routeText(route);
      const owner = owners.get(text);
      if (owner !== undefined) problems.routeClash(at, text, owner, `Give "${model.name}" another route.`);
      else owners.set(text, model.name);
    }
  }
}

/** Reports each circle once, at the line that closes it. */
function checkCycles(services: ReadonlyMap<string, ReadService>, problems: Problems): void {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    if (done.has(name)) return;
    for (const {
      model: { name: next },
      at,
    } of services.get(name)?.dependsOn ?? []) {
      const start = [...path, name].indexOf(next);
      if (start !== -1) {
        const circle = [...[...path, name].slice(start), next].map((one) => `"${one}"`).join(' needs ');
        problems.cycle(at, `${circle}, so that none can start first`, 'Take one of them out of "depends_on".');
      } else visit(next, [...path, name]);
    }
    done.add(name);
  };
  for (const name of services.keys()) visit(name, []);
}
