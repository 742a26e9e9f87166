import { resolve } from 'node:path';
import { MinkeError } from '../../../errors/index.ts';
import { openMap } from '../fields.ts';
import { extendsKeys } from '../keys.ts';
import type { Entry, MapNode, Node, Place } from '../node.ts';
import { suggestion } from '../problems.ts';
import { readWord } from '../readers.ts';
import { mergeServices } from './merge-files.ts';
import { readSource, refuseAbsent, shownAs, type Reading, type Source } from './read-source.ts';

/**
 * `extends`: a service with what another one says beneath it, of the same file or of another, which may extend a third.
 * Relative paths stay those of the file that writes them.
 */
export function extendServices(root: MapNode, source: Source, reading: Reading): MapNode {
  const services = servicesOf(root);
  if (services === undefined) return root;
  const extending: Extending = { reading, files: new Map([[source.path, root]]), circles: new Set() };
  const entries = [...services.entries].map(([name, { key, value }]): [string, Entry] => {
    const whole = value.kind === 'map' ? extended(value, { source, service: name, path: [] }, extending) : value;
    return [name, { key, value: whole ?? value }];
  });
  return withServices(root, { ...services, entries: new Map(entries) });
}

interface Extending {
  readonly reading: Reading;
  /** Trees by path; undefined for a file that could not be read. */
  readonly files: Map<string, MapNode | undefined>;
  /** Circles that were reported, which every service on them would meet. */
  readonly circles: Set<string>;
}

interface Where {
  readonly source: Source;
  readonly service: string;
  /** Services on the way here, as `FILE#NAME`. */
  readonly path: readonly string[];
}

const servicesOf = (root: MapNode): MapNode | undefined => {
  const services = root.entries.get('services')?.value;
  return services?.kind === 'map' ? services : undefined;
};

function withServices(root: MapNode, services: MapNode): MapNode {
  const key = root.entries.get('services')?.key ?? root.at;
  return { ...root, entries: new Map([...root.entries, ['services', { key, value: services }]]) };
}

/** Undefined after a problem. */
function extended(service: MapNode, where: Where, extending: Extending): MapNode | undefined {
  const reference = service.entries.get('extends');
  if (reference === undefined) return service;
  const own = new Map(service.entries);
  own.delete('extends');
  const wanted = readReference(reference.value, extending);
  const base = wanted === undefined ? undefined : baseOf(wanted, reference.key, where, extending);
  return base === undefined ? { ...service, entries: own } : mergeServices(base, { ...service, entries: own });
}

interface Wanted {
  readonly service: string;
  readonly file: string | undefined;
  readonly at: Place;
}

/** `extends: NAME`, or `{service, file}`. */
function readReference(node: Node, { reading: { problems } }: Extending): Wanted | undefined {
  if (node.kind === 'scalar') {
    const service = readWord(node, problems);
    return service === undefined ? undefined : { service, file: undefined, at: node.at };
  }
  const fields = openMap(node, extendsKeys, problems);
  if (fields === undefined) return undefined;
  const service = fields.read('service', readWord);
  if (fields.node('service') === undefined)
    problems.badValue(node.at, 'without a service', 'it needs one', 'Write service: NAME.');
  const at = fields.node('file')?.at ?? fields.node('service')?.at ?? node.at;
  return service === undefined ? undefined : { service, file: fields.read('file', readWord), at };
}

function baseOf(wanted: Wanted, key: Place, where: Where, extending: Extending): MapNode | undefined {
  const { problems } = extending.reading;
  const source = sourceOf(wanted, where.source);
  const path = [...where.path, nameOf(where.source, where.service, extending)];
  const next = nameOf(source, wanted.service, extending);
  if (path.includes(next)) {
    const members = path.slice(path.indexOf(next));
    const known = members.toSorted().join();
    const circle = [...members, next].map((name) => `"${name}"`).join(' extends ');
    if (!extending.circles.has(known)) problems.cycle(key, circle, 'Take one "extends" out.');
    extending.circles.add(known);
    return undefined;
  }
  const root = treeOf(source, wanted.at, extending);
  const services = root === undefined ? undefined : servicesOf(root);
  const base = services?.entries.get(wanted.service)?.value;
  if (base?.kind === 'map') return extended(base, { source, service: wanted.service, path }, extending);
  if (root !== undefined) {
    const what = `a service of ${shownAs(source.path, extending.reading.folder)}`;
    problems.badReference(
      wanted.at,
      wanted.service,
      what,
      suggestion(wanted.service, [...(services?.entries.keys() ?? [])]),
    );
  }
  return undefined;
}

const nameOf = (source: Source, service: string, { reading }: Extending): string =>
  `${shownAs(source.path, reading.folder)}#${service}`;

function sourceOf({ file }: Wanted, source: Source): Source {
  if (file === undefined) return source;
  const path = resolve(source.folder, file);
  // A file that names itself is the same file, and its paths begin where they did.
  return path === source.path ? source : { ...source, path, folder: resolve(path, '..') };
}

function treeOf(source: Source, at: Place, { reading, files }: Extending): MapNode | undefined {
  if (!files.has(source.path)) {
    const read = readSource(source, reading);
    files.set(source.path, read instanceof MinkeError ? undefined : read);
    if (read instanceof MinkeError) refuseAbsent(source.path, at, reading);
  }
  return files.get(source.path);
}
