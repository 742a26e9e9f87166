import { MinkeError } from '../errors/index.ts';
import type { Digest } from './layout/digest.ts';
import type { FetchOptions, FetchProgress, ImageSource, Shelf } from './source.ts';

/** Brings images from wherever there are any. */
export interface Fetching {
  /**
   * Id of the image, which is on the shelf now; IMAGE_NOT_FOUND when no source has it. Whoever asks for the same image
   * meanwhile waits for the same transfer, which goes on as long as anybody does.
   */
  fetch(reference: string, options: FetchOptions): Promise<Digest>;
}

export function createFetching(sources: readonly ImageSource[], shelf: Shelf): Fetching {
  const flights = new Map<string, Flight>();
  return {
    fetch: async (reference, options) => {
      options.signal?.throwIfAborted();
      const key = JSON.stringify([reference, options.credentials]);
      const flight = flights.get(key) ?? takeOff(sources, reference, shelf, options.credentials);
      flights.set(key, flight);
      void flight.landed.catch(() => undefined).then(() => flights.get(key) === flight && flights.delete(key));
      const leave = board(flight, options.onProgress);
      try {
        return await Promise.race([flight.landed, aborted(options.signal)]);
      } finally {
        if (leave() === 0) {
          flight.abort.abort(options.signal?.reason ?? new Error('nobody waits for it any more'));
          if (flights.get(key) === flight) flights.delete(key);
          await flight.landed.catch(() => undefined);
        }
      }
    },
  };
}

/** One transfer under way. */
interface Flight {
  readonly landed: Promise<Digest>;
  readonly abort: AbortController;
  readonly passengers: Set<Passenger>;
}

type Passenger = (progress: FetchProgress) => void;

function takeOff(
  sources: readonly ImageSource[],
  reference: string,
  shelf: Shelf,
  credentials: FetchOptions['credentials'],
): Flight {
  const abort = new AbortController();
  const passengers = new Set<Passenger>();
  const onProgress = (progress: FetchProgress): void => passengers.forEach((tell) => tell(progress));
  const landed = fetchFrom(sources, reference, shelf, { signal: abort.signal, onProgress, credentials });
  return { landed, abort, passengers };
}

/** Answers how to leave, which answers how many are left. */
function board({ passengers }: Flight, onProgress: FetchOptions['onProgress']): () => number {
  const passenger: Passenger = (progress) => onProgress?.(progress);
  passengers.add(passenger);
  return () => {
    passengers.delete(passenger);
    return passengers.size;
  };
}

/** Never resolves. */
async function aborted(signal: AbortSignal | undefined): Promise<never> {
  return await new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

async function fetchFrom(
  sources: readonly ImageSource[],
  reference: string,
  shelf: Shelf,
  options: FetchOptions,
): Promise<Digest> {
  for (const source of sources) {
    const id = await source.fetch(reference, shelf, options);
    if (id !== undefined) return id;
  }
  const asked = sources.map(({ name }) => name).join(' nor ');
  throw new MinkeError('IMAGE_NOT_FOUND', {
    image: reference,
    reason: asked === '' ? 'it is not in the image store' : `neither the image store nor ${asked} has it`,
  });
}
