import type { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { declareEngineConformance } from '../../src/engines/conformance.ts';
import { sandboxSubject } from './sandbox-subject.ts';
import { isWhole } from './whole.ts';

declareEngineConformance(sandboxSubject('crun'));
declareEngineConformance(sandboxSubject('runc'), isWhole ? undefined : ['life', 'streams', 'containment']);

it.each([
  [
    'addresses',
    { capAdd: ['NET_ADMIN'], limits: { memoryBytes: 0, pids: 64, cpus: 0 } },
    'ip addr add 10.99.0.1/32 dev eth0',
  ],
  ['counters', { limits: { memoryBytes: 0, pids: 4, cpus: 0 } }, 'sleep 60 & sleep 60 & sleep 60 & true'],
])(
  'a place in a network whose instance died with the daemon gives the next nothing of its %s',
  async (_, overrides, line) => {
    const subject = await sandboxSubject('crun').create();
    const network = { app: 'conformance', names: [], listener: () => undefined };
    const inNetwork = (script: string, more: object = {}) =>
      subject.spec({ argv: ['/bin/busybox', 'sh', '-c', script], network: 'app', streams: 'pipes', ...more });
    let { engine } = subject;
    try {
      await engine.networks.ensure(network);
      const brief = await engine.start(inNetwork(`${line}; echo done; exec sleep 60`, overrides));
      expect(await firstOf(brief.stdout)).toContain('done');
      engine = await subject.reopen();
      expect(await engine.recover()).toEqual([]);
      await engine.networks.ensure(network);
      // At once, so that they are in different places: a batch is two.
      const script = 'ip addr show dev eth0; read end';
      const limits = { memoryBytes: 0, pids: 4, cpus: 0 };
      const next = await Promise.all(
        [1, 2].map(async () => await engine.start(inNetwork(script, { limits, stdin: 'open' }))),
      );
      for (const { stdout, stdin, exited } of next) {
        const shown = await firstOf(stdout);
        expect(shown).toContain('inet 10.');
        expect(shown).not.toContain('10.99.0.1');
        stdin?.end();
        expect(await exited).toMatchObject({ cause: 'exited' });
      }
    } finally {
      await engine.close({ purge: true });
      await subject.dispose();
    }
  },
);

/** What it wrote first. */
async function firstOf(stream: Readable | undefined): Promise<string> {
  for await (const chunk of stream?.iterator({ destroyOnReturn: false }) ?? []) return String(chunk);
  return '';
}
