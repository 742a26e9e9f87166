import { relative, resolve } from 'node:path';
import type { FileContext } from './context.ts';
import type { Fields } from './fields.ts';
import { itemsOf, readWord, type Pair } from './readers.ts';
import { readDotenv } from './read-dotenv.ts';

/** Labels of `label_file`, in the format of env files; what `labels` says comes before them. */
export function readLabelFiles(fields: Fields, { folder, host, problems, variables }: FileContext): readonly Pair[] {
  const node = fields.node('label_file');
  return (node === undefined ? [] : itemsOf(node)).flatMap((item): readonly Pair[] => {
    const named = readWord(item, problems);
    if (named === undefined) return [];
    const path = resolve(item.at.folder, named);
    const text = host.kindOf(path) === 'file' ? host.read(path) : undefined;
    if (text === undefined) {
      problems.badReference(item.at, named, 'a file', `Make ${path}, or take it out.`);
      return [];
    }
    const dotenv = readDotenv(text, variables);
    for (const { line, reason, mend } of dotenv.problems) {
      problems.syntax({ ...item.at, file: relative(folder, path), line }, reason, mend);
    }
    return dotenv.entries.map(([name, value]) => ({
      name,
      value: value ?? '',
      node: { kind: 'scalar', at: item.at, text: value ?? '', isNull: false },
    }));
  });
}
