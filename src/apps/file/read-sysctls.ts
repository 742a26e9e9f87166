import type { Reader } from './fields.ts';
import { readPairs } from './readers.ts';

/** Only what belongs to namespaces that each container has for itself (namespaces(7)): network, IPC and message queues. */
const isOwn = (name: string): boolean => /^(?:net\.|kernel\.(?:msg|shm)|kernel\.sem$|fs\.mqueue\.)[\w.-]*$/.test(name);

export const readSysctls: Reader<Readonly<Record<string, string>>> = (node, problems) => {
  const pairs = readPairs(node, problems);
  if (pairs === undefined) return undefined;
  for (const { name, node: at } of pairs) {
    if (!isOwn(name)) {
      const reason = `"${name}" belongs to the whole host, and not to a container`;
      problems.unsupported(at.at, reason, 'Take it out, or set it on the host: sysctl -w.');
    }
  }
  return Object.fromEntries(pairs.map(({ name, value }) => [name, value ?? '']));
};
