import { readFileSync } from 'node:fs';

/** The resolvers that this host asks (resolv.conf(5)). */
export function hostResolvers(file = '/etc/resolv.conf'): readonly string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  } catch {
    return [];
  }
}
