import type { InstancesAnswer, LogLine, ServiceRow } from '../../api/types.ts';
import type { InstanceSummary } from '../../engines/engine.ts';
import type { TimelineEvent } from '../../model/timeline.ts';
import { beginLines, isSet, numberOf, readJson, sendJson, sendLines, writeLine, type ApiCall } from './call.ts';
import type { Desk } from './desk.ts';

export const systemHandlers = {
  status: async ({ status }: Desk, { response }: ApiCall): Promise<void> => sendJson(response, 200, status()),

  shutdown: async ({ shutdown }: Desk, { request, response }: ApiCall): Promise<void> => {
    const { purge = false, stop = true } = (await readJson(request)) as { purge?: boolean; stop?: boolean };
    sendJson(response, 202, {});
    shutdown({ purge, stop: stop || purge });
  },

  instances: async (desk: Desk, { response, query }: ApiCall): Promise<void> => {
    const app = query.get('app') ?? undefined;
    const answer: InstancesAnswer = { instances: desk.instances.rows(app), services: serviceRows(desk, app) };
    sendJson(response, 200, answer);
  },

  logs: async (desk: Desk, call: ApiCall): Promise<void> => {
    const { query } = call;
    const names = query.getAll('name');
    const wanted = desk.instances
      .withLogs(query.get('app') ?? undefined)
      .filter(({ name }) => names.length === 0 || names.includes(name));
    beginLines(call.response);
    await Promise.all(wanted.map(async (instance) => await sendLog(desk, call, instance)));
    call.response.end();
  },

  events: async (desk: Desk, call: ApiCall): Promise<void> => await sendLines(call, eventsOf(desk, call)),
};

function serviceRows({ supervisor, catalog }: Desk, app: string | undefined): readonly ServiceRow[] {
  const kept = supervisor.list(app).map(({ service: name, ...rest }) => ({ name, ...rest }));
  const stopped = catalog
    .list()
    .filter(({ model }) => app === undefined || model.name === app)
    .flatMap(({ model }) =>
      Object.values(model.services)
        .filter(({ isStopped, isRemoved }) => isStopped === true && isRemoved !== true)
        .map(({ name }): ServiceRow => ({ app: model.name, name, replica: 1, state: 'stopped', restarts: 0 })),
    );
  return [...kept, ...stopped];
}

async function sendLog({ engine }: Desk, call: ApiCall, { id, name }: InstanceSummary): Promise<void> {
  const options = { follow: isSet(call.query, 'follow'), signal: call.gone };
  for await (const { stream, at, bytes } of engine.logs.read(id, options)) {
    const line: LogLine = { name, instance: id, stream, at, data: bytes.toString('base64') };
    await writeLine(call, line);
  }
}

/** What was, then what comes. Listening begins before the look back, so that nothing falls between the two. */
async function* eventsOf({ store, timeline }: Desk, { query, gone }: ApiCall): AsyncGenerator<TimelineEvent> {
  const app = query.get('app') ?? undefined;
  const since = numberOf(query, 'since');
  const fresh: TimelineEvent[] = [];
  let wake = Promise.withResolvers<void>();
  await timeline.flushed();
  const leave = timeline.follow((event) => {
    if (app === undefined || event.app === app) fresh.push(event);
    wake.resolve();
  });
  gone.addEventListener('abort', () => wake.resolve(), { once: true });
  try {
    yield* await store.timeline.list({
      ...(app === undefined ? {} : { app }),
      ...(since === undefined ? {} : { since }),
    });
    while (isSet(query, 'follow') && !gone.aborted) {
      yield* fresh.splice(0);
      await wake.promise;
      wake = Promise.withResolvers<void>();
    }
  } finally {
    leave();
  }
}
