import { MinkeError } from '../errors/index.ts';
import type { RunOptions } from '../model/run.ts';
import { sendJson } from './answer.ts';
import { appOf } from './app-of.ts';
import { isGone, scopeOf, type Call, type Desk } from './call.ts';
import type { Container, ContainerRequest } from './containers.ts';
import { publishAll } from './ports.ts';
import { findImage } from './targets.ts';
import type { AskedContainer } from './translate.ts';
import { isName, randomName } from './names.ts';

/** Records a container. Nothing starts: clients attach in between. */
export async function createContainer(desk: Desk, call: Call): Promise<void> {
  if (call.create === undefined)
    throw new MinkeError('BAD_REQUEST', { reason: 'containers/create takes a JSON object' });
  const name = await freeName(desk, call, call.create.options.name ?? '');
  const warnings = await checkTerminal(desk, call);
  const request = await requestOf(desk, call, name);
  const container = await desk.containers.create(request);
  desk.bulletin.post({ action: 'create', container, at: desk.clock.now() });
  sendJson(call.response, 201, { Id: container.run.id, Warnings: warnings });
}

/** @throws CONFLICT when the caller has a container of this name already; others' names are their own affair */
export async function freeName({ containers, pick }: Desk, { caller }: Call, asked: string): Promise<string> {
  const isTaken = async (name: string): Promise<boolean> => isThere(await containers.find(name, scopeOf(caller)));
  if (asked === '') {
    const name = randomName(pick);
    return (await isTaken(name)) ? `${name}_${pick(1_000_000)}` : name;
  }
  const name = asked.replace(/^\//, '');
  if (!isName(name))
    throw new MinkeError('BAD_REQUEST', {
      reason: `"${asked}" is not a name for a container: two or more letters, digits, "_", "." and "-"`,
    });
  if (await isTaken(name))
    throw new MinkeError('CONFLICT', { reason: `The container name "/${name}" is in use already` });
  return name;
}

/** What removed itself at its end has no name any more. */
const isThere = (container: Container | undefined): boolean => container !== undefined && !isGone(container);

/** Many clients ask for a terminal only to get one stream; who wants to type into one is told. */
async function checkTerminal(desk: Desk, { create }: Call): Promise<string[]> {
  if (create?.options.tty !== true || (await desk.info()).hasTerminals) return [];
  if (create.options.stdin === 'open')
    throw new MinkeError('NOT_SUPPORTED', {
      what: 'Tty',
      reason: 'there is no terminal to type into here; leave -t away',
    });
  return ['Tty: output comes as one raw stream, without a terminal behind it'];
}

async function requestOf(desk: Desk, { create, caller }: Call, name: string): Promise<ContainerRequest> {
  if (create === undefined) throw new MinkeError('BAD_REQUEST', { reason: 'containers/create takes a JSON object' });
  const { args, env, image } = create;
  const options = { ...create.options, name };
  if (caller.door === 'function' && create.function !== undefined) {
    const labels = {
      'minke.app': caller.app,
      'minke.function': create.function,
      'minke.caller': caller.name,
      'minke.parent': caller.instance,
    };
    return {
      app: caller.app,
      target: { function: create.function },
      args,
      env,
      options: { ...options, labels },
      parent: caller.instance,
    };
  }
  if (image === '') throw new MinkeError('BAD_REQUEST', { reason: '"Image" is missing' });
  const found = await findImage(desk.images, image);
  if (found === undefined) throw new MinkeError('NO_SUCH', { kind: 'image', name: image });
  const published = withPorts(create, options, found.config.exposedPorts);
  const attached = withNetworks(desk, published);
  return { app: appOf(attached, desk.networks), target: { image }, args, env, options: attached };
}

function withPorts(
  { exposedPorts, publishesAll }: AskedContainer,
  options: RunOptions,
  ofImage: readonly number[],
): RunOptions {
  if (!publishesAll) return options;
  const { ports = [] } = options;
  return {
    ...options,
    ports: [...ports, ...publishAll([...new Set([...exposedPorts, ...ofImage.map((port) => `${port}/tcp`)])], ports)],
  };
}

/** By the one name that each has; clients may say its id. */
function withNetworks({ networks }: Desk, options: RunOptions): RunOptions {
  const { attachments } = options;
  if (attachments === undefined) return options;
  // Clients take a 404 of a creation for an image that is missing: the start says it.
  const named = attachments.map((one) => ({ ...one, network: networks.find(one.network)?.name ?? one.network }));
  return { ...options, attachments: named };
}
