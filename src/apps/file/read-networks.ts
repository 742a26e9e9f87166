import type { AppModel, AttachmentModel, NetworkModel } from '../../model/app.ts';
import type { FileContext } from './context.ts';
import { openMap, type Fields, type Reader } from './fields.ts';
import { attachmentKeys, networkKeys } from './keys.ts';
import { isNull, wordsFor, type Node, type Place } from './node.ts';
import { isServiceName } from './project-name.ts';
import { readReference, type Reference } from './read-block.ts';
import { readBoolean, readList, readPairs, readWord } from './readers.ts';

/** The networks of a file by key, `default` always among them. */
export function readNetworks(fields: Fields, project: string, context: FileContext): AppModel['networks'] {
  const { problems } = context;
  const node = fields.node('networks');
  const plain = (key: string): NetworkModel => ({ name: `${project}_${key}`, internal: false });
  const networks = new Map([['default', plain('default')]]);
  if (node !== undefined && node.kind !== 'map') {
    problems.badValue(node.at, wordsFor(node), 'it must be a mapping of names', 'Write networks: {NAME: }.');
  } else {
    for (const [key, { value }] of node?.entries ?? []) {
      const network = isNull(value) ? plain(key) : readNetwork(plain(key))(value, problems);
      if (network !== undefined) networks.set(key, network);
    }
  }
  return Object.fromEntries(networks);
}

const readNetwork =
  (plain: NetworkModel): Reader<NetworkModel> =>
  (node, problems) => {
    const fields = openMap(node, networkKeys, problems);
    if (fields === undefined) return undefined;
    const external = fields.node('external');
    if (external !== undefined && (external.kind !== 'scalar' || readBoolean(external, problems) === true)) {
      const mend = 'Take "external" out: the network is then the app\'s own.';
      problems.unsupported(fields.placeOf('external'), 'no network is shared between apps', mend);
    }
    const driver = fields.read('driver', readWord);
    if (driver !== undefined && !['bridge', 'default', 'overlay'].includes(driver)) {
      const reason = `"${driver}" would join networks outside the app`;
      problems.unsupported(fields.placeOf('driver'), reason, 'Take it out.');
    }
    fields.read('attachable', readBoolean);
    fields.read('labels', readPairs);
    const internal = fields.read('internal', readBoolean) ?? false;
    return { name: fields.read('name', readWord) ?? plain.name, internal };
  };

export interface ReadAttachment {
  readonly model: AttachmentModel;
  readonly at: Place;
}

/** `networks` or `network_mode` of a service; without either it is on `default`. */
export function readAttachments(fields: Fields, { problems }: FileContext): readonly ReadAttachment[] {
  const mode = fields.read('network_mode', readMode);
  const named = fields.read('networks', readNamed);
  if (mode !== undefined && named !== undefined) {
    problems.badValue(
      fields.placeOf('network_mode'),
      'a second network',
      '"networks" names one',
      'Keep one of the two.',
    );
  }
  if (mode === 'none') return [];
  return named ?? [{ model: { network: 'default', aliases: [] }, at: fields.at }];
}

/** `bridge` and `default` are the app's own network. */
const readMode: Reader<'none' | 'bridge'> = (node, problems) => {
  const mode = node.kind === 'scalar' ? node.text : '';
  if (mode === 'none' || mode === 'bridge') return mode;
  if (mode === 'default') return 'bridge';
  const reason = 'services are kept apart from the host, and each has a network namespace of its own';
  problems.unsupported(node.at, reason, 'Take it out: the services of an app reach one another by name.');
  return undefined;
};

const readNamed: Reader<readonly ReadAttachment[]> = (node, problems) => {
  if (node.kind !== 'map') return readList(readReference)(node, problems)?.map(plainAttachment);
  return [...node.entries].map(([name, { key, value }]) => {
    const aliases = isNull(value) ? undefined : readAliases(value, problems);
    return { model: { network: name, aliases: aliases ?? [] }, at: key };
  });
};

const plainAttachment = ({ name, at }: Reference): ReadAttachment => ({ model: { network: name, aliases: [] }, at });

const readAliases: Reader<readonly string[]> = (node, problems) =>
  openMap(node, attachmentKeys, problems)?.read('aliases', readList(readAlias));

export const readAlias: Reader<string> = (node: Node, problems) => {
  const name = readWord(node, problems)?.toLowerCase();
  // Dots are let through: `db.internal` is a name that people give.
  if (name === undefined || name.split('.').every(isServiceName)) return name;
  problems.badValue(node.at, wordsFor(node), 'it must be a host name', 'Use a-z, 0-9, "-", "_" and ".".');
  return undefined;
};
