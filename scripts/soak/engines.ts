import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tallyOf } from '../tally.ts';
import type { Figure, Soak, SoakOptions } from './soak.ts';

/** Integration tests of which `npm test` shows a part, since another engine, runtime or client only shows it once more. */
const files = ['sandbox', 'docker-cli', 'docker-compose', 'dockerode', 'testcontainers'];

export const engines: Soak = {
  about:
    'tests of engines, runtimes and clients whole: runc as crun, Docker as the sandbox, each docker CLI of the machine',
  run: async ({ scale, signal, tell }: SoakOptions): Promise<readonly Figure[]> => {
    const folder = mkdtempSync(join(tmpdir(), 'minke-engines-'));
    try {
      const report = join(folder, 'results.json');
      const paths = files
        .slice(0, Math.max(1, Math.ceil(files.length * scale)))
        .map((name) => `test/integration/${name}.test.ts`);
      const child = spawn(
        process.execPath,
        [
          'node_modules/vitest/vitest.mjs',
          'run',
          '--project',
          'integration',
          ...paths,
          '--reporter=json',
          `--outputFile=${report}`,
        ],
        { env: { ...process.env, MINKE_TEST_WHOLE: '1' }, stdio: ['ignore', 'ignore', 'pipe'], signal },
      );
      child.stderr.on('data', (bytes: Buffer) => tell(bytes.toString().trimEnd()));
      await once(child, 'close');
      const { passed, failed, skipped } = tallyOf(readFileSync(report, 'utf8'));
      return [
        { what: 'tests passed', value: passed, unit: 'tests', limit: { op: '>=', value: 1 } },
        { what: 'tests failed', value: failed, unit: 'tests', limit: { op: '==', value: 0 } },
        { what: 'tests skipped', value: skipped, unit: 'tests' },
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
