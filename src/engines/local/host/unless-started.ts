/** A start that fails leaves nothing behind: what was taken is given back, whatever that says, and the failure passes on. */
export async function unlessStarted<T>(
  giveBack: (error: unknown) => Promise<unknown>,
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start();
  } catch (error) {
    await giveBack(error).catch(() => undefined);
    throw error;
  }
}
