import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { loadBusybox } from './door-images.ts';
import { fixtureApp } from './isolation-fixtures.ts';
import { viewOf } from './restart-host.ts';

let daemon: TestDaemon;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minke-many-'));
  daemon = await startDaemon();
  await loadBusybox(daemon, ['busybox']);
});
afterAll(async () => {
  expect(await daemon.purge(), 'left on the host').toEqual([]);
  rmSync(folder, { recursive: true });
});

interface Held {
  readonly outgoing: ClientRequest;
  readonly incoming: IncomingMessage;
}

/** A request whose container has answered its first line and waits for the end of the body. */
async function hold(): Promise<Held> {
  const outgoing = request(`${daemon.gateway}/held`, {
    method: 'POST',
    agent: false,
    headers: { 'content-length': 1 },
  });
  outgoing.flushHeaders();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { outgoing, incoming };
}

async function letGo({ outgoing, incoming }: Held): Promise<string> {
  outgoing.end('\n');
  return Buffer.concat(await incoming.toArray()).toString();
}

it('has two hundred containers at once for two hundred requests, and none afterwards', async () => {
  await daemon.up(fixtureApp('scarce'));
  const view = viewOf(daemon.dataFolder);
  const held = await Promise.all(Array.from({ length: 200 }, hold));
  expect(held.map(({ incoming }) => incoming.statusCode).filter((status) => status !== 200)).toEqual([]);
  const { containers } = view.living();
  expect(containers).toHaveLength(200);
  expect(new Set(containers.map((id) => view.firstProcess(id)?.pid)).size).toBe(200);
  const answers = await Promise.all(held.map(letGo));
  expect(answers.filter((answer) => answer === 'ready\ngone\n')).toHaveLength(200);
  await expect.poll(() => view.living(), { timeout: 30_000 }).toEqual({ lasting: [], brief: [], containers: [] });
}, 180_000);

const functions = 500;

function manyFunctions(): string {
  const file = join(folder, 'compose.yaml');
  const services = Array.from(
    { length: functions },
    (_, index) => `  f${index}:
    image: busybox
    entrypoint: [sh, -c, 'printf "Content-Type: text/plain\\n\\n${index}"']
    x-minke: { function: cgi, route: /f${index}, outbound: none }
`,
  );
  writeFileSync(file, `name: many\nservices:\n${services.join('')}`);
  return file;
}

it('brings up an app of five hundred functions, finds nothing to change in it, answers for it and takes it down', async () => {
  const file = manyFunctions();
  expect(await daemon.up(file)).toEqual({ changed: true });
  expect(await daemon.up(file)).toEqual({ changed: false });
  for (const index of [0, 1, 249, 498, 499]) {
    const answer = await fetch(`${daemon.gateway}/f${index}`);
    expect(await answer.text()).toBe(String(index));
  }
  expect((await daemon.cli(['ps'])).code).toBe(0);
  expect((await daemon.cli(['down', 'many'])).code).toBe(0);
  expect((await fetch(`${daemon.gateway}/f0`)).status).toBe(404);
  expect(daemon.log()).not.toContain('MaxListenersExceededWarning');
}, 120_000);
