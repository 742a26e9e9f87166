import { writeSync } from 'node:fs';
import { aRun } from './run.fixture.ts';
import { createSqliteStore } from './sqlite-store.ts';

// Accepts runs, sixteen at a time, and prints each id as soon as its promise resolves, until it is killed.

const store = await createSqliteStore({ file: process.argv[2] ?? '' });

async function acceptForever(): Promise<never> {
  for (;;) {
    const { id } = await store.runs.accept(aRun());
    writeSync(1, `${id}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, acceptForever));
