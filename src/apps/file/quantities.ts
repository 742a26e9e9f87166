const unitsOfTime: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `1m30s`, `500ms`, `24h` in milliseconds; undefined when it is something else (a unit is needed, as in Compose). */
export function parseDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d)/g)) {
    total += Number(amount) * (unitsOfTime[unit ?? ''] ?? Number.NaN);
  }
  return Number.isFinite(total) ? Math.round(total) : undefined;
}

/** `512m`, `1.5gb`, `64MiB`, `1024` in bytes (all units are powers of 1024, as in Docker); undefined for something else. */
export function parseBytes(text: string): number | undefined {
  const parts = /^(\d+(?:\.\d+)?)\s*(?:([kmgtp]?)(?:i?b)?)$/i.exec(text);
  if (parts === null) return undefined;
  const power = ['', 'k', 'm', 'g', 't', 'p'].indexOf((parts[2] ?? '').toLowerCase());
  const bytes = Math.floor(Number(parts[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** `80` or `8000-8005` as the ports that it stands for; undefined when it is no port. */
export function parsePorts(text: string): readonly number[] | undefined {
  const parts = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (parts === null) return undefined;
  const [first, last] = [Number(parts[1]), Number(parts[2] ?? parts[1])];
  if (first < 1 || last > 65_535 || last < first) return undefined;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
