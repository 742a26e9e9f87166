import { formatTook } from './units.ts';
import type { Output } from './output.ts';

/** One line that tells what is under way, on a terminal; nothing at all in a pipe. */
export interface Progress {
  show(text: string): void;
  /** Takes the line away, so that other output may follow. */
  clear(): void;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 80;

export function createProgress(out: Output): Progress {
  if (!out.isTerminal) return { show: () => undefined, clear: () => undefined };
  const begun = performance.now();
  let text = '';
  let timer: NodeJS.Timeout | undefined;
  const draw = (): void => {
    const elapsed = performance.now() - begun;
    const frame = frames[Math.floor(elapsed / frameMs) % frames.length] ?? '';
    const took = elapsed < 1_000 ? '' : `  ${formatTook(elapsed)}`;
    // The last column stays empty: some terminals wrap there, and the line could not be taken back.
    const room = out.columns - took.length - 4;
    const fitting = text.length > room ? `${text.slice(0, room - 1)}…` : text;
    out.write(`\r\x1b[K${out.style('cyan', frame)} ${fitting}${out.style('dim', took)}`);
  };
  return {
    show: (next) => {
      text = next;
      timer ??= setInterval(draw, frameMs).unref();
      draw();
    },
    clear: () => {
      clearInterval(timer);
      if (timer !== undefined) out.write('\r\x1b[K');
      timer = undefined;
    },
  };
}
