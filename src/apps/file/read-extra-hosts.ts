import { isIP } from 'node:net';
import type { HostLine } from '../../model/instance.ts';
import type { Reader } from './fields.ts';
import { wordsFor, type ScalarNode } from './node.ts';
import type { Problems } from './problems.ts';
import { itemsOf } from './readers.ts';

/** `["db:10.1.2.3", "db=10.1.2.3"]` or `{db: 10.1.2.3}`; a name may have several addresses. */
export const readExtraHosts: Reader<readonly HostLine[]> = (node, problems) => {
  if (node.kind === 'map') {
    return [...node.entries].flatMap(([name, { value }]) =>
      itemsOf(value).flatMap((one) => (one.kind === 'scalar' ? hostLine(name, one.text, one, problems) : [])),
    );
  }
  return itemsOf(node).flatMap((item) => {
    const [, name = '', address = ''] = item.kind === 'scalar' ? (/^([^:=]+)[:=](.+)$/.exec(item.text) ?? []) : [];
    if (item.kind === 'scalar' && name !== '') return hostLine(name, address, item, problems);
    problems.badValue(item.at, wordsFor(item), 'it must be NAME=ADDRESS', 'Write - db=192.0.2.7.');
    return [];
  });
};

function hostLine(name: string, address: string, node: ScalarNode, problems: Problems): readonly HostLine[] {
  const bare = address.replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) !== 0) return [{ name, address: bare }];
  if (bare === 'host-gateway') {
    const reason = 'containers do not reach the host that they run on';
    problems.unsupported(
      node.at,
      reason,
      'Give the service an address that is not the host, and let "outbound" allow it.',
    );
  } else problems.badValue(node.at, wordsFor(node), `"${bare}" is no address`, `Write ${name}=192.0.2.7.`);
  return [];
}
