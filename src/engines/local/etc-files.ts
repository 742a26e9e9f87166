import type { ContainerSettings, InstanceSpec } from '../../model/instance.ts';
import { hostsText } from './network/hosts-file.ts';
import type { Seat } from './seat.ts';

/** Contents of an instance's own files in /etc, by their names there. */
export function etcFiles(spec: InstanceSpec, seat: Seat): Record<string, string> {
  const { settings = {} } = spec;
  const own = `${seat.address ?? '127.0.1.1'} ${ownNames(spec)}\n`;
  return {
    hosts: hostsText(`127.0.0.1 localhost\n${own}${hostLines(settings, seat.addressOf)}`, seat.hosts()),
    'resolv.conf': resolvConf(seat.resolver, settings),
    hostname: `${spec.hostname}\n`,
  };
}

/** Lines of /etc/hosts that the file asks for, and links under their aliases. */
function hostLines(
  { extraHosts = [], links = {} }: ContainerSettings,
  addressOf: (name: string) => string | undefined,
): string {
  const linked = Object.entries(links).flatMap(([name, service]) => {
    const address = addressOf(service);
    return address === undefined ? [] : [{ name, address }];
  });
  return [...extraHosts, ...linked].map(({ name, address }) => `${address} ${name}\n`).join('');
}

function resolvConf(resolver: string | undefined, { dns }: ContainerSettings): string {
  if (resolver === undefined) return '';
  const search = dns === undefined || dns.search.length === 0 ? '' : `search ${dns.search.join(' ')}\n`;
  const options = ['ndots:0', 'timeout:3', ...(dns?.options ?? [])];
  return `nameserver ${resolver}\n${search}options ${options.join(' ')}\n`;
}

/** The host's name with its domain, as hosts(5) wants them: the long one first. */
const ownNames = ({ hostname, settings }: Pick<InstanceSpec, 'hostname' | 'settings'>): string =>
  settings?.domainname === undefined ? hostname : `${hostname}.${settings.domainname} ${hostname}`;
