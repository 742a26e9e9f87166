import { once } from 'node:events';
import { MinkeError, toMinkeError } from '../errors/index.ts';
import type { Id } from '../model/ids.ts';
import type { Run } from '../model/run.ts';
import { goneSignal, isGone, isRunning, namedContainer, type Call, type Desk } from './call.ts';
import { exitCodeOf } from './container-view.ts';
import type { Container } from './containers.ts';

const conditions = ['not-running', 'next-exit', 'removed'];

/** Answers its head at once, or the CLI would never start what it waits for, and the exit code when it is known. */
export async function waitContainer(desk: Desk, call: Call): Promise<void> {
  const condition = call.target.query.get('condition') || 'not-running';
  if (!conditions.includes(condition))
    throw new MinkeError('BAD_REQUEST', { reason: `"${condition}" is not a condition: ${conditions.join(', ')}` });
  const container = await namedContainer(desk, call, { withGone: true });
  const watch =
    call.caller.door === 'function' ? desk.foreground.watch(call.caller.instance, container.run.id) : () => undefined;
  try {
    const { response } = call;
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.flushHeaders();
    // The head is out already: whatever goes wrong now is told in the body.
    const ended = await waitFor(desk, container, condition, goneSignal(desk, response)).catch(endUnknown);
    response.end(`${JSON.stringify(ended)}\n`);
  } finally {
    watch();
  }
}

interface Ended {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string };
}

async function waitFor(desk: Desk, container: Container, condition: string, signal: AbortSignal): Promise<Ended> {
  // What is only recorded does not run, as Docker sees it.
  if (condition === 'not-running' && !container.isStarted) return { StatusCode: 0 };
  const { id } = container.run;
  const removed = condition === 'removed' ? destroyed(desk, id, signal) : undefined;
  const run = await endedRun(desk, container, condition, signal);
  if (removed !== undefined && !isGone({ ...container, isStarted: true, run })) await removed;
  return endOf(run);
}

async function endedRun(desk: Desk, container: Container, condition: string, signal: AbortSignal): Promise<Run> {
  const { run } = container;
  if (isGone(container) || (condition === 'not-running' && !isRunning(container))) return run;
  if (condition === 'removed' && container.isStarted && !isRunning(container)) return run;
  return await desk.containers.settled(run.id, signal, { isNext: condition !== 'not-running' });
}

/** Begun before the wait for the end, so that a removal in between is not missed. */
async function destroyed({ bulletin }: Desk, id: Id, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const deaf = bulletin.listen(({ action, container }) => {
    if (action === 'destroy' && container.run.id === id) done.abort();
  });
  await once(AbortSignal.any([done.signal, signal]), 'abort');
  deaf();
}

const endUnknown = (thrown: unknown): Ended => ({ StatusCode: 125, Error: { Message: toMinkeError(thrown).message } });

/** A run without an exit code had no process that could give one: the message says why. */
function endOf(run: Run): Ended {
  const code = exitCodeOf(run);
  if (run.exitCode !== undefined || run.error === undefined) return { StatusCode: code };
  return { StatusCode: code, Error: { Message: run.error.message } };
}
