import type { ContainerSettings, InstanceSpec } from '../../model/instance.ts';

/** Parts of the OCI configuration that come from what a file sets of a container. */

export interface Rlimit {
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

/** A file's own limits over ours. -1 is no limit: RLIM_INFINITY, which JSON can only say as a rounded number above 2^63. */
export function rlimitsOf(ours: readonly Rlimit[], { ulimits = {} }: ContainerSettings): readonly Rlimit[] {
  const asked = Object.entries(ulimits).map(([name, { soft, hard }]) => ({
    type: `RLIMIT_${name.toUpperCase()}`,
    soft: amount(soft),
    hard: amount(hard),
  }));
  return [...ours.filter(({ type }) => !asked.some((limit) => limit.type === type)), ...asked];
}

const unlimited = 2 ** 64;
const amount = (value: number): number => (value === -1 ? unlimited : value);

/** The domain is a sysctl of the namespace that has the host's name (uts_namespaces(7)). */
export const sysctlsOf = ({ sysctls = {}, domainname }: ContainerSettings): Readonly<Record<string, string>> => ({
  ...sysctls,
  ...(domainname === undefined ? {} : { 'kernel.domainname': domainname }),
});

/** Lines of /etc/hosts that the file asks for, and links under their aliases. */
export function hostLines(
  { extraHosts = [], links = {} }: ContainerSettings,
  addressOf: (name: string) => string | undefined,
): string {
  const linked = Object.entries(links).flatMap(([name, service]) => {
    const address = addressOf(service);
    return address === undefined ? [] : [{ name, address }];
  });
  return [...extraHosts, ...linked].map(({ name, address }) => `${address} ${name}\n`).join('');
}

export function resolvConf(resolver: string | undefined, { dns }: ContainerSettings): string {
  if (resolver === undefined) return '';
  const search = dns === undefined || dns.search.length === 0 ? '' : `search ${dns.search.join(' ')}\n`;
  const options = ['ndots:0', 'timeout:3', ...(dns?.options ?? [])];
  return `nameserver ${resolver}\n${search}options ${options.join(' ')}\n`;
}

/** The host's name with its domain, as hosts(5) wants them: the long one first. */
export const ownNames = ({ hostname, settings }: Pick<InstanceSpec, 'hostname' | 'settings'>): string =>
  settings?.domainname === undefined ? hostname : `${hostname}.${settings.domainname} ${hostname}`;
