import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toMinkeError } from '../errors/index.ts';
import type { Id } from '../model/ids.ts';
import { aRun } from './run.fixture.ts';
import { createSqliteStore } from './sqlite-store.ts';

// Runs in a small file system of its own and tells, as one line of JSON, what the store did as it filled up.

const folder = process.argv[2] ?? '';
const ballast = join(folder, 'ballast');
await writeFile(ballast, Buffer.alloc(1024 * 1024));
const store = await createSqliteStore({ file: join(folder, 'state.db') });

async function outcome(input?: Uint8Array): Promise<string> {
  try {
    const { id } = await store.runs.accept(aRun(), input);
    accepted.push(id);
    return 'kept';
  } catch (thrown) {
    return toMinkeError(thrown).code;
  }
}

async function fillUp(): Promise<string> {
  for (;;) {
    const answer = await outcome(new Uint8Array(50_000));
    if (answer !== 'kept') return answer;
  }
}

const accepted: Id[] = [];
const [before, tooBig, beside] = await Promise.all([outcome(), outcome(new Uint8Array(8 * 1024 * 1024)), outcome()]);
const full = await fillUp();
const kept = await Promise.all(accepted.map(async (id) => store.runs.get(id)));
await rm(ballast);
const after = await outcome();
await store.close();
console.log(
  JSON.stringify({ before, tooBig, beside, full, after, lost: kept.filter((run) => run === undefined).length }),
);
