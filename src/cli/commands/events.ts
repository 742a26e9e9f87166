import type { TimelineEvent } from '../../model/timeline.ts';
import { shortId } from '../../model/ids.ts';
import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { parseDuration } from '../command/duration.ts';
import { connect } from '../daemon/connect.ts';
import { printJsonLines } from '../terminal/json-lines.ts';
import { formatTime } from '../terminal/units.ts';

export const command = defineCommand({
  options: {
    follow: { type: 'flag', short: 'f', about: 'Go on until Ctrl-C' },
    app: { type: 'text', value: 'NAME', about: 'Only of this app (default: all apps)' },
    since: { type: 'text', value: '10m', about: 'Only what happened since then' },
  },
  about: 'With --format json the output is one array, or with -f one JSON document a line.',
  examples: [{ line: 'minke events -f --since 5m', about: 'The last five minutes, and on' }],
  handle: async (context, { options }) => {
    const since = options.since === undefined ? undefined : Date.now() - parseDuration('--since', options.since);
    const query = { app: options.app, since, follow: options.follow };
    const events = connect(context).api.lines<TimelineEvent>('events', { query, signal: context.signal });
    if (context.isJson) return printJsonLines(context.out, events, options.follow);
    for await (const event of events) printEvent(context, event);
  },
});

function printEvent({ out }: Context, { at, kind, app, name, instance, run, facts = {} }: TimelineEvent): void {
  const subject = [app, name].filter((part) => part !== undefined).join('/');
  const id = run ?? instance;
  const said = Object.entries(facts).map(
    // An event is a line: what a program wrote may have several.
    ([key, value]) => `${key}=${typeof value === 'string' && !value.includes('\n') ? value : JSON.stringify(value)}`,
  );
  const words = [out.style('dim', formatTime(at)), out.style('bold', kind.padEnd(20)), subject.padEnd(24)];
  out.line([...words, (id === undefined ? '' : shortId(id)).padEnd(12), ...said].join('  ').trimEnd());
}
