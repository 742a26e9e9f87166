/** Says for a path relative to the folder whether it stays out of the image. Ask for folders first: what is in one goes with it. */
export type IsIgnored = (path: string, isFolder: boolean) => boolean;

/** Patterns as in .gitignore(5): `#`, `!`, `*`, `**`, `?`, `[a-z]`, a leading or trailing `/`. The last that matches wins. */
export function parseIgnore(text: string): IsIgnored {
  const rules = text.split(/\r?\n/).flatMap(parseRule);
  return (path, isFolder) =>
    rules.findLast((rule) => (isFolder || !rule.foldersOnly) && rule.pattern.test(path))?.ignores ?? false;
}

interface Rule {
  readonly pattern: RegExp;
  readonly ignores: boolean;
  readonly foldersOnly: boolean;
}

function parseRule(line: string): readonly Rule[] {
  const text = line.replace(/(?<!\\)\s+$/, '');
  if (text === '' || text.startsWith('#')) return [];
  const ignores = !text.startsWith('!');
  const body = (ignores ? text : text.slice(1)).replace(/^\\(?=[#!])/, '');
  const foldersOnly = body.endsWith('/');
  const path = foldersOnly ? body.slice(0, -1) : body;
  // With a slash in it a pattern starts at the top; without one it matches a name at any depth.
  const isAnchored = path.includes('/');
  const pattern = new RegExp(`^${isAnchored ? '' : '(?:.*/)?'}${toPattern(path.replace(/^\//, ''))}$`);
  return [{ pattern, ignores, foldersOnly }];
}

const tokens = /\*\*\/|\/\*\*$|\*+|\?|\[!?(?:\\.|[^\]])+\]|\\(.)|[^*?[\\/]+|./g;

function toPattern(glob: string): string {
  return glob.replace(tokens, (token, escaped?: string) => {
    if (token === '**/') return '(?:.*/)?';
    if (token === '/**') return '/.*';
    if (token.startsWith('*')) return '[^/]*';
    if (token === '?') return '[^/]';
    if (token.startsWith('[') && token.endsWith(']')) return token.replace(/^\[!/, '[^');
    return (escaped ?? token).replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  });
}
