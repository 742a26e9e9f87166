import type { InstanceRow, InstancesAnswer, PortRow, ServiceRow } from '../../api/types.ts';
import { shortId } from '../../model/ids.ts';
import { appOption } from '../app/app-request.ts';
import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { connect } from '../daemon/connect.ts';
import { printRuns } from '../terminal/print-runs.ts';
import { printTable } from '../terminal/table.ts';
import { formatAge } from '../terminal/units.ts';

export const command = defineCommand({
  options: {
    app: { ...appOption.app, about: 'Only this app (default: all apps)' },
    all: { type: 'flag', short: 'a', about: 'Also the runs that have ended' },
    tree: { type: 'flag', about: 'Show which instance started which' },
  },
  examples: [
    { line: 'minke ps', about: 'What lives right now' },
    { line: 'minke ps --tree', about: 'Who started whom' },
  ],
  handle: async (context, { options }) => {
    const { api, minke } = connect(context);
    const { app } = options;
    const query = { query: { app }, signal: context.signal };
    const { instances, services } = await api.json<InstancesAnswer>('instances', query);
    const state = ['succeeded', 'failed', 'timed-out', 'cancelled', 'dead'] as const;
    const runs = options.all ? await minke.runs.list({ state, ...(app === undefined ? {} : { app }) }) : undefined;
    if (context.isJson) return context.out.json({ instances, services, ...(runs === undefined ? {} : { runs }) });
    if (options.tree) printTree(context, instances);
    else printInstances(context, instances, services);
    if (runs !== undefined && runs.length > 0) {
      context.out.line();
      printRuns(context.out, runs);
    }
  },
});

function printInstances({ out }: Context, instances: readonly InstanceRow[], services: readonly ServiceRow[]): void {
  const hasPorts = instances.some(({ ports }) => ports !== undefined);
  const nameOf = namesFor([...instances, ...services]);
  const living = instances.map((one) => [
    shortId(one.id),
    one.app,
    nameOf(one),
    one.kind,
    stateOf(
      one,
      services.find(({ instance }) => instance === one.id),
    ),
    formatAge(Date.now() - one.startedAt),
    one.address ?? '-',
    ...(hasPorts ? [(one.ports ?? []).map(portText).join(', ') || '-'] : []),
  ]);
  const others = services
    .filter(({ instance }) => instance === undefined)
    .map((one) => ['-', one.app, nameOf(one), 'service', endedState(one), '-', '-', ...(hasPorts ? ['-'] : [])]);
  const rows = [...living, ...others];
  const heads = ['ID', 'APP', 'NAME', 'KIND', 'STATE', 'AGE', 'ADDRESS', ...(hasPorts ? ['PORTS'] : [])];
  printTable(out, heads, rows);
}

type Named = Pick<InstanceRow, 'app' | 'name' | 'replica'>;

/** `web.2` where a service has several places. */
function namesFor(rows: readonly Named[]): (row: Named) => string {
  const several = new Set(rows.filter(({ replica = 1 }) => replica > 1).map(({ app, name }) => `${app}/${name}`));
  return ({ app, name, replica }) =>
    replica !== undefined && several.has(`${app}/${name}`) ? `${name}.${replica}` : name;
}

/** As the service is, where there is more to say than that its instance runs. */
function stateOf({ state }: InstanceRow, service: ServiceRow | undefined): string {
  if (service === undefined || state !== 'running') return state;
  const health = service.health?.state;
  return health === undefined || health === service.state ? service.state : `${service.state} (${health})`;
}

function endedState({ state, lastEnd }: ServiceRow): string {
  if (lastEnd === undefined || state === 'completed') return state;
  return `${state} (${lastEnd.cause === 'exited' ? `exit code ${lastEnd.code}` : lastEnd.cause})`;
}

const portText = ({ hostIp, hostPort, containerPort, protocol }: PortRow): string =>
  `${hostIp}:${hostPort}->${containerPort}/${protocol}`;

/** Instances below the one that started them; one whose parent has ended stands at the top of its app. */
function printTree(context: Context, instances: readonly InstanceRow[]): void {
  const ids = new Set(instances.map(({ id }) => id));
  const nameOf = namesFor(instances);
  const isRoot = ({ parent }: InstanceRow): boolean => parent === undefined || !ids.has(parent);
  for (const app of new Set(instances.map((one) => one.app))) {
    context.out.line(context.out.style('bold', app));
    printBranch(
      context,
      { instances, nameOf },
      instances.filter((one) => one.app === app && isRoot(one)),
      '',
    );
  }
}

function printBranch(
  context: Context,
  all: { readonly instances: readonly InstanceRow[]; readonly nameOf: (row: Named) => string },
  siblings: readonly InstanceRow[],
  indent: string,
): void {
  for (const [at, one] of siblings.entries()) {
    const isLast = at === siblings.length - 1;
    const age = formatAge(Date.now() - one.startedAt);
    context.out.line(
      `${indent}${isLast ? '└─' : '├─'} ${all.nameOf(one)}  ${shortId(one.id)}  ${one.kind}, ${one.state}, ${age}`,
    );
    const children = all.instances.filter(({ parent }) => parent === one.id);
    printBranch(context, all, children, `${indent}${isLast ? '   ' : '│  '}`);
  }
}
