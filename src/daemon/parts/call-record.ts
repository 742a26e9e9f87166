import type { CallRecord } from '../../gateway/record.ts';
import type { TimelineEvent } from '../../model/timeline.ts';

/** A request as the timeline has it: calls of functions only, since a service's are its own affair. */
export function eventOfCall(call: CallRecord): TimelineEvent | undefined {
  const { at, app, name, kind, instance, run, status, error, exitCode, stderr, method, url, requestId, phases } = call;
  if (app === undefined || name === undefined || kind === undefined || kind === 'service') return undefined;
  return {
    at,
    kind: 'call',
    app,
    name,
    ...(instance === undefined ? {} : { instance }),
    ...(run === undefined ? {} : { run }),
    facts: { kind, method, url, status, requestId, ...rounded(phases), error, exitCode, stderr },
  };
}

/** To a tenth of a millisecond: more digits tell nothing. */
const rounded = (times: CallRecord['phases']): object =>
  Object.fromEntries(Object.entries(times).map(([phase, ms]) => [phase, Math.round(ms * 10) / 10]));
