import { MinkeError } from '../errors/index.ts';
import { sendJson, sendNothing } from './answer.ts';
import { appOf } from './app-of.ts';
import { attachmentsOf, readEndpoint, withAttachments } from './attachments.ts';
import { isRunning, namedContainer, type Call, type Desk } from './call.ts';
import { nameOf } from './container-view.ts';
import type { Container } from './containers.ts';
import { asked, harmless, isZero, refused, type CreateFields } from './create-fields.ts';
import { matchesName, passes, passesLabels, readFilters } from './filters.ts';
import { flagOf, textOf } from './json-values.ts';
import { isObject, type Json } from './json.ts';
import { nanoTime } from './log-view.ts';
import { findNetwork, type Network } from './networks.ts';
import { readOperatorBody } from './operator-body.ts';
import { labelsOf } from './translate.ts';

const networkFields: CreateFields = {
  Name: asked,
  Internal: asked,
  Labels: asked,
  CheckDuplicate: harmless('no two have one name'),
  Attachable: harmless('every container may be on it'),
  EnableIPv4: harmless('it has no other'),
  Scope: refused('it is on this machine', { isNeutral: (value) => isZero(value) || value === 'local' }),
  Driver: refused('networks are made by minke', {
    isNeutral: (value) => isZero(value) || value === 'bridge' || value === 'default',
  }),
  IPAM: refused('addresses are given by minke', { isNeutral: isOwnAddressing }),
  EnableIPv6: refused('addresses are IPv4'),
  Ingress: refused('this minke is not part of a cluster'),
  ConfigOnly: refused('this minke is not part of a cluster'),
  ConfigFrom: refused('this minke is not part of a cluster', {
    isNeutral: (value) => isZero(value) || (isObject(value) && Object.values(value).every(isZero)),
  }),
  Options: refused('networks have no options'),
};

function isOwnAddressing(value: Json): boolean {
  if (!isObject(value)) return isZero(value);
  return Object.entries(value).every(([key, one]) => isZero(one) || (key === 'Driver' && one === 'default'));
}

export async function createNetwork(desk: Desk, call: Call): Promise<void> {
  const body = readOperatorBody(call.body, networkFields, 'networks/create');
  const name = textOf(body['Name'], 'Name');
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name))
    throw new MinkeError('BAD_REQUEST', {
      reason: `"${name}" is not a name for a network: letters, digits, "_", "." and "-"`,
    });
  const isTaken = builtIn.some((one) => one.name === name) || desk.networks.list().some((one) => one.name === name);
  if (isTaken || reserved.includes(name))
    throw new MinkeError('CONFLICT', { reason: `network with name ${name} already exists` });
  const { id } = desk.networks.create({
    name,
    isInternal: flagOf(body['Internal'], 'Internal'),
    labels: labelsOf(body['Labels']),
  });
  sendJson(call.response, 201, { Id: id, Warning: '' });
}

export async function listNetworks(desk: Desk, call: Call): Promise<void> {
  const filters = readFilters(call.target.query, ['name', 'id', 'label', 'driver', 'scope', 'type', 'dangling']);
  const containers = await onNetworks(desk);
  const shown = [...builtIn, ...desk.networks.list()].filter((network) => {
    const isOwn = builtIn.includes(network);
    const isFree = !isOwn && !containers.some((one) => isOn(one, network.name));
    return (
      passes(filters, 'name', (wanted) => matchesName(wanted, network.name)) &&
      passes(filters, 'id', (wanted) => network.id.startsWith(wanted)) &&
      passes(filters, 'driver', (wanted) => wanted === driverOf(network)) &&
      passes(filters, 'scope', (wanted) => wanted === 'local') &&
      passes(filters, 'type', (wanted) => (wanted === 'builtin') === isOwn) &&
      passes(filters, 'dangling', (wanted) => ['true', '1'].includes(wanted) === isFree) &&
      passesLabels(filters, network.labels)
    );
  });
  sendJson(
    call.response,
    200,
    shown.map((network) => networkView(network, [])),
  );
}

export async function inspectNetwork(desk: Desk, call: Call): Promise<void> {
  const network = namedNetwork(desk, call);
  const here = (await onNetworks(desk)).filter((one) => isRunning(one) && isOn(one, network.name));
  sendJson(call.response, 200, networkView(network, here));
}

export async function removeNetwork(desk: Desk, call: Call): Promise<void> {
  const network = namedNetwork(desk, call);
  if (builtIn.includes(network))
    throw new MinkeError('CONFLICT', { reason: `${network.name} is a pre-defined network and cannot be removed` });
  const user = (await onNetworks(desk)).find((one) => isRunning(one) && isOn(one, network.name));
  if (user !== undefined)
    throw new MinkeError('CONFLICT', { reason: `network ${network.name} has active endpoints: ${nameOf(user)}` });
  desk.networks.remove(network.name);
  sendNothing(call.response, 204);
}

