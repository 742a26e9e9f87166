import type { PublishedPort } from '../../model/app.ts';
import { openMap, type Reader } from './fields.ts';
import { portKeys } from './keys.ts';
import { wordsFor, type Node } from './node.ts';
import type { Problems } from './problems.ts';
import { parsePorts } from './quantities.ts';
import { readOneOf, readPort, readWord, scalar } from './readers.ts';

export interface ReadPort {
  /** Ports of the container (TCP); those of other protocols are left out. */
  readonly container: readonly number[];
  /** What the host listens at for them; empty for `expose`. */
  readonly published: readonly PublishedPort[];
}

/** One of `ports`: `80`, `8080:80`, `127.0.0.1:8080:80/tcp`, `8000-8005:80-85`, or the long syntax. */
export const readPortMapping: Reader<ReadPort> = (node, problems) =>
  node.kind === 'map' ? longPort(node, problems) : shortPort(node, problems);

/** One of `expose`: `3000`, `8000-8005`, `53/udp`. */
export const readExposed: Reader<ReadPort> = (node, problems) => {
  const [, range = '', protocol] = node.kind === 'scalar' ? (/^([\d-]+)(?:\/(tcp|udp))?$/.exec(node.text) ?? []) : [];
  const container = parsePorts(range);
  if (container !== undefined) return { container: protocol === 'udp' ? [] : container, published: [] };
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
  const [, hostIp, host = '', target = '', protocol] = parts ?? [];
  const container = parsePorts(target);
  const published = host === '' ? [] : parsePorts(host);
  if (container === undefined || published === undefined || !isFitting(container, published)) {
    problems.badValue(
      node.at,
      wordsFor(node),
      'it must be [[IP:]HOST:]CONTAINER with ports from 1 to 65535',
      'Write "8080:80", or "80".',
    );
    return undefined;
  }
  return port(container, published, { hostIp, isUdp: protocol === 'udp' });
}

/** A range of the host for one port is a choice; for several ports it is as long as theirs. */
const isFitting = (container: readonly number[], host: readonly number[]): boolean =>
  host.length === 0 || container.length === 1 || container.length === host.length;

interface Where {
  readonly hostIp: string | undefined;
  readonly isUdp: boolean;
}

function port(container: readonly number[], host: readonly number[], { hostIp = '', isUdp }: Where): ReadPort {
  const published = container.map((containerPort, index): PublishedPort => {
    const [first, last] = container.length === 1 ? [host[0], host.at(-1)] : [host[index], host[index]];
    return {
      ...(hostIp === '' ? {} : { hostIp: hostIp.replace(/^\[|\]$/g, '') }),
      ...(first === undefined || last === undefined ? {} : { hostPorts: [first, last] }),
      containerPort,
      protocol: isUdp ? 'udp' : 'tcp',
    };
  });
  return { container: isUdp ? [] : container, published };
}

function longPort(node: Node, problems: Problems): ReadPort | undefined {
  const fields = openMap(node, portKeys, problems);
  if (fields === undefined) return undefined;
  const target = fields.read('target', readPort);
  const host = fields.read('published', readRange);
  const hostIp = fields.read('host_ip', readWord);
  const isUdp = fields.read('protocol', readOneOf(['tcp', 'udp'])) === 'udp';
  // How a swarm would spread it, and names for people: they change nothing on one host.
  fields.read('mode', readOneOf(['host', 'ingress']));
  for (const key of ['app_protocol', 'name']) fields.read(key, readWord);
  if (fields.node('target') === undefined)
    problems.badValue(fields.at, 'a port without a target', 'it needs one', 'Write target: 80.');
  return target === undefined ? undefined : port([target], host ?? [], { hostIp, isUdp });
}

const readRange = scalar('a port from 1 to 65535, or a range', 'Write 8080, or 8000-8005.', parsePorts);
