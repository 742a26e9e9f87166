/** A directed graph: node -> nodes that it points to. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** Every group of nodes that reach one another (Tarjan 1972), each sorted; none = no cycle. */
export function cyclesOf(graph: Graph): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];

  const visit = (node: string): number => {
    const index = order.size;
    order.set(node, index);
    stack.push(node);
    let low = index;
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (stack.includes(next)) low = Math.min(low, lowest.get(next) ?? order.get(next) ?? low);
    }
    lowest.set(node, low);
    if (low === index) close(node);
    return low;
  };
  const close = (node: string): void => {
    const group = stack.splice(stack.indexOf(node));
    if (group.length > 1) cycles.push(group.toSorted());
  };

  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return cycles;
}
