import type { ProgressLine } from '../../../src/api/types.ts';
import { startOwnDaemon, type OwnDaemon } from '../../demo/own-daemon.ts';
import { openHttpClient } from '../http-client.ts';
import { timed } from '../rounds.ts';
import type { Batch } from '../statistics.ts';
import { answerOf } from './handler.ts';

/** A real daemon with the handler as a function, asked through its gateway over connections that are kept. */
export interface GatewaySubject {
  readonly daemon: OwnDaemon;
  batch(count: number, parallel: number): Promise<Batch>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface GatewayOptions {
  readonly appFile: string;
  readonly dataFolder: string;
  /** bin/minke of the checkout that is measured. */
  readonly program: string;
  readonly signal: AbortSignal;
}

export async function openGateway({ appFile, signal, ...own }: GatewayOptions): Promise<GatewaySubject> {
  await using opened = new AsyncDisposableStack();
  const daemon = opened.adopt(await startOwnDaemon(signal, own), async (started) => await started.purge());
  await deploy(daemon, appFile);
  const { host, port } = daemon.status.gateway;
  const seen = new Set<string>();
  const kept = opened.move();
  return {
    daemon,
    batch: async (count, parallel) => {
      // Anew for each batch: the turns of the others may take longer than the gateway keeps an idle connection.
      await using turn = new AsyncDisposableStack();
      const opening = Array.from({ length: parallel }, async () => await openHttpClient({ host, port }));
      const connections = await Promise.all(opening);
      turn.defer(() => connections.forEach((connection) => connection.close()));
      return await timed(count, parallel, async (worker) => {
        const answer = (await connections[worker]?.get('/fresh')) ?? '';
        const instance = /^fresh (\w+)\n$/.exec(answer)?.[1] ?? '';
        if (answer !== answerOf(instance)) throw new Error(`the gateway answered ${JSON.stringify(answer)}`);
        if (seen.has(instance)) throw new Error(`the container ${instance} answered twice`);
        seen.add(instance);
      });
    },
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  };
}

export async function deploy(daemon: OwnDaemon, file: string): Promise<void> {
  for await (const line of daemon.api.lines<ProgressLine>('up', { json: { files: [file], environment: {} } })) {
    if (line.error !== undefined) throw new Error(`${line.error.code}: ${line.error.message}`);
    if (line.done === true) return;
  }
  throw new Error(`the daemon did not deploy ${file}:\n${daemon.log()}`);
}
