import type { TestDaemon } from './daemon.ts';
import { loadBusybox } from './door-images.ts';

/** Images that well-known Compose files name, and where each listens. */
const ports: Readonly<Record<string, number>> = {
  'postgres:17': 5432,
  'postgres:9.4': 5432,
  'redis:3': 6379,
  'redis:alpine': 6379,
  'mysql:8.0': 3306,
  'mariadb:11': 3306,
  'wordpress:latest': 80,
  'nginx:1.27': 443,
  'acme/app:2': 8080,
  'acme/agent:1': 9000,
  'registry.example.com/acme/api:1.4': 8080,
  'prom/prometheus:v3.0.0': 9090,
  'grafana/grafana:11.3.0': 3000,
};

/**
 * Images under names of a registry that cannot be reached: each says its name to whoever connects to its port, whatever its command
 * is, as far as a Compose file is concerned.
 */
export async function loadStandIns(daemon: TestDaemon, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const port = ports[name];
    if (port === undefined) throw new Error(`There is no stand-in for ${name}`);
    await loadBusybox(daemon, [name], {
      programs: {
        'bin/say': `#!/bin/sh\necho ${name}\n`,
        'bin/stand-in': `#!/bin/sh\ntrap 'exit 0' TERM INT\nnc -ll -p ${port} -e /bin/say &\nwait\n`,
        'bin/pg_isready': '#!/bin/sh\nexec nc -w 1 127.0.0.1 5432 </dev/null\n',
        'bin/redis-cli': '#!/bin/sh\nexec nc -w 1 127.0.0.1 6379 </dev/null\n',
      },
      config: { Entrypoint: ['/bin/stand-in'], Cmd: ['server'], ExposedPorts: { [`${port}/tcp`]: {} } },
    });
  }
}