export async function pruneNetworks(desk: Desk, call: Call): Promise<void> {
  const filters = readFilters(call.target.query, ['label']);
  const containers = await onNetworks(desk);
  const unused = desk.networks
    .list()
    .filter(({ name, labels }) => !containers.some((one) => isOn(one, name)) && passesLabels(filters, labels));
  for (const { name } of unused) desk.networks.remove(name);
  sendJson(call.response, 200, { NetworksDeleted: unused.map(({ name }) => name) });
}

const connectFields: CreateFields = { Container: asked, EndpointConfig: asked };

export async function connectNetwork(desk: Desk, call: Call): Promise<void> {
  const body = readOperatorBody(call.body, connectFields, 'networks/connect');
  const network = namedNetwork(desk, call);
  const container = await idleContainer(desk, call, textOf(body['Container'], 'Container'));
  if (isOn(container, network.name))
    throw new MinkeError('CONFLICT', {
      reason: `endpoint with name ${nameOf(container)} already exists in network ${network.name}`,
    });
  if (network.name === 'none') throw new MinkeError('CONFLICT', { reason: 'the network "none" is no network' });
  const attachment = readEndpoint(network.name, body['EndpointConfig']);
  const { id, app, options } = container.run;
  const attached = withAttachments([...attachmentsOf(options), attachment]);
  const found = appOf({ ...options, ...attached }, desk.networks);
  if (app !== found)
    throw new MinkeError('NOT_SUPPORTED', {
      what: `Connecting a container of the app "${app}" to a network of "${found}"`,
      reason: 'each app has a network of its own',
    });
  await desk.containers.change(id, attached);
  call.response.writeHead(200).end();
}

const disconnectFields: CreateFields = { Container: asked, Force: asked };

export async function disconnectNetwork(desk: Desk, call: Call): Promise<void> {
  const body = readOperatorBody(call.body, disconnectFields, 'networks/disconnect');
  const { name } = namedNetwork(desk, call);
  const container = await idleContainer(desk, call, textOf(body['Container'], 'Container'));
  if (!isOn(container, name))
    throw new MinkeError('CONFLICT', { reason: `container ${container.run.id} is not connected to network ${name}` });
  const left = attachmentsOf(container.run.options).filter(({ network }) => network !== name);
  await desk.containers.change(container.run.id, withAttachments(left));
  call.response.writeHead(200).end();
}

/** @throws NO_SUCH, NOT_SUPPORTED for one that runs */
async function idleContainer(desk: Desk, call: Call, reference: string): Promise<Container> {
  const container = await namedContainer(desk, { ...call, parameters: { container: reference } });
  if (!isRunning(container)) return container;
  throw new MinkeError('NOT_SUPPORTED', {
    what: 'Changing the networks of a container that runs',
    reason: 'its network is made for it at its start; stop it first',
  });
}

/** What every container is on, or not on, unless it says another. */
const builtIn: readonly Network[] = ['bridge', 'none'].map((name, index) => ({
  id: String(index).repeat(64),
  name,
  isInternal: name === 'none',
  labels: {},
  createdAt: 0,
}));

const reserved = ['default', 'host'];

const onNetworks = async ({ containers }: Desk): Promise<readonly Container[]> => await containers.list({});

function isOn({ run }: Container, name: string): boolean {
  const networks = attachmentsOf(run.options);
  return networks.length === 0 ? name === 'none' : networks.some(({ network }) => network === name);
}

function namedNetwork(desk: Desk, { parameters }: Call): Network {
  const name = parameters['network'] ?? '';
  return builtIn.find((one) => one.name === name || one.id === name) ?? findNetwork(desk.networks, name);
}

const driverOf = ({ name }: Network): string => (name === 'none' ? 'null' : 'bridge');

const networkView = (network: Network, containers: readonly Container[]): object => ({
  Name: network.name,
  Id: network.id,
  Created: nanoTime(network.createdAt),
  Scope: 'local',
  Driver: driverOf(network),
  EnableIPv4: true,
  EnableIPv6: false,
  IPAM: { Driver: 'default', Options: null, Config: [] },
  Internal: network.isInternal,
  Attachable: false,
  Ingress: false,
  ConfigFrom: { Network: '' },
  ConfigOnly: false,
  Containers: Object.fromEntries(
    containers.map((one) => [
      one.run.id,
      {
        Name: nameOf(one),
        EndpointID: '',
        MacAddress: '',
        IPv4Address: one.address === undefined ? '' : `${one.address}/32`,
        IPv6Address: '',
      },
    ]),
  ),
  Options: {},
  Labels: network.labels,
});
