/** Where one instance of a service lives, and the next after it; a service has as many places as replicas, counted from 1. */
export interface ServicePlace {
  readonly app: string;
  readonly service: string;
  readonly replica: number;
}
