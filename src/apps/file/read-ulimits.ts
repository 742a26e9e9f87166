import type { ContainerSettings } from '../../model/instance.ts';
import { openMap, type Reader } from './fields.ts';
import { nearest } from './nearest.ts';
import { wordsFor, type Node } from './node.ts';
import type { Problems } from './problems.ts';
import { scalar } from './readers.ts';

type Ulimits = NonNullable<ContainerSettings['ulimits']>;

/** setrlimit(2) */
const names =
  `as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack`.split(' ');

/** `{nofile: 1024, core: {soft: 0, hard: -1}}`; -1 is no limit. */
export const readUlimits: Reader<Ulimits> = (node, problems) => {
  if (node.kind !== 'map') {
    problems.badValue(node.at, wordsFor(node), 'it must be a mapping', 'Write nofile: 65536 below it.');
    return undefined;
  }
  const limits = [...node.entries].flatMap(([name, { key, value }]): [string, Ulimits[string]][] => {
    if (!names.includes(name)) {
      const near = nearest(name, names);
      problems.unknownKey(key, name, names, near === undefined ? undefined : `Did you mean "${near}"?`);
      return [];
    }
    const limit = readLimit(value, problems);
    return limit === undefined ? [] : [[name, limit]];
  });
  return Object.fromEntries(limits);
};

function readLimit(node: Node, problems: Problems): Ulimits[string] | undefined {
  if (node.kind === 'scalar') {
    const both = readAmount(node, problems);
    return both === undefined ? undefined : { soft: both, hard: both };
  }
  const fields = openMap(node, { known: ['soft', 'hard'] }, problems);
  const [soft, hard] = [fields?.read('soft', readAmount), fields?.read('hard', readAmount)];
  if (fields === undefined || soft === undefined || hard === undefined) {
    if (fields !== undefined) problems.badValue(node.at, 'half a limit', 'it needs "soft" and "hard"', 'Write both.');
    return undefined;
  }
  if (soft === -1 ? hard === -1 : hard === -1 || soft <= hard) return { soft, hard };
  return problems.badValue(fields.placeOf('soft'), `"${soft}"`, `it is more than hard (${hard})`, 'Lower it.');
}

const readAmount = scalar('a whole number, or -1 for no limit', 'Write 65536.', (text) =>
  /^(?:-1|\d{1,15})$/.test(text) ? Number(text) : undefined,
);
