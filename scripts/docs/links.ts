import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * Relative links and images of a Markdown file that lead nowhere, one sentence each. Code is not read for links; addresses
 * of other hosts are not asked.
 */
export function brokenLinks(root: string, file: string, text: string): readonly string[] {
  return targetsOf(text)
    .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
    .filter((target) => !leadsSomewhere(root, file, text, target))
    .map((target) => `${file} links to ${target}, which is not there`);
}

function targetsOf(text: string): readonly string[] {
  const prose = withoutCode(text);
  const links = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)];
  const attributes = [...prose.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g)];
  return [...links, ...attributes].map(([, target]) => target ?? '');
}

function withoutCode(text: string): string {
  return text.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, '').replaceAll(/`[^`\n]*`/g, '');
}

function leadsSomewhere(root: string, file: string, text: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  if (path === '') return anchor !== undefined && anchorsOf(text).includes(anchor);
  const absolute = resolve(join(root, dirname(file)), decodeURIComponent(path));
  return absolute.startsWith(root) && existsSync(absolute);
}

/** Headings as the usual viewers name them: lower case, words joined by hyphens. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
