import { defineConfig } from 'vitest/config';

// Unit and conformance tests lie beside the code they promise something about; what needs a real engine lies in
// test/integration. A file looks at nothing but its own daemon's things, so that two may run side by side, but for these: they
// time something, or use up what all share.
const alone = ['demo', 'isolation', 'limits', 'many', 'scarce', 'soaks', 'traffic'].map(
  (name) => `test/integration/${name}.test.ts`,
);

const integration = {
  include: ['test/integration/**/*.test.ts'],
  // Only there to end what hangs: a busy machine takes several times as long as a quiet one.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  // Daemons under test ask no registry outside this machine.
  env: { HTTPS_PROXY: 'http://127.0.0.1:9' },
};

export default defineConfig({
  test: {
    // As in bin/minke, which says why: the stores' threads strip types here too.
    execArgv: ['--wasm-wrapper-tiering-budget=2000000000'],
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts', 'scripts/**/*.test.ts'], testTimeout: 30_000 } },
      { test: { ...integration, name: 'integration', exclude: alone, maxWorkers: 2, sequence: { groupOrder: 1 } } },
      { test: { ...integration, name: 'alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 2 } } },
    ],
  },
});
