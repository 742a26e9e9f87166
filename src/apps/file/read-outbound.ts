import { isIPv4 } from 'node:net';
import type { Outbound, OutboundRule } from '../../model/instance.ts';
import type { Reader } from './fields.ts';
import { parsePorts } from './quantities.ts';
import { itemsOf, readList, scalar } from './readers.ts';
import { wordsFor } from './node.ts';
import { nearest } from './nearest.ts';

/** `none`, `public`, or a list of `CIDR:port` (`CIDR` alone: every port; an address alone: itself). */
export const readOutbound: Reader<Outbound> = (node, problems) => {
  const [first, ...others] = itemsOf(node);
  if (node.kind === 'scalar' && others.length === 0) {
    if (node.text === 'none' || node.text === 'public') return node.text;
    if (first?.kind === 'scalar' && nearest(first.text, ['none', 'public']) !== undefined) {
      const mend = `Did you mean "${nearest(first.text, ['none', 'public'])}"?`;
      problems.badValue(node.at, wordsFor(node), 'it must be none, public or a list of CIDR:port', mend);
      return undefined;
    }
  }
  return readList(readRule)(node, problems);
};

const readRule: Reader<OutboundRule> = scalar(
  'none, public or CIDR:port',
  'Write rules such as 10.0.0.0/8:5432.',
  (text) => {
    const parts = /^([\d.]+)(?:\/(\d{1,2}))?(?::(\d{1,5}))?$/.exec(text);
    const [, address = '', bits = '32', port] = parts ?? [];
    if (!isIPv4(address) || Number(bits) > 32) return undefined;
    const cidr = `${address}/${Number(bits)}`;
    if (port === undefined) return { cidr };
    const [number] = parsePorts(port) ?? [];
    return number === undefined ? undefined : { cidr, port: number };
  },
);
