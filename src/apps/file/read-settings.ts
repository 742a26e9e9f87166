import type { ContainerSettings } from '../../model/instance.ts';
import type { FileContext } from './context.ts';
import { defined } from './defined.ts';
import type { Fields, Reader } from './fields.ts';
import { isNull, wordsFor } from './node.ts';
import { readDns, readDomain } from './read-dns.ts';
import { readExtraHosts } from './read-extra-hosts.ts';
import { readSysctls } from './read-sysctls.ts';
import { readUlimits } from './read-ulimits.ts';
import { readBoolean, readBytes, readList, readPairs, readWord, scalar } from './readers.ts';

/** What a file sets of a container beyond its program, mounts and limits. */
export function readSettings(fields: Fields, context: FileContext): ContainerSettings {
  checkSecurity(fields, context);
  if (fields.read('init', readBoolean) === true) {
    const reason = 'minke puts no program in front of yours';
    const mend = 'Take it out, and let the image begin with its own: entrypoint: ["tini", "--"].';
    context.problems.unsupported(fields.placeOf('init'), reason, mend);
  }
  const annotations = fields.read('annotations', readPairs) ?? [];
  return defined({
    ulimits: fields.read('ulimits', readUlimits),
    sysctls: fields.read('sysctls', readSysctls),
    shmBytes: fields.read('shm_size', readBytes),
    extraHosts: fields.read('extra_hosts', readExtraHosts),
    dns: readDns(fields),
    domainname: fields.read('domainname', readDomain),
    stopSignal: fields.read('stop_signal', readSignal),
    groups: fields.read('group_add', readList(readGroup)),
    oomScoreAdj: fields.read('oom_score_adj', readAdjustment),
    cpuset: fields.read('cpuset', readCpuset),
    annotations:
      annotations.length === 0
        ? undefined
        : Object.fromEntries(annotations.map(({ name, value }) => [name, value ?? ''])),
  });
}

/** signal(7); numbers as on every architecture that minke runs on. */
const signals =
  `HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG
  XCPU XFSZ VTALRM PROF WINCH IO PWR SYS`.split(/\s+/);

const readSignal: Reader<number> = scalar('a signal', 'Write SIGTERM, SIGINT, SIGQUIT or a number.', (text) => {
  const named = signals.indexOf(text.toUpperCase().replace(/^SIG/, '')) + 1;
  if (named > 0) return named;
  const offset = /^(?:SIG)?RTMIN\+(\d{1,2})$/i.exec(text)?.[1];
  const number = offset === undefined ? Number(/^\d{1,2}$/.exec(text)?.[0] ?? 0) : 34 + Number(offset);
  return number >= 1 && number <= 64 ? number : undefined;
});

const readGroup: Reader<string> = scalar('a group', 'Write a name or a number.', (text) =>
  /^[\w.-]+$/.test(text) ? text : undefined,
);

const readAdjustment: Reader<number> = scalar('a whole number from -1000 to 1000', 'Write 500.', (text) =>
  /^-?\d{1,4}$/.test(text) && Math.abs(Number(text)) <= 1000 ? Number(text) : undefined,
);

const readCpuset: Reader<string> = scalar('a list of cores', 'Write "0-2,4".', (text) =>
  /^\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?)*$/.test(text) ? text : undefined,
);

/** `no-new-privileges` is how every container is started; what would open one is refused. */
function checkSecurity(fields: Fields, { problems }: FileContext): void {
  const node = fields.node('security_opt');
  for (const item of node === undefined ? [] : node.kind === 'list' ? node.items : [node]) {
    const option = isNull(item) ? undefined : readWord(item, problems);
    if (option === undefined || /^no-new-privileges(?:[:=]true)?$/.test(option)) continue;
    const reason = option.startsWith('no-new-privileges')
      ? 'no program gains privileges by being started'
      : `${wordsFor(item)} would weaken what keeps containers apart, or name a profile that minke does not load`;
    problems.unsupported(item.at, reason, 'Take it out.');
  }
}
