import type { Keys, Unsupported } from './fields.ts';

/**
 * Every key of the current Compose Specification, so that a slip is told from a key that this version does not carry out.
 * What is not carried out is refused and never passed over: an app must not run without what its file asks for.
 */

const later = 'it comes with a later version';
const out = 'Take it out.';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const refuse = (reason: string, mend: string, keys: readonly string[]): Readonly<Record<string, Unsupported>> =>
  Object.fromEntries(keys.map((key) => [key, { reason, mend }]));

export const rootKeys: Keys = {
  known: ['name', 'version', 'include', 'services', 'volumes', 'networks', 'secrets', 'configs', 'x-minke'],
  unsupported: {
    ...refuse(later, out, ['models']),
  },
};

export const volumeKeys: Keys = {
  known: ['name', 'external', 'driver', 'labels'],
  unsupported: refuse('a volume is a folder that minke keeps', out, ['driver_opts']),
};

/** Keys of `x-minke` of a service; the page "The app file" of the documentation lists them all. */
export const blockKeys: Keys = {
  known: [
    'function',
    'route',
    'may-run',
    'pack',
    'timeout',
    'outbound',
    'waiting-page',
    'engine',
    'concurrency',
    'port',
    'api',
    'reuse',
    'scale',
    'queue',
    'retries',
    'schedule',
    'callback',
    'handoff',
  ],
};

/** Keys of a service that change nothing here, with what is said of them. */
export const idleServiceKeys: Readonly<Record<string, Unsupported>> = {
  ...refuse('output is kept by minke: minke logs', out, ['logging', 'attach']),
  ...refuse('minke does not watch files; what has changed is taken at the next "up"', out, ['develop']),
  ...refuse('memory comes without swap', out, ['mem_swappiness']),
};

export const serviceKeys: Keys = {
  known: [
    ...words(`annotations build cap_add cap_drop command configs container_name cpu_period cpu_quota cpu_shares cpus cpuset
      depends_on deploy dns dns_opt dns_search domainname entrypoint env_file environment expose extends extra_hosts group_add
      healthcheck hostname image init label_file labels links mem_limit mem_reservation memswap_limit network_mode networks
      oom_score_adj pids_limit platform ports profiles pull_policy read_only restart scale secrets security_opt shm_size
      stdin_open stop_grace_period stop_signal sysctls tmpfs tty ulimits user volume_driver volumes volumes_from working_dir
      x-minke`),
    ...Object.keys(idleServiceKeys),
  ],
  unsupported: {
    ...refuse(later, out, words('blkio_config models post_start pre_stop provider')),
    ...refuse('there is no scheduler of that kind', out, words('cpu_percent cpu_count cpu_rt_period cpu_rt_runtime')),
    ...refuse('minke chooses the addresses of an app', out, ['mac_address']),
    ...refuse(
      'containers outside the app are not reached',
      'Put both into one app, or let "outbound" allow an address.',
      ['external_links'],
    ),
    ...refuse(
      'services and functions are kept apart from the host and from one another',
      out,
      words(`privileged devices device_cgroup_rules pid ipc uts userns_mode cgroup cgroup_parent gpus isolation runtime
        credential_spec`),
    ),
    ...refuse('its door is the key "x-minke.may-run"', 'Write x-minke: {may-run: [NAME]}.', ['use_api_socket']),
    ...refuse('what takes too much memory is ended', 'Raise its limit of memory.', ['oom_kill_disable']),
    ...refuse("a container's own layer has no size of its own", 'Mount a volume where much is written.', [
      'storage_opt',
    ]),
    ...refuse('it is a key of Compose v1', 'Write build: {context: FOLDER, dockerfile: FILE}.', ['dockerfile']),
    ...refuse('it is a key of Compose v1', 'Write network_mode instead.', ['net']),
    ...refuse('it is a key of Compose v1', 'Write logging instead.', ['log_driver', 'log_opt']),
  },
  misplaced: (key) => (blockKeys.known.includes(key) ? `Put it under "x-minke".` : undefined),
};

