import { parseSync, Visitor, type Node } from 'oxc-parser';

/** One place in a file that reaches for another file or a package. */
export interface Import {
  /** As written: `../model/ids.ts`, `node:fs`, `koffi`. Undefined when it is computed and cannot be known. */
  readonly specifier: string | undefined;
  /** 1-based. */
  readonly line: number;
}

/**
 * Every import, re-export, dynamic import, `import('...')` type and `new URL('./x.ts', import.meta.url)` (how a worker or
 * a process is started by path) of a TypeScript file. Throws with the place when the file cannot be parsed.
 */
export function importsOf(path: string, text: string): readonly Import[] {
  const { program, errors } = parseSync(path, text);
  const [first] = errors;
  if (first !== undefined) throw new Error(`Cannot parse ${path}: ${first.message}`);
  const found: Import[] = [];
  const add = (node: Node, specifier: string | undefined): void => {
    found.push({ specifier, line: lineAt(text, node.start) });
  };
  new Visitor({
    ImportDeclaration: (node) => add(node, node.source.value),
    ExportAllDeclaration: (node) => add(node, node.source.value),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) add(node, node.source.value);
    },
    ImportExpression: (node) => add(node, literalText(node.source)),
    TSImportType: (node) => add(node, literalText(node.source)),
    TSExternalModuleReference: (node) => add(node, node.expression.value),
    NewExpression: (node) => {
      const path =
        node.callee.type === 'Identifier' && node.callee.name === 'URL' ? literalText(node.arguments[0]) : '';
      if (path?.startsWith('.') === true && path.endsWith('.ts')) add(node, path);
    },
  }).visit(program);
  return found;
}

function literalText(node: Node | undefined): string | undefined {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node?.type === 'TemplateLiteral' && node.expressions.length === 0)
    return node.quasis[0]?.value.cooked ?? undefined;
  return undefined;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
