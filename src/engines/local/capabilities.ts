import { readFileSync } from 'node:fs';
import type { InstanceSpec } from '../../model/instance.ts';

/** What an instance has of capabilities(7), by their names. */
export function capabilitiesOf(spec: Pick<InstanceSpec, 'privileged' | 'capAdd' | 'capDrop'>): readonly string[] {
  if (spec.privileged) return allCapabilities;
  const named = (names: readonly string[]): Set<string> =>
    new Set(
      names
        .map((name) => name.toUpperCase())
        .map((name) => (name === 'ALL' || name.startsWith('CAP_') ? name : `CAP_${name}`)),
    );
  const [added, dropped] = [named(spec.capAdd), named(spec.capDrop)];
  const base = added.has('ALL') ? allCapabilities : dropped.has('ALL') ? [] : defaultCapabilities;
  const kept = base.filter((name) => !dropped.has(name));
  return [...new Set([...kept, ...allCapabilities.filter((name) => added.has(name))])];
}

/** Docker's default set less CAP_MKNOD: no program that we know of needs device nodes of its own. */
const defaultCapabilities = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
];

const ownCapabilities = readOwnCapabilities();
/** Names of capabilities(7) in the order of their numbers, as far as we have them ourselves: nobody can give what he lacks. */
const allCapabilities = `chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
  net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct
  sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap
  mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore`
  .split(/\s+/)
  .map((name) => `CAP_${name.toUpperCase()}`)
  .filter((_, number) => ((ownCapabilities >> BigInt(number)) & 1n) === 1n);

/** Bits of capabilities(7) (proc(5), /proc/PID/status). */
function readOwnCapabilities(): bigint {
  const effective = /^CapEff:\s+(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return BigInt(`0x${effective}`);
}
