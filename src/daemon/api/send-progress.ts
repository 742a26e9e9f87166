import type { ProgressLine } from '../../api/types.ts';
import { toMinkeError } from '../../errors/index.ts';
import { beginLines, writeLine, type ApiCall } from './call.ts';

/** A line for each step as it goes; the last says how it ended. */
export async function sendProgress(
  call: ApiCall,
  work: (tell: (line: ProgressLine) => void) => Promise<Pick<ProgressLine, 'changed' | 'images'>>,
): Promise<void> {
  beginLines(call.response);
  // One after the other: a thousand that wait for the same connection would each listen for its turn.
  let told = Promise.resolve();
  const tell = (line: ProgressLine): void => {
    told = told.then(async () => await writeLine(call, line));
  };
  try {
    tell({ done: true, ...(await work(tell)) });
  } catch (error) {
    tell({ error: toMinkeError(error).toJSON() });
  }
  await told;
  call.response.end();
}
