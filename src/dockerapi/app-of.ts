import { MinkeError } from '../errors/index.ts';
import { defaultApp } from '../model/app.ts';
import type { RunOptions } from '../model/run.ts';
import { madeNetworksOf } from './attachments.ts';
import type { Networks } from './networks.ts';

/**
 * The app of one of the operator's containers: the one that its networks are of, since each app has a network of its own and those of
 * the operator's are parts of it. A network is of the project of Compose that made it, or of the app that its label `minke.app` names; on no
 * network of the operator's, a container that stands for a function is so itself.
 * @throws NOT_SUPPORTED for networks of several apps
 */
export function appOf(options: RunOptions, networks: Pick<Networks, 'find'>): string {
  const apps = new Set(madeNetworksOf(options).map(({ network }) => labelledApp(networks.find(network)?.labels)));
  if (apps.size > 1)
    throw new MinkeError('NOT_SUPPORTED', {
      what: `A container on networks of the apps "${[...apps].join('", "')}"`,
      reason: 'each app has a network of its own',
    });
  const [app] = apps;
  const isFunction = options.labels?.['minke.function'] !== undefined;
  return app ?? (isFunction ? labelledApp(options.labels) : defaultApp);
}

function labelledApp(labels: RunOptions['labels'] = {}): string {
  const named = labels['com.docker.compose.project'] ?? labels['minke.app'] ?? defaultApp;
  // Names of folders and host names are made of it.
  return /^[a-z0-9][a-z0-9_-]{0,62}$/.test(named) ? named : defaultApp;
}
