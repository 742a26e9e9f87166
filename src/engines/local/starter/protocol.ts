import { StringDecoder } from 'node:string_decoder';
import type { TerminalSize } from '../../../model/instance.ts';
import type { DescriptorSource } from '../../../linux/process.ts';

/** Daemon and starter speak JSON, a line a message, over a socket pair; the starter has its end as descriptor 3. */
export const starterDescriptor = 3;

/** Stands in argv for the file that the runtime announces its container's pid in. */
export const announcePlaceholder = '{announce}';

export type StarterRequest =
  /** A process that the starter watches: `started` or `failed`, `announced` (with the placeholder or `pidFile`), `ended`. */
  | {
      readonly op: 'start';
      readonly key: number;
      readonly argv: readonly string[];
      readonly descriptors: readonly DescriptorSource[];
      /** It gets a terminal of its own as descriptors 0 to 2, the terminal's other end as 3, and `descriptors` from 4 on. */
      readonly terminal?: TerminalSize;
      /** false: it is ended with the daemon. */
      readonly outlives: boolean;
      /** And all that is in its group of processes, and in that of the announced one: what a command in a container has started. */
      readonly isCommand?: boolean;
      /** Where the pid is announced instead: a file that gets this name when it is complete. */
      readonly pidFile?: string;
    }
  /** A short program, run to its end: `done`. */
  | {
      readonly op: 'execute';
      readonly key: number;
      readonly argv: readonly string[];
      readonly input: string;
      readonly env?: Readonly<Record<string, string>>;
    }
  /** `done` */
  | {
      readonly op: 'overlay';
      readonly key: number;
      readonly lower: string;
      readonly upper: string;
      readonly work: string;
      readonly target: string;
    }
  /** `done` */
  | { readonly op: 'unmount'; readonly key: number; readonly target: string };

export type StarterAnswer =
  | { readonly event: 'ready' }
  | { readonly event: 'started'; readonly key: number; readonly pid: number }
  | { readonly event: 'announced'; readonly key: number; readonly pid: number }
  | { readonly event: 'ended'; readonly key: number; readonly code: number }
  | { readonly event: 'failed'; readonly key: number; readonly reason: string }
  | {
      readonly event: 'done';
      readonly key: number;
      readonly code: number;
      readonly stdout: string;
      readonly stderr: string;
    };

/** Cuts a stream into lines; a character may lie in two chunks. */
export function lineParser(take: (line: string) => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder();
  let rest = '';
  return (chunk) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  };
}
