import { stripVTControlCharacters, styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** stdout or stderr: bare in a pipe and with NO_COLOR, coloured on a terminal. */
export interface Output {
  readonly isTerminal: boolean;
  readonly columns: number;
  write(data: string | Uint8Array): void;
  line(text?: string): void;
  json(value: unknown): void;
  /** Resolves when all that was written is out of this process, however slow its reader is, or can't be any more. */
  flushed(): Promise<void>;
  style(format: Format, text: string): string;
}

export function createOutput(stream: NodeJS.WriteStream, env: Readonly<Record<string, string | undefined>>): Output {
  const isTerminal = stream.isTTY && env.TERM !== 'dumb';
  const write = (data: string | Uint8Array): void => void stream.write(data);
  return {
    isTerminal,
    columns: isTerminal ? stream.columns : Infinity,
    write,
    line: (text = '') => write(`${text}\n`),
    json: (value) => write(`${JSON.stringify(value, undefined, 2)}\n`),
    flushed: async () => await new Promise((resolve) => void stream.write('', () => resolve())),
    style: (format, text) => styleText(format, text, { stream }),
  };
}

/** Characters that a text shows, colours left out. */
export const widthOf = (text: string): number => stripVTControlCharacters(text).length;
