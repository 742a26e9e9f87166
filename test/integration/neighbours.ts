/** Neighbours that are asked again and again, each answer checked, for as long as a test lasts. */
export interface Neighbours {
  /** Answers so far of the one that has the fewest. */
  fewest(): number;
  /** Asks no more; resolves with every answer that was not the one expected. */
  end(): Promise<readonly string[]>;
}

/** `expected`: URL to body. One request at a time for each. */
export function askNeighbours(expected: Readonly<Record<string, string>>): Neighbours {
  const wrong: string[] = [];
  const counts = new Map(Object.keys(expected).map((url) => [url, 0]));
  let isOver = false;
  const ask = async ([url, body]: readonly [string, string]): Promise<void> => {
    while (!isOver) {
      const answer = await fetch(url).then(
        async (response) => `${response.status} ${await response.text()}`,
        (error: unknown) => String(error),
      );
      if (answer !== `200 ${body}`) wrong.push(`${url}: ${answer}`);
      counts.set(url, (counts.get(url) ?? 0) + 1);
    }
  };
  const asking = Object.entries(expected).map(ask);
  return {
    fewest: () => Math.min(...counts.values()),
    end: async () => {
      isOver = true;
      await Promise.all(asking);
      return wrong;
    },
  };
}
