import { openMap, type Reader } from './fields.ts';
import { portKeys } from './keys.ts';
import { wordsFor, type Node } from './node.ts';
import type { Problems } from './problems.ts';
import { parsePorts } from './quantities.ts';
import { readPort, readWord } from './readers.ts';

export interface ReadPort {
  /** Ports of the container (TCP); those of other protocols are left out. */
  readonly container: readonly number[];
  /** The port asked for on the host, as written; absent where the file leaves it open. */
  readonly published?: string;
}

/** One of `ports`: `80`, `8080:80`, `127.0.0.1:8080:80/tcp`, `8000-8005:80-85`, or the long syntax. */
export const readPortMapping: Reader<ReadPort> = (node, problems) =>
  node.kind === 'map' ? longPort(node, problems) : shortPort(node, problems);

/** One of `expose`: `3000`, `8000-8005`, `53/udp`. */
export const readExposed: Reader<ReadPort> = (node, problems) => {
  const [, range = '', protocol] = node.kind === 'scalar' ? (/^([\d-]+)(?:\/(tcp|udp))?$/.exec(node.text) ?? []) : [];
  const container = parsePorts(range);
  if (container !== undefined) return { container: protocol === 'udp' ? [] : container };
  problems.badValue(
    node.at,
    wordsFor(node),
    'it must be a port from 1 to 65535',
    'Write a port of the container, such as "8080".',
  );
  return undefined;
};

function shortPort(node: Node, problems: Problems): ReadPort | undefined {
  const parts =
    node.kind === 'scalar'
      ? /^(?:(?:(\[[\da-fA-F:]+\]|[\d.]*):)?([\d-]*):)?([\d-]+)(?:\/(tcp|udp))?$/.exec(node.text)
      : null;
  const container = parsePorts(parts?.[3] ?? '');
  const published = parts?.[2] ?? '';
  if (container === undefined || (published !== '' && parsePorts(published) === undefined)) {
    problems.badValue(
      node.at,
      wordsFor(node),
      'it must be [[IP:]HOST:]CONTAINER with ports from 1 to 65535',
      'Write "8080:80", or "80".',
    );
    return undefined;
  }
  return { container: parts?.[4] === 'udp' ? [] : container, ...(published === '' ? {} : { published }) };
}

function longPort(node: Node, problems: Problems): ReadPort | undefined {
  const fields = openMap(node, portKeys, problems);
  const target = fields?.read('target', readPort);
  const published = fields?.read('published', readWord);
  if (fields === undefined) return undefined;
  if (fields.node('target') === undefined)
    problems.badValue(fields.at, 'a port without a target', 'it needs one', 'Write target: 80.');
  if (target === undefined) return undefined;
  const isUdp = fields.read('protocol', readWord) === 'udp';
  return { container: isUdp ? [] : [target], ...(published === undefined ? {} : { published }) };
}
