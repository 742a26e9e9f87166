import type { RouteName } from '../../api/routes.ts';
import { appHandlers } from './app-calls.ts';
import type { ApiCall } from './call.ts';
import type { Desk } from './desk.ts';
import { imageHandlers } from './image-calls.ts';
import { instanceHandlers } from './instance-calls.ts';
import { runHandlers } from './run-calls.ts';
import { sendSelf } from './self-call.ts';
import { systemHandlers } from './system-calls.ts';

export type ApiHandler = (desk: Desk, call: ApiCall) => Promise<void>;

/** Every route of minke's own API has exactly one. */
export const handlers: Readonly<Record<RouteName, ApiHandler>> = {
  ...systemHandlers,
  ...appHandlers,
  ...runHandlers,
  ...imageHandlers,
  ...instanceHandlers,
  self: sendSelf,
};

/** What a function may call at its door; there each of them looks only at what the caller may see. */
export const doorRoutes: ReadonlySet<RouteName> = new Set<RouteName>([
  'status',
  'self',
  'runs',
  'runList',
  'run',
  'runWait',
  'runResult',
  'runLogs',
  'runCancel',
  'call',
]);
