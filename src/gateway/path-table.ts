/** Values by path prefix: a trie of segments, so that a look-up costs the depth of the path and not the number of routes. */
export interface PathTable<T> {
  set(prefix: string, value: T): void;
  get(prefix: string): T | undefined;
  delete(prefix: string): void;
  /** The value of the longest prefix that ends where a segment of `path` ends. */
  longest(path: string): T | undefined;
  isEmpty(): boolean;
}

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  value: T | undefined;
}

export function createPathTable<T>(): PathTable<T> {
  const root = createNode<T>();
  return {
    set: (prefix, value) => {
      let node = root;
      for (const segment of segmentsOf(prefix)) {
        const next = node.children.get(segment) ?? createNode<T>();
        node.children.set(segment, next);
        node = next;
      }
      node.value = value;
    },
    get: (prefix) => walk(root, segmentsOf(prefix)).at(-1)?.value,
    delete: (prefix) => prune(root, segmentsOf(prefix)),
    longest: (path) => longestValue(root, path),
    isEmpty: () => root.value === undefined && root.children.size === 0,
  };
}

const createNode = <T>(): Node<T> => ({ children: new Map(), value: undefined });

/** "/" has none, "/a/b" has two. */
const segmentsOf = (prefix: string): string[] => (prefix === '/' ? [] : prefix.slice(1).split('/'));

/** The nodes from the root to the last segment; empty when the path leaves the trie. */
function walk<T>(root: Node<T>, segments: readonly string[]): Node<T>[] {
  const nodes = [root];
  for (const segment of segments) {
    const next = nodes.at(-1)?.children.get(segment);
    if (next === undefined) return [];
    nodes.push(next);
  }
  return nodes;
}

function prune<T>(root: Node<T>, segments: readonly string[]): void {
  const nodes = walk(root, segments);
  const last = nodes.at(-1);
  if (last === undefined) return;
  last.value = undefined;
  for (let depth = segments.length; depth > 0; depth -= 1) {
    const node = nodes[depth];
    if (node === undefined || node.value !== undefined || node.children.size > 0) return;
    nodes[depth - 1]?.children.delete(segments[depth - 1] ?? '');
  }
}

function longestValue<T>(root: Node<T>, path: string): T | undefined {
  let best = root.value;
  let node: Node<T> | undefined = root;
  for (let from = 1; from <= path.length && node.children.size > 0;) {
    const slash = path.indexOf('/', from);
    const to = slash === -1 ? path.length : slash;
    node = node.children.get(path.slice(from, to));
    if (node === undefined) return best;
    best = node.value ?? best;
    from = to + 1;
  }
  return best;
}
