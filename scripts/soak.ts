import { parseArgs } from 'node:util';
import { machineFacts } from './machine.ts';
import { isKept, reportOf, type SoakDocument } from './soak/document.ts';
import { soaks } from './soak/soaks.ts';

// `npm run soak`: what the tests show a few times, so often that what happens seldom happens.
//
//   npm run soak                           all of them
//   npm run soak -- calls                  one
//   npm run soak -- calls --json           its document as the last line
//   npm run soak -- calls --scale 0.1      a tenth of the counts

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, scale: { type: 'string', default: '1' } },
});
const scale = Number(values.scale);
const unknown = positionals.filter((name) => !Object.hasOwn(soaks, name));
if (unknown.length > 0 || !(scale > 0)) {
  const known = Object.keys(soaks).join(', ');
  console.error(
    unknown.length > 0 ? `There is no soak "${unknown[0]}"; name one of ${known}` : '--scale is a number above 0',
  );
  process.exit(2);
}
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

for (const [name, soak] of Object.entries(soaks)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const machine = machineFacts();
  const tell = (progress: string): void => console.error(`${name}: ${progress}`);
  tell(soak.about);
  const startedAt = performance.now();
  const figures = await soak.run({ scale, signal: interrupted.signal, tell }).catch((error: unknown) => {
    console.error(`${name} broke off:`, error);
    process.exitCode = 1;
  });
  // The others may still show something.
  if (figures === undefined) continue;
  const document: SoakDocument = {
    soak: name,
    scale,
    tookSeconds: Math.round((performance.now() - startedAt) / 1000),
    figures: figures.map((figure) => ({ ...figure, isKept: isKept(figure) })),
    machine,
  };
  console.log(values.json ? JSON.stringify(document) : `\n${reportOf(document)}`);
  if (!figures.every(isKept)) process.exitCode = 1;
}
