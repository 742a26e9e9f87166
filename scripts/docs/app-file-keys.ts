import { blockKeys, rootKeys, serviceKeys } from '../../src/apps/file/keys.ts';

/** Keys of the app file that are carried out and that the page about it does not name, one sentence each. */
export function undocumentedKeys(page: string): readonly string[] {
  const keys = [...rootKeys.known, ...serviceKeys.known, ...blockKeys.known];
  const named = new Set([...page.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.split(/[:\s]+/)));
  return [...new Set(keys)]
    .filter((key) => !named.has(key))
    .map((key) => `docs/app-file.md does not name the key \`${key}\``);
}
