import type { Keys, Unsupported } from './fields.ts';

/**
 * Every key of the current Compose Specification, so that a slip is told from a key that this version does not carry out.
 * What is not carried out is refused and never passed over: an app must not run without what its file asks for.
 */

const later = 'it comes with a later version';
const out = 'Take it out.';

const refuse = (reason: string, mend: string, keys: readonly string[]): Readonly<Record<string, Unsupported>> =>
  Object.fromEntries(keys.map((key) => [key, { reason, mend }]));

export const rootKeys: Keys = {
  known: ['name', 'version', 'services', 'volumes', 'networks', 'x-minke'],
  unsupported: {
    ...refuse(later, 'Mount the file instead: ./FILE:/run/secrets/NAME:ro', ['secrets', 'configs']),
    ...refuse(later, 'Name the files after one another: -f FILE -f FILE', ['include']),
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
    'handoff',
  ],
};

export const serviceKeys: Keys = {
  known: [
    'build',
    'command',
    'cpus',
    'depends_on',
    'deploy',
    'entrypoint',
    'env_file',
    'environment',
    'expose',
    'healthcheck',
    'hostname',
    'image',
    'labels',
    'mem_limit',
    'net',
    'network_mode',
    'networks',
    'pids_limit',
    'ports',
    'read_only',
    'restart',
    'scale',
    'stop_grace_period',
    'tmpfs',
    'user',
    'volumes',
    'working_dir',
    'x-minke',
  ],
  unsupported: {
    ...refuse(later, out, ['profiles', 'stop_signal', 'dns', 'dns_opt', 'dns_search', 'extra_hosts']),
    ...refuse(later, out, [
      'init',
      'group_add',
      'ulimits',
      'sysctls',
      'shm_size',
      'platform',
      'pull_policy',
      'domainname',
    ]),
    ...refuse(later, out, [
      'cpuset',
      'cpu_shares',
      'cpu_quota',
      'cpu_period',
      'cpu_percent',
      'cpu_count',
      'cpu_rt_period',
    ]),
    ...refuse(later, out, ['cpu_rt_runtime', 'mem_reservation', 'mem_swappiness', 'blkio_config', 'oom_score_adj']),
    ...refuse(later, out, ['post_start', 'pre_stop', 'develop', 'models', 'provider', 'annotations', 'label_file']),
    ...refuse(later, 'Mount the file instead: ./FILE:/run/secrets/NAME:ro', ['secrets', 'configs']),
    ...refuse(later, 'Write its keys here; anchors and "<<" work.', ['extends']),
    ...refuse('an app has one network, on which each service answers to its name', out, [
      'links',
      'external_links',
      'mac_address',
    ]),
    ...refuse(
      'instances have ids, since a name may stand for several',
      'Take it out; the service answers to its own name.',
      ['container_name'],
    ),
    ...refuse('services and functions are kept apart from the host and from one another', out, [
      'privileged',
      'cap_add',
      'cap_drop',
      'security_opt',
      'devices',
      'device_cgroup_rules',
      'pid',
      'ipc',
      'uts',
      'userns_mode',
      'cgroup',
      'cgroup_parent',
      'gpus',
      'isolation',
      'runtime',
      'credential_spec',
    ]),
    ...refuse('its door is the key "x-minke.may-run"', 'Write x-minke: {may-run: [NAME]}.', ['use_api_socket']),
    ...refuse('memory comes without swap', out, ['memswap_limit', 'oom_kill_disable']),
    ...refuse('output is kept by minke: minke logs', out, ['logging', 'attach', 'log_driver', 'log_opt']),
    ...refuse('there is no terminal', out, ['tty', 'stdin_open']),
    ...refuse('volumes are named one by one', 'Name them under "volumes".', [
      'volumes_from',
      'volume_driver',
      'storage_opt',
      'driver_opts',
    ]),
    ...refuse('it is a key of Compose v1', 'Write build: {context: FOLDER, dockerfile: FILE}.', ['dockerfile']),
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

export const deployKeys: Keys = {
  known: ['resources', 'replicas', 'restart_policy'],
  unsupported: refuse(later, out, ['endpoint_mode', 'labels', 'mode', 'placement', 'rollback_config', 'update_config']),
};

export const resourceKeys: Keys = {
  known: ['limits'],
  unsupported: refuse(later, 'Write limits instead.', ['reservations']),
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
