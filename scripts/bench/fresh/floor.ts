import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { StatusAnswer } from '../../../src/api/types.ts';
import { placesFor } from '../../../src/engines/sandbox/places.ts';
import type { Batch } from '../statistics.ts';
import { copyBundles } from './bundles.ts';
import type { FloorAnswer, FloorOrder, FloorSetting } from './floor-process.ts';

/** What a fresh container costs with nothing around it: `crun run` of the very bundle, straight from a starter. */
export interface Floor {
  batch(count: number, parallel: number): Promise<Batch>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `status` is of an idle daemon that has the handler as a function; it must stay alive, since the floor uses its slots. */
export async function openFloor(status: StatusAnswer, parallel: number): Promise<Floor> {
  // Where the daemon has the like, so that neither has the quicker files.
  const folder = join(placesFor(status.dataFolder).memory, 'floor');
  const state = join(folder, 'state');
  await mkdir(state, { recursive: true });
  const bundles = await copyBundles(status, parallel, join(folder, 'bundles'));
  const setting: FloorSetting = { runtime: runtimeOf(status), state, bundles };
  const program = join(import.meta.dirname, 'floor-process.ts');
  const node = [process.execPath, '--max-semi-space-size=1', program, JSON.stringify(setting)];
  const child = spawn('unshare', ['--mount', '--propagation', 'slave', ...node], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    batch: async (count, together) => {
      const order: FloorOrder = { count, parallel: together };
      child.stdin.write(`${JSON.stringify(order)}\n`);
      const { value, done } = await answers.next();
      if (done === true) throw new Error('the process of the floor ended');
      const answer = JSON.parse(value) as FloorAnswer;
      if ('failed' in answer) throw new Error(`the floor failed: ${answer.failed}`);
      return answer;
    },
    [Symbol.asyncDispose]: async () => {
      const exited = once(child, 'exit');
      child.stdin.end();
      if (child.exitCode === null) await exited;
      await rm(folder, { recursive: true });
    },
  };
}

function runtimeOf({ engine }: StatusAnswer): string {
  const runtime = engine.details['runtime'];
  if (typeof runtime !== 'string') throw new Error('the daemon does not say which runtime it uses');
  return runtime;
}
