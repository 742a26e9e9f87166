import type { Output } from './output.ts';

/** One array, or where it has no end one document a line. */
export async function printJsonLines(out: Output, items: AsyncIterable<unknown>, isEndless: boolean): Promise<void> {
  const kept: unknown[] = [];
  for await (const item of items) {
    if (isEndless) out.line(JSON.stringify(item));
    else kept.push(item);
  }
  if (!isEndless) out.json(kept);
}
