import { exceptions, layers, owners, type Room } from './rules.ts';

/** The rules as a Markdown table, for ARCHITECTURE.md. */
export function layerTable(): string {
  const rows = layers.flatMap(({ name, rule, rooms }) =>
    rooms.map(
      (room, index) =>
        `| ${index === 0 ? `**${name}**: ${rule}` : ''} | \`${room.folder}\` | ${room.purpose} | ${allowed(room)} |`,
    ),
  );
  return ['| layer | folder | holds | may import |', '| --- | --- | --- | --- |', ...rows, '', ...footnotes()].join(
    '\n',
  );
}

function allowed({ mayImport }: Room): string {
  const everything = layers.slice(0, 3).flatMap(({ rooms }) => rooms);
  if (everything.every(({ folder }) => mayImport.includes(folder))) return 'everything above';
  return mayImport.length === 0 ? 'nothing' : mayImport.map((one) => `\`${one}\``).join(' ');
}

function footnotes(): readonly string[] {
  const named = exceptions.map(
    ({ file, mayImport, because }) =>
      `- \`${file}\` may import ${mayImport.map((one) => `\`${one}\``).join(', ')}: ${because}.`,
  );
  const owned = Object.entries(owners).map(([name, rooms]) => `\`${name}\` only in \`${rooms.join('`, `')}\``);
  return [...named, `- ${owned.join('; ')}.`];
}
