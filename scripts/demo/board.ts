import { styleText } from 'node:util';
import type { InstanceRow } from '../../src/api/types.ts';
import type { AppModel, ServiceModel } from '../../src/model/app.ts';
import type { TimelineEvent } from '../../src/model/timeline.ts';
import type { Transport } from '../../src/sdk/transport.ts';

/** What runs and what does not: a table that stays up to date on a terminal, and is printed once elsewhere. */
export async function showBoard(
  api: Transport,
  model: AppModel,
  out: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<void> {
  const started = new Map<string, Set<string>>();
  const print = createPrinter(out);
  const refresh = async (): Promise<void> => {
    const { instances } = await api.json<{ instances: InstanceRow[] }>('instances', {
      query: { app: model.name },
      signal,
    });
    for (const { name, id } of instances) add(started, name, id);
    print(renderBoard(model, instances, started));
  };
  await refresh();
  if (!out.isTTY) return;
  // The timeline tells of each start and end as it happens; nothing is asked for in between.
  for await (const event of api.lines<TimelineEvent>('events', { query: { app: model.name, follow: true }, signal })) {
    if (event.kind === 'instance.started' && event.name && event.instance) add(started, event.name, event.instance);
    if (event.kind.startsWith('instance.')) await refresh();
  }
}

function add(started: Map<string, Set<string>>, name: string, id: string): void {
  started.set(name, (started.get(name) ?? new Set()).add(id));
}

function renderBoard(
  model: AppModel,
  instances: readonly InstanceRow[],
  started: ReadonlyMap<string, ReadonlySet<string>>,
): readonly string[] {
  const head = ['', 'NAME', 'KIND', 'RUNNING', 'STARTED'];
  const rows = Object.values(model.services)
    .toSorted((a, b) => Number(b.kind === 'service') - Number(a.kind === 'service'))
    .map((service) => {
      const running = instances.filter(({ name }) => name === service.name).length;
      return [
        running > 0 ? '●' : '○',
        service.name,
        kindText(service),
        String(running),
        String(started.get(service.name)?.size ?? 0),
      ];
    });
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => (row[at] ?? '').length)));
  const line = (row: readonly string[]): string =>
    `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd();
  return [
    styleText('dim', line(head)),
    ...rows.map((row) => (row[0] === '●' ? styleText('green', line(row)) : line(row))),
  ];
}

const kindText = ({ kind }: ServiceModel): string => (kind === 'service' ? 'service' : `function (${kind})`);

/** Each time over the last. */
function createPrinter(out: NodeJS.WriteStream): (lines: readonly string[]) => void {
  let printed = 0;
  return (lines) => {
    if (out.isTTY && printed > 0) out.write(`\u001B[${printed}A`);
    for (const line of lines) out.write(out.isTTY ? `\u001B[2K${line}\n` : `${line}\n`);
    printed = lines.length;
  };
}
