import { defineConfig } from 'vitest/config';

// Unit and conformance tests lie beside the code they promise something about; what needs a real engine lies in
// test/integration and runs one file at a time, since two daemons at once would time each other.
export default defineConfig({
  test: {
    // As in bin/minke, which says why: the stores' threads strip types here too.
    execArgv: ['--wasm-wrapper-tiering-budget=2000000000'],
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts', 'scripts/**/*.test.ts'], testTimeout: 30_000 } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          fileParallelism: false,
          // Only there to end what hangs: a busy machine takes several times as long as a quiet one.
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Daemons under test ask no registry outside this machine.
          env: { HTTPS_PROXY: 'http://127.0.0.1:9' },
        },
      },
    ],
  },
});
