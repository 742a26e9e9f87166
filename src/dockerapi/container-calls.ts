import { MinkeError, toMinkeError } from '../errors/index.ts';
import type { Id } from '../model/ids.ts';
import { sendJson, sendNothing } from './answer.ts';
import {
  flag,
  isAlive,
  isGone,
  isRunning,
  namedContainer,
  scopeOf,
  wholeNumber,
  type Call,
  type Desk,
} from './call.ts';
import { attachmentsOf } from './attachments.ts';
import { exitCodeOf, inspectView, listView, nameOf, statusOf } from './container-view.ts';
import type { Container } from './containers.ts';
import { signalNumber } from './settings.ts';
import { matchesName, passes, passesLabels, readFilters, type Filters } from './filters.ts';
import { fullReference } from './targets.ts';

export async function inspectContainer(desk: Desk, call: Call): Promise<void> {
  sendJson(call.response, 200, inspectView(await namedContainer(desk, call)));
}

const listFilters = ['id', 'name', 'label', 'status', 'ancestor', 'health', 'network', 'volume', 'exited'];

export async function listContainers(desk: Desk, call: Call): Promise<void> {
  const filters = readFilters(call.target.query, listFilters);
  const limit = wholeNumber(call, 'limit') ?? 0;
  const wantsAll = flag(call, 'all') || limit > 0 || filters.has('status');
  const all = await desk.containers.list(scopeOf(call.caller));
  const shown = all.filter((one) => !isGone(one) && (wantsAll || isRunning(one)) && passesAll(filters, one));
  const rows = limit > 0 ? shown.slice(0, limit) : shown;
  sendJson(
    call.response,
    200,
    rows.map((one) => listView(one, desk.clock.now())),
  );
}

function passesAll(filters: Filters, container: Container): boolean {
  const { run, image } = container;
  return (
    passes(filters, 'id', (wanted) => run.id.startsWith(wanted)) &&
    passes(filters, 'name', (wanted) => matchesName(wanted, nameOf(container))) &&
    passes(filters, 'status', (wanted) => statusOf(container) === wanted) &&
    passes(filters, 'ancestor', (wanted) => isImage(image, wanted)) &&
    passes(filters, 'health', (wanted) => (container.health?.state ?? 'none') === wanted) &&
    passes(filters, 'network', (wanted) => attachmentsOf(run.options).some(({ network }) => network === wanted)) &&
    passes(filters, 'volume', (wanted) =>
      (run.options.mounts ?? []).some(({ source, target }) => source === wanted || target === wanted),
    ) &&
    passes(filters, 'exited', (wanted) => statusOf(container) === 'exited' && String(exitCodeOf(run)) === wanted) &&
    passesLabels(filters, run.options.labels ?? {})
  );
}

const isImage = (image: Container['image'], wanted: string): boolean =>
  fullReference(image.reference) === fullReference(wanted) ||
  image.id === wanted ||
  image.id.slice('sha256:'.length).startsWith(wanted);

export async function startContainer(desk: Desk, call: Call): Promise<void> {
  const container = await namedContainer(desk, call);
  const { id } = container.run;
  if (isRunning(container)) return sendNothing(call.response, 304);
  await desk.containers.start(id, { isForeground: desk.foreground.isWatched(id) }).catch(inWordsOfClients);
  return sendNothing(call.response, 204);
}

export async function restartContainer(desk: Desk, call: Call): Promise<void> {
  const container = await namedContainer(desk, call);
  const graceMs = graceOf(wholeNumber(call, 't'), container);
  await desk.containers.restart(container.run.id, graceMs, signalOf(call)).catch(inWordsOfClients);
  desk.bulletin.post({ action: 'restart', container, at: desk.clock.now() });
  sendNothing(call.response, 204);
}

/** The CLI's exit code is 127 or 126 where it finds these words, in the lower case in which Go has them. */
function inWordsOfClients(thrown: unknown): never {
  const { code, facts, cause } = toMinkeError(thrown);
  if (code !== 'INSTANCE_START_FAILED') throw thrown;
  const reason = String(facts['reason']).replace(/No such file or directory|Permission denied/, (words) =>
    words.toLowerCase(),
  );
  throw new MinkeError(code, { ...facts, reason }, { cause });
}

export async function killContainer(desk: Desk, call: Call): Promise<void> {
  const container = await namedContainer(desk, call);
  const signal = signalNumber(call.target.query.get('signal') ?? 'SIGKILL');
  if (!isAlive(container))
    throw new MinkeError('CONFLICT', { reason: `Container ${nameOf(container)} is not running` });
  await desk.containers.kill(container.run.id, signal);
  desk.bulletin.post({ action: 'kill', container, at: desk.clock.now() });
  sendNothing(call.response, 204);
}

/** Docker's time between SIGTERM and SIGKILL where nobody says another. */
const stopGraceMs = 10_000;
/** For `t=-1`, which is to wait for ever. */
const longestGraceMs = 24 * 3_600_000;

export async function stopContainer(desk: Desk, call: Call): Promise<void> {
  const container = await namedContainer(desk, call);
  const signal = signalOf(call);
  if (!isRunning(container)) return sendNothing(call.response, 304);
  await desk.containers.stop(container.run.id, graceOf(wholeNumber(call, 't'), container), signal);
  return sendNothing(call.response, 204);
}

function signalOf({ target }: Call): number | undefined {
  const signal = target.query.get('signal') ?? '';
  return signal === '' ? undefined : signalNumber(signal);
}

function graceOf(seconds: number | undefined, { run }: Container): number {
  if (seconds === undefined) return run.options.stopGraceMs ?? stopGraceMs;
  return seconds < 0 ? longestGraceMs : Math.min(seconds * 1000, longestGraceMs);
}

export async function removeContainer(desk: Desk, call: Call): Promise<void> {
  if (flag(call, 'link'))
    throw new MinkeError('NOT_SUPPORTED', { what: 'Removing a link', reason: 'containers have no links' });
  const container = await namedContainer(desk, call);
  const { id } = container.run;
  if (isRunning(container)) {
    if (!flag(call, 'force')) {
      const reason = `Cannot remove the container "${nameOf(container)}": it is running; stop it first or force it`;
      throw new MinkeError('CONFLICT', { reason });
    }
    await desk.containers.stop(id, 0);
  }
  await forget(desk, id, container, { withVolumes: flag(call, 'v') });
  sendNothing(call.response, 204);
}

/** What has ended or was never started. */
export async function pruneContainers(desk: Desk, call: Call): Promise<void> {
  const filters = readFilters(call.target.query, ['label']);
  const all = await desk.containers.list(scopeOf(call.caller));
  const gone = all.filter(
    (one) => !isRunning(one) && !isGone(one) && passesLabels(filters, one.run.options.labels ?? {}),
  );
  for (const one of gone) await forget(desk, one.run.id, one);
  sendJson(call.response, 200, { ContainersDeleted: gone.map(({ run }) => run.id), SpaceReclaimed: 0 });
}

async function forget(desk: Desk, id: Id, container: Container, { withVolumes = false } = {}): Promise<void> {
  await desk.containers.remove(id, { withVolumes });
  desk.bulletin.post({ action: 'destroy', container, at: desk.clock.now() });
}
