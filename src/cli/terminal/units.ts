const steps: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
];

/** An age in its largest whole unit: `12s`, `3m`, `5h`, `2d`. */
export function formatAge(ms: number): string {
  const [unit, size] = steps.find(([, size]) => ms >= size) ?? ['s', 1_000];
  return `${Math.max(0, Math.floor(ms / size))}${unit}`;
}

/** How long something took: `18 ms`, `2.4 s`, `3m 5s`. */
export function formatTook(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)}m ${Math.round((ms % 60_000) / 1_000)}s`;
}

/** `0 B`, `3.4 KiB`, `128 MiB`. */
export function formatBytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(4, Math.floor(Math.log2(count) / 10));
  const value = count / 1024 ** power;
  return `${value >= 10 || power === 0 ? Math.round(value) : value.toFixed(1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`;
}

/** `14:03:59`, on the user's own clock. */
export const formatTime = (at: number): string => new Date(at).toTimeString().slice(0, 8);
