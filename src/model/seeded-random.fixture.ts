/** A number from 0 up to 1, the same ones for the same seed everywhere. mulberry32 (Tommy Ettinger, 2017): small, and good enough to mix steps. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A whole number from 0 to `below` - 1. */
export type RandomBelow = (below: number) => number;

export function seededBelow(seed: number): RandomBelow {
  const random = seededRandom(seed);
  return (below) => Math.floor(random() * below);
}
