import type { Reader } from './fields.ts';
import { wordsFor } from './node.ts';
import { readList, scalar } from './readers.ts';

/** capabilities(7) */
const all =
  `AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER
  FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST
  NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE
  SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM`.split(/\s+/);

/** With these a container's root is the host's, or disturbs what is not its own; namespaces do not hold them. */
const ofTheHost = new Set(
  `ALL AUDIT_CONTROL AUDIT_READ BLOCK_SUSPEND BPF CHECKPOINT_RESTORE DAC_READ_SEARCH LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE PERFMON
  SYSLOG SYS_ADMIN SYS_BOOT SYS_MODULE SYS_PACCT SYS_RAWIO SYS_TIME SYS_TTY_CONFIG WAKE_ALARM`.split(/\s+/),
);

const readName = scalar('a capability', 'Write a name of capabilities(7), such as NET_ADMIN.', (text) => {
  const name = text.toUpperCase().replace(/^CAP_/, '');
  return name === 'ALL' || all.includes(name) ? name : undefined;
});

export const readDropped: Reader<readonly string[]> = readList(readName);

export const readAdded: Reader<readonly string[]> = readList((node, problems) => {
  const name = readName(node, problems);
  if (name === undefined || !ofTheHost.has(name)) return name;
  const reason = `${wordsFor(node)} reaches beyond the container: services are kept apart from the host`;
  return problems.unsupported(node.at, reason, 'Take it out.');
});
