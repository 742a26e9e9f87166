import { parseArgs } from 'node:util';
import { benches } from './bench/benches.ts';
import { documentOf } from './bench/document.ts';
import { machineFacts } from './machine.ts';
import { reportOf } from './bench/report.ts';

// `npm run bench`: how fast minke is, beside what it could be at best (the floor) and beside what others are.
//
//   npm run bench                          all of them
//   npm run bench -- fresh                 one
//   npm run bench -- fresh --json          its document as the last line
//   npm run bench -- fresh --against DIR   and beside another checkout of minke

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, against: { type: 'string' } },
});
const unknown = positionals.filter((name) => !Object.hasOwn(benches, name));
if (unknown.length > 0) {
  console.error(`There is no bench "${unknown[0]}"; name one of ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

for (const [name, bench] of Object.entries(benches)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const machine = machineFacts();
  const tell = (progress: string): void => console.error(`${name}: ${progress}`);
  tell(bench.about);
  const outcome = await bench.measure({ signal: interrupted.signal, against: values.against, tell });
  const document = documentOf(name, outcome, bench.goals, machine);
  console.log(values.json ? JSON.stringify(document) : `\n${reportOf(document)}`);
}
