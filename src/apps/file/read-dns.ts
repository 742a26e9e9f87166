import { isIPv4 } from 'node:net';
import type { DnsSettings } from '../../model/instance.ts';
import type { Fields, Reader } from './fields.ts';
import { readList, scalar } from './readers.ts';

/** `dns`, `dns_search` and `dns_opt`; undefined when the file has none of them. */
export function readDns(fields: Fields): DnsSettings | undefined {
  const servers = fields.read('dns', readList(readServer));
  const search = fields.read('dns_search', readList(readDomain));
  const options = fields.read('dns_opt', readList(readOption));
  if (servers === undefined && search === undefined && options === undefined) return undefined;
  return { servers: servers ?? [], search: search ?? [], options: options ?? [] };
}

const readServer = scalar('an IPv4 address', 'Write 9.9.9.9.', (text) => (isIPv4(text) ? text : undefined));

export const readDomain: Reader<string> = scalar('a domain name', 'Write example.com.', (text) =>
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i.test(text) ? text : undefined,
);

/** resolv.conf(5) */
const readOption = scalar('an option of resolv.conf', 'Write ndots:1, timeout:3 or use-vc.', (text) =>
  /^[a-z][a-z0-9-]*(?::\d+)?$/.test(text) ? text : undefined,
);
