import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { startDaemon, type TestDaemon } from '../../test/integration/daemon.ts';
import { fixtureApp } from '../../test/integration/isolation-fixtures.ts';
import { residentMb } from '../../test/integration/voting-host.ts';
import { directions, framings, transfer, type Transfer } from './bodies/transfer.ts';
import type { Figure, Soak, SoakOptions } from './soak.ts';

const mebibyte = 1024 ** 2;
/** The large one is as large as the gateway lets a body be. */
const sizes = { warmUp: 64 * mebibyte, small: 256 * mebibyte, large: 1024 * mebibyte };
/** What the daemon may need beside itself for a body of any size, in MB. */
const growthMb = 64;
/** What two looks at the same thing may differ by. */
const noiseMb = 24;
/** Of the speed of a plain Node program that does the same on the host. */
const leastOfPlain = 0.25;

/** Bodies of a GiB, both ways, through both kinds of functions: every byte arrives, and the daemon stays as small as it is. */
export const bodies: Soak = {
  about: 'a GiB up and down through http and cgi, with and without Content-Length',
  run: soakBodies,
};

async function soakBodies(options: SoakOptions): Promise<readonly Figure[]> {
  const plain = await startPlain();
  const daemon = await startDaemon();
  try {
    await daemon.up(fixtureApp('clients'));
    return await measure(daemon, plain.url, options);
  } finally {
    plain.stop();
    for (const line of await daemon.purge()) options.tell(`left after purge: ${line}`);
  }
}

async function measure(daemon: TestDaemon, plain: string, options: SoakOptions): Promise<readonly Figure[]> {
  const { pid } = daemon;
  const idleMb = residentMb(pid);
  let largestMb = idleMb;
  const figures: Figure[] = [];
  for (const kind of ['web', 'page'])
    for (const direction of directions)
      for (const framing of framings) {
        const bases = { minke: `${daemon.gateway}/${kind}`, plain: `${plain}/${kind}` };
        const found = await compare({ pid, bases, direction, framing }, options);
        largestMb = Math.max(largestMb, found.largestMb);
        const name = `${kind} ${direction} ${framing}`;
        figures.push(...found.figures.map((figure) => ({ ...figure, what: `${name}: ${figure.what}` })));
      }
  const above = Math.round(largestMb - idleMb);
  return [...figures, { what: 'largest, above what it was before the first', value: above, unit: 'MB' }];
}

interface Comparison extends Omit<Transfer, 'bytes'> {
  readonly pid: number;
  readonly bases: { readonly minke: string; readonly plain: string };
}

async function compare(
  { pid, bases, direction, framing }: Comparison,
  { scale, signal, tell }: SoakOptions,
): Promise<{ readonly figures: readonly Figure[]; readonly largestMb: number }> {
  const through = async (base: string, size: number): Promise<Passage> => {
    signal.throwIfAborted();
    return await watched(pid, base, { direction, framing, bytes: Math.round(size * scale) });
  };
  // For the heap to find its size.
  await through(bases.minke, sizes.warmUp);
  const small = await through(bases.minke, sizes.small);
  const large = await through(bases.minke, sizes.large);
  const bare = await through(bases.plain, sizes.small);
  tell(
    `${direction} ${framing}: ${small.growthMb} and ${large.growthMb} MB, ${large.mbPerSecond} of ${bare.mbPerSecond} MB/s`,
  );
  const ratio = Math.round((100 * large.mbPerSecond) / bare.mbPerSecond) / 100;
  const notMore = atMost(Math.min(growthMb, Math.max(0, small.growthMb) + noiseMb));
  const [smallMib, largeMib] = [mebibytes(sizes.small * scale), mebibytes(sizes.large * scale)];
  const figures: readonly Figure[] = [
    { what: `growth at ${smallMib} MiB`, value: small.growthMb, unit: 'MB', limit: atMost(growthMb) },
    { what: `growth at ${largeMib} MiB`, value: large.growthMb, unit: 'MB', limit: notMore },
    { what: 'speed', value: large.mbPerSecond, unit: 'MB/s' },
    { what: 'speed over plain Node', value: ratio, unit: 'x', limit: { op: '>=', value: leastOfPlain } },
  ];
  return { figures, largestMb: Math.max(small.largestMb, large.largestMb) };
}

const atMost = (value: number) => ({ op: '<=', value }) as const;
const mebibytes = (bytes: number): number => Math.round(bytes / mebibyte);

interface Passage {
  readonly largestMb: number;
  /** Above what it was before. */
  readonly growthMb: number;
  readonly mbPerSecond: number;
}

/** A transfer, and how large the process was while it lasted, at the most. */
async function watched(pid: number, base: string, wanted: Transfer): Promise<Passage> {
  const before = residentMb(pid);
  let largestMb = before;
  const looking = setInterval(() => (largestMb = Math.max(largestMb, residentMb(pid))), 20);
  const begun = performance.now();
  try {
    await transfer(base, wanted);
  } finally {
    clearInterval(looking);
  }
  const seconds = (performance.now() - begun) / 1000;
  return { largestMb, growthMb: Math.round(largestMb - before), mbPerSecond: Math.round(wanted.bytes / 1e6 / seconds) };
}

async function startPlain(): Promise<{ readonly url: string; stop(): void }> {
  const child = fork(fileURLToPath(new URL('bodies/plain.ts', import.meta.url)), [String(await freePort())]);
  const [port] = (await once(child, 'message')) as [number];
  return { url: `http://127.0.0.1:${port}`, stop: () => child.disconnect() };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
