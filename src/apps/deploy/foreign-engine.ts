import type { EngineDescription } from '../../engines/engine.ts';
import { MinkeError } from '../../errors/index.ts';
import type { AppModel } from '../../model/app.ts';

/** What is wrong where a service insists on an engine that the daemon does not have. */
export function findForeignEngine(
  { services }: Pick<AppModel, 'services'>,
  { name, engines = [name] }: EngineDescription,
): MinkeError | undefined {
  const foreign = Object.values(services).find(({ engine }) => engine !== undefined && !engines.includes(engine));
  if (foreign === undefined) return undefined;
  const what = `The engine "${foreign.engine}" of "${foreign.name}"`;
  return new MinkeError('NOT_SUPPORTED', { what, reason: `the daemon that answers has ${engines.join(' and ')}` });
}
