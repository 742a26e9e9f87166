import type { InstanceKind, InstanceSpec } from '../../model/instance.ts';

export const oomScoreOf = ({ kind, settings }: Pick<InstanceSpec, 'kind' | 'settings'>): number =>
  settings?.oomScoreAdj ?? oomScoreAdjustments[kind];

/**
 * proc(5), /proc/PID/oom_score_adj. When the whole machine is out of memory, what can be done again goes before what keeps
 * state. Never inherited: a daemon that its own supervisor protects would protect every container.
 */
const oomScoreAdjustments: Readonly<Record<InstanceKind, number>> = {
  service: 0,
  container: 100,
  http: 300,
  cgi: 300,
  task: 300,
};
