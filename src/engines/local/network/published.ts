/** Which instances answer to a name now, by their addresses. */
export interface Published {
  of(name: string): readonly string[];
  /** Answers whether new connections go to others than before. */
  set(name: string, addresses: readonly string[]): boolean;
  /** Takes out all addresses that are not to be kept; answers whether there were any. */
  keepOnly(isKept: (address: string) => boolean): boolean;
  all(): Readonly<Record<string, readonly string[]>>;
}

export function createPublished(known: Readonly<Record<string, readonly string[]>>): Published {
  const published = new Map(Object.entries(known));
  return {
    of: (name) => published.get(name) ?? [],
    set: (name, addresses) => {
      const isNews = addresses.length > 0 && addresses.join() !== published.get(name)?.join();
      published.set(name, addresses);
      return isNews;
    },
    keepOnly: (isKept) => {
      const touched = [...published].filter(([, addresses]) => !addresses.every(isKept));
      for (const [name, addresses] of touched) published.set(name, addresses.filter(isKept));
      return touched.length > 0;
    },
    all: () => Object.fromEntries(published),
  };
}
