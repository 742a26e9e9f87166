import { MinkeError } from '../errors/index.ts';
import type { TerminalSize } from '../model/instance.ts';
import { sendJson, sendNothing } from './answer.ts';
import { controlsOf, livingInstance, wholeNumber, type Call, type Desk } from './call.ts';
import { nameOf } from './container-view.ts';
import { asked, harmless, refused, type CreateFields } from './create-fields.ts';
import { carryCommand } from './exec-streams.ts';
import type { Exec } from './execs.ts';
import { streamType } from './frames.ts';
import { flagOf, listOf, numberOf, textOf, wordsOf } from './json-values.ts';
import type { JsonObject } from './json.ts';
import { readOperatorBody } from './operator-body.ts';
import { envOf } from './translate.ts';

const execFields: CreateFields = {
  AttachStdin: asked,
  AttachStdout: asked,
  AttachStderr: asked,
  Tty: asked,
  Env: asked,
  Cmd: asked,
  User: asked,
  WorkingDir: asked,
  ConsoleSize: asked,
  Detach: harmless('the start says it'),
  DetachKeys: harmless('the start ends with its connection'),
  Privileged: refused('a command has the rights of its container'),
};

export async function createExec(desk: Desk, call: Call): Promise<void> {
  const body = readOperatorBody(call.body, execFields, 'exec');
  const { container } = await livingInstance(desk, call);
  // An engine that has no controls has nobody attached to its commands either.
  controlsOf(desk, 'Running a further command in a container');
  if (container.isPaused === true)
    throw new MinkeError('CONFLICT', { reason: `Container ${nameOf(container)} is paused, unpause it first` });
  const argv = wordsOf(body['Cmd'], 'Cmd');
  if (argv.length === 0) throw new MinkeError('BAD_REQUEST', { reason: 'No exec command specified' });
  const user = textOf(body['User'], 'User');
  const workdir = textOf(body['WorkingDir'], 'WorkingDir');
  const exec = desk.execs.add({
    container: container.run.id,
    command: {
      argv,
      env: envOf(body['Env']),
      ...(user === '' ? {} : { user }),
      ...(workdir === '' ? {} : { workdir }),
    },
    attaches: {
      stdin: flagOf(body['AttachStdin'], 'AttachStdin'),
      stdout: flagOf(body['AttachStdout'], 'AttachStdout'),
      stderr: flagOf(body['AttachStderr'], 'AttachStderr'),
    },
    ...(flagOf(body['Tty'], 'Tty') && { terminal: sizeOf(body) }),
  });
  sendJson(call.response, 201, { Id: exec.id });
}

/** Rows and columns, where the client knows them yet. */
function sizeOf(body: JsonObject): Exec['terminal'] & object {
  const [rows, columns] = listOf(body['ConsoleSize'], 'ConsoleSize').map((one) => numberOf(one, 'ConsoleSize'));
  return { rows: rows || 24, columns: columns || 80 };
}

const startFields: CreateFields = {
  Detach: asked,
  Tty: harmless('the creation says it'),
  ConsoleSize: harmless('the creation says it'),
  hijack: harmless('dockerode repeats what it asks of itself'),
  stdin: harmless('dockerode repeats what it asks of itself'),
};

export async function startExec(desk: Desk, call: Call): Promise<void> {
  // What takes the connection over waits for it to end.
  const body = call.body.kind === 'none' ? {} : readOperatorBody(call.body, startFields, 'exec/start');
  const exec = namedExec(desk, call);
  if (exec.state !== 'created')
    throw new MinkeError('CONFLICT', { reason: `Exec ${exec.id} has run already; create another` });
  const { instance } = await livingInstance(desk, call, exec.container);
  exec.state = 'running';
  if (flagOf(body['Detach'], 'Detach')) {
    carryCommand(desk, exec, instance).catch((error: unknown) => desk.log.debug('A command failed', { error }));
    call.response.writeHead(200).end();
    return;
  }
  const connection = call.hijack.take(streamType(exec.terminal !== undefined, call.target.version));
  await carryCommand(desk, exec, instance, connection);
}

export async function inspectExec(desk: Desk, call: Call): Promise<void> {
  const exec = namedExec(desk, call);
  const [entrypoint = '', ...rest] = exec.command.argv;
  sendJson(call.response, 200, {
    ID: exec.id,
    Running: exec.state === 'running',
    ExitCode: exec.exitCode ?? null,
    ProcessConfig: {
      tty: exec.terminal !== undefined,
      entrypoint,
      arguments: rest,
      privileged: false,
      user: exec.command.user ?? '',
    },
    OpenStdin: exec.attaches.stdin,
    OpenStdout: exec.attaches.stdout,
    OpenStderr: exec.attaches.stderr,
    CanRemove: false,
    ContainerID: exec.container,
    DetachKeys: '',
    Pid: exec.streams?.pid ?? 0,
  });
}

export async function resizeExec(desk: Desk, call: Call): Promise<void> {
  const exec = namedExec(desk, call);
  const size = readSize(call);
  if (exec.state === 'ended' || exec.terminal === undefined) throw noTerminal(`Exec ${exec.id}`);
  await resizeSoon(desk, `Exec ${exec.id}`, () => exec.streams?.resize(size) === true);
  sendNothing(call.response, 200);
}

/** Clients say the size as soon as they have asked for the start, and not all of them say it again. */
export async function resizeSoon({ clock }: Desk, who: string, resize: () => boolean): Promise<void> {
  const [looks, betweenMs] = [200, 10];
  for (let look = 0; look < looks; look += 1) {
    if (resize()) return;
    await clock.sleep(betweenMs);
  }
  throw noTerminal(who);
}

export const noTerminal = (who: string): MinkeError => new MinkeError('CONFLICT', { reason: `${who} has no terminal` });

/** @throws BAD_REQUEST */
export function readSize(call: Call): TerminalSize {
  const most = 65_535;
  const [rows, columns] = ['h', 'w'].map((name) => wholeNumber(call, name) ?? 0) as [number, number];
  if (rows < 0 || columns < 0 || rows > most || columns > most)
    throw new MinkeError('BAD_REQUEST', { reason: `"h" and "w" are 0 to ${most}` });
  return { rows, columns };
}

function namedExec(desk: Desk, { parameters }: Call): Exec {
  const id = parameters['exec'] ?? '';
  const exec = desk.execs.get(id);
  if (exec === undefined) throw new MinkeError('NO_SUCH', { kind: 'exec instance', name: id });
  return exec;
}
