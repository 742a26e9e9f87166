import type { Lineage, NamedTarget } from './containers.ts';
import type { CreateBody } from './create-body.ts';
import type { ParsedJson } from './json.ts';
import type { RouteMatch } from './routes.ts';
import type { Target } from './target.ts';
import type { AskedContainer } from './translate.ts';

/** A request at a function's door with all that a decision needs; nothing is looked up while deciding. */
export interface Asked {
  readonly target: Target;
  /** undefined: there is no such call. */
  readonly match: RouteMatch | undefined;
  readonly body: AskedBody;
  readonly isUpgrade: boolean;
  /** What the caller's app has, and where the caller stands; present for `containers/create` and images. */
  readonly targets: readonly NamedTarget[];
  readonly lineage: Lineage;
  /** Whether the container that the path names is one that the caller started. */
  readonly isOwn: boolean;
}

export type AskedBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'oversized'; readonly limitBytes: number }
  | { readonly kind: 'malformed'; readonly reason: string }
  | { readonly kind: 'json'; readonly parsed: ParsedJson; readonly create?: CreateBody };

export type Decision =
  /** `create`: what to make instead of what was asked. */
  { readonly allow: { readonly create?: RewrittenCreate } } | { readonly refuse: Refusal };

export interface RewrittenCreate extends AskedContainer {
  readonly function: string;
}

export interface Refusal {
  readonly field: string;
  readonly reason: string;
}
