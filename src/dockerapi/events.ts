import { goneSignal, type Call, type Desk } from './call.ts';
import { exitCodeOf, nameOf } from './container-view.ts';
import type { ContainerEvent } from './bulletin.ts';
import { passes, passesLabels, readFilters, type Filters } from './filters.ts';
import { readTime } from './logs.ts';

const eventFilters = ['type', 'event', 'container', 'image', 'label'];

/** What happens to containers, as it happens; with `since` also what is remembered, with `until` only so long. */
export async function streamEvents(desk: Desk, call: Call): Promise<void> {
  const filters = readFilters(call.target.query, eventFilters);
  const sinceMs = readTime(call, 'since') ?? Infinity;
  const untilMs = readTime(call, 'until') ?? Infinity;
  const { response, caller } = call;
  const signal = goneSignal(desk, response);
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.flushHeaders();
  const tell = (event: ContainerEvent): void => {
    const isVisible = caller.door === 'operator' || event.container.run.parent === caller.instance;
    if (isVisible && event.at <= untilMs && passesAll(filters, event))
      response.write(`${JSON.stringify(eventView(event))}\n`);
  };
  for (const event of desk.bulletin.recent()) if (event.at >= sinceMs) tell(event);
  const deaf = desk.bulletin.listen(tell);
  await sleepUntil(desk, untilMs, signal);
  deaf();
  response.end();
}

/** The longest time that a timer takes, in milliseconds: 2^31 - 1. */
const longestMs = 2_147_483_647;

async function sleepUntil({ clock }: Desk, atMs: number, signal: AbortSignal): Promise<void> {
  try {
    while (clock.now() < atMs) await clock.sleep(Math.min(atMs - clock.now(), longestMs), signal);
  } catch {
    // The client has gone, or the doors close.
  }
}

function passesAll(filters: Filters, { action, container }: ContainerEvent): boolean {
  const { run, image } = container;
  return (
    passes(filters, 'type', (wanted) => wanted === 'container') &&
    passes(filters, 'event', (wanted) => wanted === action || action.startsWith(`${wanted}:`)) &&
    passes(filters, 'container', (wanted) => wanted === nameOf(container) || run.id.startsWith(wanted)) &&
    passes(filters, 'image', (wanted) => wanted === image.reference || wanted === image.id) &&
    passesLabels(filters, run.options.labels ?? {})
  );
}

function eventView({ action, container, at }: ContainerEvent): unknown {
  const { run, image } = container;
  const exit = action === 'die' ? { exitCode: String(exitCodeOf(run)) } : {};
  return {
    status: action,
    id: run.id,
    from: image.reference,
    Type: 'container',
    Action: action,
    Actor: {
      ID: run.id,
      Attributes: { ...run.options.labels, ...exit, image: image.reference, name: nameOf(container) },
    },
    scope: 'local',
    time: Math.floor(at / 1000),
    timeNano: at * 1e6,
  };
}
