import type { ContainerSettings, TerminalSize } from '../../model/instance.ts';

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

export const consoleSizeOf = ({
  terminal,
}: {
  readonly terminal?: TerminalSize;
}): { readonly consoleSize?: { readonly height: number; readonly width: number } } =>
  terminal === undefined ? {} : { consoleSize: { height: terminal.rows, width: terminal.columns } };
