import type { FileContext } from './context.ts';
import type { Fields } from './fields.ts';
import { readBoolean } from './readers.ts';
import { warnAt } from './warnings.ts';

/**
 * `stdin_open` and `tty`: whether the input stays open. There is no terminal; a shell that waits for one to speak waits for open
 * input as well.
 */
export function readTerminal(fields: Fields, context: FileContext): boolean {
  const [isOpen, isTerminal] = [fields.read('stdin_open', readBoolean), fields.read('tty', readBoolean)];
  if (isTerminal === true) {
    const reason = 'there is no terminal: its input stays open, and its output is not coloured';
    warnAt(fields.placeOf('tty'), { reason, mend: 'Take it out.' }, context);
  }
  return isOpen === true || isTerminal === true;
}
