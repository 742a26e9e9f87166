import { gatewayAddress, nameRange, type Subnet } from './addresses.ts';
import { instanceLink } from './ruleset.ts';

/** Shell lines and `ip -batch` input (ip(8)) that make an app's namespace and the slots in it. All paths are ours: no quoting. */

// rp_filter: what comes from an instance's link with another's address is dropped, since rules go by addresses.
export const namespaceScript = (namespace: string): string =>
  `set -e; : >${namespace}; unshare --net=${namespace} true
nsenter --net=${namespace} sh -c '
  cd /proc/sys/net; echo 1 >ipv4/ip_forward; echo 1 >ipv4/conf/all/rp_filter
  echo 0 >ipv4/conf/all/send_redirects; echo 0 >ipv4/conf/default/send_redirects
  ! test -d ipv6 || echo 1 >ipv6/conf/all/disable_ipv6; exec ip -batch -'`;

export const namespaceBatch = (subnet: Subnet): string =>
  [
    'link set lo up',
    `addr add ${gatewayAddress(subnet)}/32 dev lo`,
    `route add local ${nameRange(subnet)} dev lo`,
    '',
  ].join('\n');

export interface NewSlot {
  readonly number: number;
  readonly address: string;
  readonly file: string;
  /** A namespace that is there already; absent: one is made. */
  readonly from?: string;
}

/**
 * Each instance has a link of its own to the app's namespace, which routes between them: all that they send passes the
 * app's rules. No bridge, since where the host filters bridged packets (br_netfilter, on wherever Docker runs) a rewritten
 * packet would be bridged past the rules.
 */
export function slotScript(appNamespace: string, subnet: Subnet, slots: readonly NewSlot[]): string {
  const gateway = gatewayAddress(subnet);
  const made = slots.map(({ file, from }) =>
    from === undefined ? `: >${file}; unshare --net=${file} true` : `: >${file}; mount --bind ${from} ${file}`,
  );
  const links = slots.flatMap(({ number, address, file }) => [
    `link add ${instanceLink}${number} type veth peer name eth0 netns ${file}`,
    `link set ${instanceLink}${number} up`,
    `route add ${address}/32 dev ${instanceLink}${number}`,
  ]);
  const inside = slots.map(
    ({ file, address }) => `nsenter --net=${file} sh -c '
  cd /proc/sys/net; ! test -d ipv6 || echo 1 >ipv6/conf/all/disable_ipv6
  echo 0 >ipv4/ip_unprivileged_port_start; echo "0 2147483647" >ipv4/ping_group_range
  ip -batch -' <<'END'
link set lo up
addr add ${address}/32 dev eth0
link set eth0 up
route add ${gateway} dev eth0 scope link
route add default via ${gateway} dev eth0
END`,
  );
  return ['set -e', ...made, `nsenter --net=${appNamespace} ip -batch - <<'END'`, ...links, 'END', ...inside, ''].join(
    '\n',
  );
}

/** Lets go of namespaces; their interfaces go with them. */
export const releaseScript = (files: readonly string[]): string =>
  files.map((file) => `umount -l ${file} 2>/dev/null; rm -f ${file}`).join('\n');
