import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { ExecInput, ExecOutput, InstanceRow, ProcessRows, TopAnswer } from '../../api/types.ts';
import { controlsOf } from '../../dockerapi/call.ts';
import type { Attachment, Command, CommandStreams } from '../../engines/command.ts';
import { MinkeError } from '../../errors/index.ts';
import { listProcesses } from '../../linux/ps.ts';
import type { TerminalSize } from '../../model/instance.ts';
import { beginLines, isSet, numberOf, sendJson, writeLine, type ApiCall } from './call.ts';
import type { Desk } from './desk.ts';

/** What is done with instances that live: a further command in one, and what runs in them. */
export const instanceHandlers = {
  exec: async ({ engine, log }: Desk, call: ApiCall): Promise<void> => {
    const { instance = '' } = call.parameters;
    const command = commandIn(call.query);
    if (isSet(call.query, 'detach')) {
      const ended = engine.execute(instance, command);
      ended.catch((error: unknown) => log.debug('A command that nobody waits for failed', { error }));
      sendJson(call.response, 202, {});
      return;
    }
    const sending: Promise<void>[] = [];
    const end = await engine.execute(instance, { ...command, attached: attachmentOf(call, sending) }, call.gone);
    await Promise.all(sending);
    if (!call.response.headersSent) beginLines(call.response);
    const reason = end.output.toString().trim();
    const last: ExecOutput = { exitCode: end.code, ...(reason === '' ? {} : { reason }) };
    await writeLine(call, last);
    call.response.end();
  },

  top: async (desk: Desk, call: ApiCall): Promise<void> => {
    const controls = controlsOf(desk, 'Listing the processes of an instance');
    const names = call.query.getAll('name');
    const wanted = desk.instances
      .rows(call.query.get('app') ?? undefined)
      .filter(({ name }) => names.length === 0 || names.includes(name))
      .toSorted((one, other) => placeOf(one).localeCompare(placeOf(other), undefined, { numeric: true }));
    const living = wanted.map((row) => ({ row, pids: pidsOf(() => controls.processes(row.id)) }));
    const all = living.flatMap(({ pids }) => pids);
    const { titles, rows } = await listProcesses(all, ['-ef'], call.gone);
    const pidColumn = titles.indexOf('PID');
    const instances = living.map(({ row: { id, app, name, replica }, pids }): ProcessRows => {
      const processes = rows.filter((row) => pids.includes(Number(row[pidColumn])));
      return { id, app, name, ...(replica === undefined ? {} : { replica }), titles, processes };
    });
    sendJson(call.response, 200, { instances } satisfies TopAnswer);
  },
};

const placeOf = ({ app, name, replica = 1 }: InstanceRow): string => `${app}/${name}.${replica}`;

/** It may end at the same moment. */
function pidsOf(read: () => readonly number[]): readonly number[] {
  try {
    return read();
  } catch {
    return [];
  }
}

function commandIn(query: URLSearchParams): Command {
  const argv = query.getAll('argv');
  if (argv.length === 0) throw new MinkeError('BAD_REQUEST', { reason: '"argv" does not say which command' });
  const [user, workdir] = [query.get('user') ?? undefined, query.get('workdir') ?? undefined];
  return {
    argv,
    env: Object.fromEntries(query.getAll('env').map(pairOf)),
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workdir }),
    timeoutMs: Infinity,
    outputBytes: 0,
  };
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new MinkeError('BAD_REQUEST', { reason: `"env" is "${text}", which is not NAME=VALUE` });
  return [text.slice(0, at), text.slice(at + 1)];
}

/** What it writes goes into the answer and what comes with the request to it; `sending` resolve when all is said. */
function attachmentOf(call: ApiCall, sending: Promise<void>[]): Attachment {
  const [rows, columns] = [numberOf(call.query, 'rows'), numberOf(call.query, 'columns')];
  return {
    stdin: isSet(call.query, 'stdin') ? 'open' : 'none',
    ...(rows === undefined || columns === undefined ? {} : { terminal: { rows, columns } }),
    begun: (streams) => {
      beginLines(call.response);
      // A client that goes ends the command, which is told of there.
      void feed(call, streams).catch(() => undefined);
      sending.push(send(call, 'stdout', streams.stdout), send(call, 'stderr', streams.stderr));
    },
  };
}

async function send(call: ApiCall, stream: 'stdout' | 'stderr', from: Readable | undefined): Promise<void> {
  if (from === undefined) return;
  try {
    for await (const bytes of from as AsyncIterable<Buffer>)
      await writeLine(call, { stream, data: bytes.toString('base64') } satisfies ExecOutput);
  } catch {
    // Its end says what became of it.
  }
}

async function feed({ request }: ApiCall, streams: CommandStreams): Promise<void> {
  const { stdin } = streams;
  stdin?.on('error', () => undefined);
  for await (const line of createInterface({ input: request, crlfDelay: Infinity })) {
    const said = JSON.parse(line) as ExecInput;
    if ('rows' in said) streams.resize(said satisfies TerminalSize);
    else if (stdin?.write(Buffer.from(said.data, 'base64')) === false) await once(stdin, 'drain');
  }
  stdin?.end();
}
