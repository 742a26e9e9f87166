import type { LogLine } from '../../api/types.ts';
import { shortId } from '../../model/ids.ts';
import type { Output } from './output.ts';

/** Prints chunks of many instances line by line, each under its name, so that no two lines run into one another. */
export interface LogPrinter {
  print(chunk: LogLine): void;
  /** Lines that were never ended. */
  flush(): void;
}

const colours = ['cyan', 'yellow', 'green', 'magenta', 'blue'] as const;

export function createLogPrinter(out: Output): LogPrinter {
  const unfinished = new Map<string, { readonly prefix: string; bytes: Buffer }>();
  const names: string[] = [];
  let width = 0;
  const prefixOf = ({ name, instance }: LogLine): string => {
    if (!names.includes(name)) names.push(name);
    const title = `${name}-${shortId(instance).slice(0, 4)}`;
    width = Math.max(width, title.length);
    return out.style(colours[names.indexOf(name) % colours.length] ?? 'cyan', `${title.padEnd(width)} |`);
  };
  return {
    print: (chunk) => {
      const key = `${chunk.instance} ${chunk.stream}`;
      const bytes = Buffer.concat([unfinished.get(key)?.bytes ?? Buffer.alloc(0), Buffer.from(chunk.data, 'base64')]);
      const end = bytes.lastIndexOf('\n') + 1;
      const prefix = prefixOf(chunk);
      for (const line of bytes.subarray(0, end).toString().split('\n').slice(0, -1)) out.line(`${prefix} ${line}`);
      unfinished.set(key, { prefix, bytes: bytes.subarray(end) });
    },
    flush: () => {
      for (const { prefix, bytes } of unfinished.values())
        if (bytes.length > 0) out.line(`${prefix} ${bytes.toString()}`);
      unfinished.clear();
    },
  };
}