export const buildKeys: Keys = {
  known: ['context', 'dockerfile', 'args', 'target'],
  unsupported: {
    ...refuse(later, 'Put it into a file and name that: dockerfile: FILE', ['dockerfile_inline']),
    ...refuse(later, out, [
      'additional_contexts',
      'cache_from',
      'cache_to',
      'entitlements',
      'extra_hosts',
      'isolation',
    ]),
    ...refuse(later, out, ['labels', 'network', 'no_cache', 'platforms', 'privileged', 'provenance', 'pull', 'sbom']),
    ...refuse(later, out, ['secrets', 'shm_size', 'ssh', 'tags', 'ulimits', 'no_cache_filter']),
  },
};

/** Keys of `deploy` that change nothing on one host. */
export const idleDeployKeys: Readonly<Record<string, Unsupported>> = {
  ...refuse('there is one host', out, ['placement', 'endpoint_mode']),
  ...refuse('a change replaces what runs at once; rolling updates come with a later version', out, [
    'update_config',
    'rollback_config',
  ]),
};

export const deployKeys: Keys = {
  known: [...words('resources replicas restart_policy labels mode'), ...Object.keys(idleDeployKeys)],
};

export const resourceKeys: Keys = { known: ['limits', 'reservations'] };

export const reservationKeys: Keys = {
  known: ['memory', 'cpus'],
  unsupported: refuse('services are kept apart from the host and its devices', out, ['devices', 'generic_resources']),
};

export const limitKeys: Keys = { known: ['memory', 'cpus', 'pids'] };

export const dependencyKeys: Keys = { known: ['condition', 'required', 'restart'] };

export const envFileKeys: Keys = { known: ['path', 'required', 'format'] };

export const portKeys: Keys = { known: ['target', 'published', 'host_ip', 'protocol', 'app_protocol', 'mode', 'name'] };

export const mountKeys: Keys = {
  known: ['type', 'source', 'target', 'read_only', 'tmpfs', 'bind', 'volume', 'consistency'],
  unsupported: refuse(later, out, ['image', 'npipe', 'cluster']),
};

export const healthcheckKeys: Keys = {
  known: ['test', 'interval', 'timeout', 'retries', 'start_period', 'start_interval', 'disable'],
};

export const restartPolicyKeys: Keys = { known: ['condition', 'delay', 'max_attempts', 'window'] };

export const networkKeys: Keys = {
  known: ['name', 'external', 'internal', 'driver', 'attachable', 'labels'],
  unsupported: refuse('minke chooses the addresses of an app', out, [
    'driver_opts',
    'enable_ipv4',
    'enable_ipv6',
    'ipam',
  ]),
};

/** Keys of a service on a network. */
export const attachmentKeys: Keys = {
  known: ['aliases'],
  unsupported: refuse('minke chooses the addresses of an app', out, [
    'ipv4_address',
    'ipv6_address',
    'link_local_ips',
    'mac_address',
    'driver_opts',
    'priority',
    'gw_priority',
    'interface_name',
  ]),
};

/** Of `extends`; it is gone when a service is read. */
export const extendsKeys: Keys = { known: ['service', 'file'] };

export const includeKeys: Keys = { known: ['path', 'project_directory', 'env_file'] };

/** Of one of the top-level `secrets` and `configs`. */
export const contentKeys: Keys = {
  known: ['file', 'environment', 'content', 'external', 'name', 'labels'],
  unsupported: refuse('minke keeps no secrets outside an app', out, ['driver', 'driver_opts', 'template_driver']),
};

/** Of one of the `secrets` and `configs` of a service. */
export const grantKeys: Keys = { known: ['source', 'target', 'uid', 'gid', 'mode'] };

export const bindKeys: Keys = {
  known: ['create_host_path', 'propagation', 'recursive', 'selinux'],
};

export const volumeMountKeys: Keys = {
  known: ['nocopy', 'subpath'],
  unsupported: refuse('a volume is declared at the top level', 'Write the labels there.', ['labels']),
};

export const tmpfsKeys: Keys = { known: ['size', 'mode'] };
