import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { narrowCgroupView } from '../../../src/engines/local/starter/cgroup-view.ts';
import { openPipe } from '../../../src/linux/pipe.ts';
import { closeInheritedOnExec, reapEnded, startProcess } from '../../../src/linux/process.ts';
import { timed } from '../rounds.ts';
import type { Batch } from '../statistics.ts';
import type { FloorBundle } from './bundles.ts';

export interface FloorSetting {
  readonly runtime: string;
  /** Folder for what the runtime keeps of its containers. */
  readonly state: string;
  /** One for each that runs side by side. */
  readonly bundles: readonly FloorBundle[];
}

export interface FloorOrder {
  readonly count: number;
  readonly parallel: number;
}

export type FloorAnswer = Batch | { readonly failed: string };

// A process like minke's starter: small, in a mount namespace of its own. It takes orders on stdin until that ends.

const { runtime, state, bundles } = JSON.parse(process.argv[2] ?? '') as FloorSetting;
const ends = new Map<number, (code: number) => void>();

closeInheritedOnExec();
narrowCgroupView(basename(runtime));
process.on('SIGCHLD', () => {
  for (let end = reapEnded(); end !== undefined; end = reapEnded()) ends.get(end.pid)?.(end.code);
});
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await obey(JSON.parse(line) as FloorOrder)));
}

async function obey({ count, parallel }: FloorOrder): Promise<FloorAnswer> {
  try {
    return await timed(count, parallel, async (worker) => await runContainer(worker));
  } catch (error) {
    return { failed: String(error) };
  }
}

async function runContainer(worker: number): Promise<void> {
  const bundle = bundles[worker];
  if (bundle === undefined) throw new Error(`there is no bundle for number ${worker} side by side`);
  const { read, write } = openPipe();
  const log = join(bundle.folder, 'crun.log');
  const argv = [runtime, `--root=${state}`, `--log=${log}`, 'run', `--bundle=${bundle.folder}`, `floor-${worker}`];
  const output = readAll(read);
  const exit = Promise.withResolvers<number>();
  const pid = startProcess({
    path: runtime,
    argv,
    env: { PATH: process.env.PATH ?? '' },
    descriptors: [{ path: '/dev/null', access: 'read' }, { fd: write }, { fd: write }],
    ownSession: true,
  });
  ends.set(pid, exit.resolve);
  closeSync(write);
  const [code, text] = await Promise.all([exit.promise, output]);
  ends.delete(pid);
  if (code !== 0 || text !== bundle.expected) throw new Error(`exit code ${code}, output ${JSON.stringify(text)}`);
}

async function readAll(fd: number): Promise<string> {
  let text = '';
  for await (const chunk of new Socket({ fd, readable: true, writable: false })) text += (chunk as Buffer).toString();
  return text;
}
