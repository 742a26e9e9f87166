import { MinkeError } from '../../errors/index.ts';
import type { FileContext } from './context.ts';
import type { Fields, Unsupported } from './fields.ts';
import type { Place } from './node.ts';

/** Something of the file that is not carried out, where the app works without it. */
export function warnAt({ file, line, path }: Place, { reason, mend }: Unsupported, { warn }: FileContext): void {
  warn(new MinkeError('APP_FILE_UNSUPPORTED_KEY', { place: `${file}:${line}`, line, key: path, reason, mend }));
}

/** Keys that stand there and change nothing, each with the reason. */
export function warnOfIdle(fields: Fields, idle: Readonly<Record<string, Unsupported>>, context: FileContext): void {
  for (const [key, unsupported] of Object.entries(idle)) {
    if (fields.node(key) !== undefined) warnAt(fields.placeOf(key), unsupported, context);
  }
}
