import type { Engine } from '../../engines/engine.ts';
import { isExiting } from '../../linux/proc.ts';
import type { Id } from '../../model/ids.ts';

/** Whether the instance is ending or has ended, at once: its engine is told of the end of a process only later. */
export async function hasEnded(engine: Pick<Engine, 'inspect'>, id: Id): Promise<boolean> {
  const status = await engine.inspect(id);
  if (status?.state !== 'running') return true;
  return status.pid === undefined || isExiting(status.pid);
}
