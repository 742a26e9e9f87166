import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface StoreFloor {
  readonly socket: string;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openStoreFloor(folder: string): Promise<StoreFloor> {
  await mkdir(folder, { recursive: true });
  const socket = join(folder, 'floor.sock');
  const program = join(import.meta.dirname, 'floor-process.ts');
  const child = spawn(process.execPath, [program, folder, socket], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (value !== 'ready') throw new Error('the process of the floor ended');
  return {
    socket,
    [Symbol.asyncDispose]: async () => {
      const exited = once(child, 'exit');
      child.kill();
      if (child.exitCode === null) await exited;
    },
  };
}
