/** One at a time; calls that come meanwhile share the next turn. */
export function coalesced(action: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const turn = (): Promise<void> => {
    const begun = action().finally(() => {
      if (current === begun) current = undefined;
    });
    current = begun;
    return begun;
  };
  return async () => {
    if (current === undefined) return await turn();
    next ??= current
      .catch(() => undefined)
      .then(async () => {
        next = undefined;
        await turn();
      });
    await next;
  };
}
