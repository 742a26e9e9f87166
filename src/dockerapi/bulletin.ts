import type { Container, LifeEvent } from './containers.ts';

export interface ContainerEvent {
  readonly action: LifeEvent['action'] | 'create' | 'restart' | 'kill' | 'pause' | 'unpause' | 'rename' | 'update';
  readonly container: Container;
  /** Unix milliseconds. */
  readonly at: number;
}

/** What happened to containers, told to whoever listens, with a short memory for those who ask for a past time. */
export interface Bulletin {
  post(event: ContainerEvent): void;
  /** The remembered events, oldest first. */
  recent(): readonly ContainerEvent[];
  /** The returned function ends it. */
  listen(listener: (event: ContainerEvent) => void): () => void;
}

/** As many as Docker remembers. */
const remembered = 256;

export function createBulletin(): Bulletin {
  const events: ContainerEvent[] = [];
  const listeners = new Set<(event: ContainerEvent) => void>();
  return {
    post(event) {
      events.push(event);
      if (events.length > remembered) events.shift();
      for (const listener of listeners) listener(event);
    },
    recent: () => [...events],
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
