import { startDaemon, type TestDaemon } from '../../test/integration/daemon.ts';
import type { Figure, SoakOptions } from './soak.ts';

const logEndLength = 5000;

/** Measures on a daemon of its own and purges it, however that ends. What is left on the host is told, and is a figure. */
export async function onDaemon(
  options: SoakOptions,
  measure: (daemon: TestDaemon, options: SoakOptions) => Promise<readonly Figure[]>,
  how: Parameters<typeof startDaemon>[0] = {},
): Promise<readonly Figure[]> {
  const daemon = await startDaemon(how);
  const figures = await measure(daemon, options).catch(async (error: unknown) => {
    options.tell(`the end of the daemon's log:\n${daemon.log().slice(-logEndLength)}`);
    await daemon.purge();
    throw error;
  });
  const left = await daemon.purge();
  for (const line of left) options.tell(`left after purge: ${line}`);
  return [...figures, { what: 'left after purge', value: left.length, unit: 'lines', limit: { op: '==', value: 0 } }];
}
