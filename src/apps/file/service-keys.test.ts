import { describe, expect, it } from 'vitest';
import type { ServiceModel } from '../../model/app.ts';
import { loadApp } from '../load-app.ts';
import { memory, modelOf, problemsOf, warningsOf } from '../testing/app-file.ts';

/** One line of a service, and what of the model it makes. */
const carriedOut: readonly (readonly [line: string, expected: object])[] = [
  ['cap_add: [NET_ADMIN, cap_sys_ptrace]', { capAdd: ['NET_ADMIN', 'SYS_PTRACE'] }],
  ['cap_drop: [ALL]', { capDrop: ['ALL'] }],
  [
    'ulimits: {nofile: 1024, core: {soft: 0, hard: -1}}',
    { settings: { ulimits: { nofile: { soft: 1024, hard: 1024 }, core: { soft: 0, hard: -1 } } } },
  ],
  ['sysctls: [net.core.somaxconn=1024]', { settings: { sysctls: { 'net.core.somaxconn': '1024' } } }],
  ['sysctls: {kernel.shmmax: 1024}', { settings: { sysctls: { 'kernel.shmmax': '1024' } } }],
  ['shm_size: 128m', { settings: { shmBytes: 128 * 1024 ** 2 } }],
  [
    'extra_hosts: ["a:192.0.2.1", "b=[2001:db8::1]"]',
    {
      settings: {
        extraHosts: [
          { name: 'a', address: '192.0.2.1' },
          { name: 'b', address: '2001:db8::1' },
        ],
      },
    },
  ],
  ['extra_hosts: {a: 192.0.2.1}', { settings: { extraHosts: [{ name: 'a', address: '192.0.2.1' }] } }],
  ['dns_search: example.com', { settings: { dns: { servers: [], search: ['example.com'], options: [] } } }],
  ['dns_opt: ["ndots:1", use-vc]', { settings: { dns: { servers: [], search: [], options: ['ndots:1', 'use-vc'] } } }],
  ['domainname: example.com', { settings: { domainname: 'example.com' } }],
  ['stop_signal: SIGQUIT', { settings: { stopSignal: 3 } }],
  ['stop_signal: "12"', { settings: { stopSignal: 12 } }],
  ['stop_signal: SIGRTMIN+3', { settings: { stopSignal: 37 } }],
  ['group_add: [mail, 1000]', { settings: { groups: ['mail', '1000'] } }],
  ['oom_score_adj: -500', { settings: { oomScoreAdj: -500 } }],
  ['annotations: {a: b}', { settings: { annotations: { a: 'b' } } }],
  ['init: false', { settings: {} }],
  ['cpu_shares: 512', { limits: { cpuShares: 512 } }],
  ['cpu_quota: 50000', { limits: { cpus: 0.5 } }],
  ['{cpu_quota: 50000, cpu_period: 25000}', { limits: { cpus: 2 } }],
  ['cpu_quota: -1', { limits: { cpus: 0 } }],
  ['mem_reservation: 64m', { limits: { memoryReservationBytes: 64 * 1024 ** 2 } }],
  ['deploy: {resources: {reservations: {memory: 64m}}}', { limits: { memoryReservationBytes: 64 * 1024 ** 2 } }],
  ['{mem_limit: 64m, memswap_limit: 64m}', { limits: { memoryBytes: 64 * 1024 ** 2 } }],
  ['security_opt: ["no-new-privileges:true"]', { capAdd: [] }],
  [
    'tmpfs: "/run:size=1m,mode=700,uid=7,noexec"',
    {
      mounts: [
        {
          type: 'tmpfs',
          target: '/run',
          readOnly: false,
          sizeBytes: 1024 ** 2,
          options: ['mode=700', 'uid=7', 'noexec'],
        },
      ],
    },
  ],
  [
    'volumes: [{type: tmpfs, target: /run, tmpfs: {size: 1m, mode: 0700}}]',
    { mounts: [{ type: 'tmpfs', sizeBytes: 1024 ** 2, options: ['mode=700'] }] },
  ],
  ['volumes: [{type: tmpfs, target: /run, tmpfs: {mode: 448}}]', { mounts: [{ options: ['mode=700'] }] }],
  [
    'volumes: [{type: volume, source: data, target: /data, volume: {nocopy: true}}]',
    { mounts: [{ source: 'data', target: '/data' }] },
  ],
  ['platform: linux/amd64', { image: 'acme/web' }],
  ['platform: x86_64', { image: 'acme/web' }],
  ['pull_policy: missing', { image: 'acme/web' }],
  ['container_name: shop_web', { aliases: ['shop_web'] }],
  ['stdin_open: true', { stdinOpen: true }],
  ['label_file: web.labels', { labels: { team: 'web', tier: 'file' } }],
  ['{label_file: [web.labels], labels: {tier: own}}', { labels: { team: 'web', tier: 'own' } }],
  ['deploy: {replicas: 3}', { replicas: 3 }],
  ['scale: 0', { replicas: 0 }],
  ['{scale: 2, deploy: {replicas: 2}}', { replicas: 2 }],
  ['deploy: {labels: {a: b}, mode: replicated}', { deployLabels: { a: 'b' }, labels: {} }],
  ['links: ["db:database", db]', { dependsOn: [{ name: 'db' }], settings: { links: { database: 'db' } } }],
  [
    'secrets: [password]',
    { grants: [{ kind: 'secret', source: 'password', target: '/run/secrets/password', mode: 0o444 }] },
  ],
  [
    'secrets: [{source: password, target: /etc/key, mode: 0400, uid: "7", gid: 8}]',
    { grants: [{ kind: 'secret', source: 'password', target: '/etc/key', mode: 0o400, uid: 7, gid: 8 }] },
  ],
  [
    'configs: [{source: tuning, target: etc/t.conf}]',
    { grants: [{ kind: 'config', source: 'tuning', target: '/etc/t.conf' }] },
  ],
];

const refused: readonly (readonly [line: string, key: string, mend: string])[] = [
  ['cap_add: [SYS_ADMIN]', 'cap_add[0]', 'Take it out.'],
  ['cap_add: [ALL]', 'cap_add[0]', 'Take it out.'],
  ['cap_add: [NET_ADMN]', 'cap_add[0]', 'Write a name of capabilities(7), such as NET_ADMIN.'],
  ['ulimits: {nofiles: 1}', 'ulimits.nofiles', 'Did you mean "nofile"?'],
  ['ulimits: {nofile: {soft: 2, hard: 1}}', 'ulimits.nofile.soft', 'Lower it.'],
  ['ulimits: {nofile: {soft: 2}}', 'ulimits.nofile', 'Write both.'],
  ['sysctls: {vm.max_map_count: 262144}', 'sysctls.vm.max_map_count', 'Take it out, or set it on the host: sysctl -w.'],
  ['shm_size: big', 'shm_size', 'Write a unit: 64m, 512m, 1.5g.'],
  [
    'extra_hosts: ["host.docker.internal:host-gateway"]',
    'extra_hosts[0]',
    'Give the service an address that is not the host, and let "outbound" allow it.',
  ],
  ['extra_hosts: ["a:b"]', 'extra_hosts[0]', 'Write a=192.0.2.7.'],
  ['extra_hosts: [a]', 'extra_hosts[0]', 'Write - db=192.0.2.7.'],
  ['dns: 9.9.9.9', 'dns', 'Take it out.'],
  ['dns: resolver', 'dns', 'Write 9.9.9.9.'],
  ['dns_search: "a b"', 'dns_search', 'Write example.com.'],
  ['dns_opt: ["no dots"]', 'dns_opt[0]', 'Write ndots:1, timeout:3 or use-vc.'],
  ['stop_signal: SIGFOO', 'stop_signal', 'Write SIGTERM, SIGINT, SIGQUIT or a number.'],
  ['stop_signal: 0', 'stop_signal', 'Write SIGTERM, SIGINT, SIGQUIT or a number.'],
  ['group_add: ["a b"]', 'group_add[0]', 'Write a name or a number.'],
  ['init: true', 'init', 'Take it out, and let the image begin with its own: entrypoint: ["tini", "--"].'],
  ['oom_score_adj: 1001', 'oom_score_adj', 'Write 500.'],
  ['cpuset: 0-1,3', 'cpuset', 'Write cpus: 1 to limit how much of the cores it takes.'],
  ['cpuset: all', 'cpuset', 'Write "0-2,4".'],
  ['cpu_shares: 1', 'cpu_shares', 'Write a number, such as 2.'],
  ['{cpus: 1, cpu_quota: 50000}', 'cpu_quota', 'Keep one of the two.'],
  [
    '{mem_limit: 64m, memswap_limit: 1g}',
    'memswap_limit',
    'Take it out, and raise mem_limit to what the service needs.',
  ],
  ['memswap_limit: -1', 'memswap_limit', 'Take it out, and raise mem_limit to what the service needs.'],
  ['security_opt: ["seccomp=unconfined"]', 'security_opt[0]', 'Take it out.'],
  ['security_opt: ["no-new-privileges:false"]', 'security_opt[0]', 'Take it out.'],
  ['tmpfs: "/run:size=x"', 'tmpfs', 'Write /path or /path:size=64m.'],
  ['tmpfs: "/run:suid"', 'tmpfs', 'Write /path or /path:size=64m.'],
  [
    'volumes: [{type: volume, source: data, target: /d, volume: {subpath: x}}]',
    'volumes[0]',
    'Take it out, and name the folder in the program.',
  ],
  [
    'volumes: [{type: volume, source: data, target: /d, volume: {subpath: ../x}}]',
    'volumes[0].volume.subpath',
    'Write data/web, without ".." and without a "/" in front.',
  ],
  [
    'volumes: [{type: bind, source: ., target: /d, bind: {propagation: rshared}}]',
    'volumes[0].bind.propagation',
    'Take it out.',
  ],
  ['volumes: [/data]', 'volumes[0]', 'Give it a name: data:/data, and declare "data" under the top-level "volumes".'],
  ['platform: linux/arm64', 'platform', 'Write linux/amd64, or take it out.'],
  ['platform: windows', 'platform', 'Write linux/amd64, or take it out.'],
  ['pull_policy: sometimes', 'pull_policy', 'Take it out.'],
  ['pull_policy: build', 'pull_policy', 'Write build: FOLDER.'],
  ['container_name: "no name"', 'container_name', 'Use a-z, 0-9, "-", "_" and ".".'],
  ['container_name: db', '', 'Choose another alias.'],
  ['label_file: none.labels', 'label_file', 'Make /a/none.labels, or take it out.'],
  ['links: [dbs]', 'links[0]', 'Did you mean "db"?'],
  ['links: ["a:b:c"]', 'links[0]', 'Write - db:database.'],
  ['external_links: [other]', 'external_links', 'Put both into one app, or let "outbound" allow an address.'],
  ['volumes_from: ["container:x"]', 'volumes_from[0]', 'Name the service instead.'],
  ['volumes_from: [dbs]', 'volumes_from[0]', 'Did you mean "db"?'],
  ['secrets: [pasword]', 'secrets[0]', 'Add at the top level: secrets: {pasword: {file: ./FILE}}'],
  ['secrets: [{target: a}]', 'secrets[0]', 'Write source: NAME.'],
  ['secrets: [{source: password, mode: 440}]', 'secrets[0].mode', 'Write 0440.'],
  ['secrets: [{source: password, target: ../x}]', 'secrets[0].target', 'Write /run/secrets/NAME.'],
  ['secrets: [{source: password, target: /proc/x}]', 'secrets[0].target', 'Write /run/secrets/NAME.'],
  ['secrets: [password, {source: password, target: password}]', 'secrets[1]', 'Keep one of the two.'],
  ['configs: [{source: tuning, owner: 7}]', 'configs[0].owner', 'What can stand here: gid, mode, source, target, uid'],
  ['deploy: {replicas: -1}', 'deploy.replicas', 'Write a number, such as 1.'],
  ['{scale: 2, deploy: {replicas: 3}}', 'scale', 'Keep one of the two.'],
  ['{scale: 3, x-minke: {function: http}}', 'scale', 'Write x-minke: {scale: {max: 3}}.'],
  ['{deploy: {replicas: 0}, x-minke: {function: task}}', 'deploy.replicas', 'Take it out.'],
  ['{scale: 2, expose: ["80"], x-minke: {scale: {min: 0}}}', 'scale', 'Take one of the two out.'],
  ['deploy: {mode: replicated-job}', 'deploy.mode', 'Write x-minke: {function: task}, and run it: minke run NAME.'],
  ['deploy: {resources: {reservations: {devices: []}}}', 'deploy.resources.reservations.devices', 'Take it out.'],
  ['privileged: true', 'privileged', 'Take it out.'],
  ['devices: [/dev/fuse]', 'devices', 'Take it out.'],
  ['pid: host', 'pid', 'Take it out.'],
  ['ipc: host', 'ipc', 'Take it out.'],
  ['userns_mode: host', 'userns_mode', 'Take it out.'],
  ['cgroup: host', 'cgroup', 'Take it out.'],
  ['network_mode: host', 'network_mode', 'Take it out: the services of an app reach one another by name.'],
  ['oom_kill_disable: true', 'oom_kill_disable', 'Raise its limit of memory.'],
  ['post_start: [{command: a}]', 'post_start', 'Take it out.'],
  ['dockerfile: other', 'dockerfile', 'Write build: {context: FOLDER, dockerfile: FILE}.'],
  ['log_driver: syslog', 'log_driver', 'Write logging instead.'],
];

const warned: readonly (readonly [line: string, key: string])[] = [
  ['logging: {driver: syslog, options: {a: b}}', 'logging'],
  ['attach: false', 'attach'],
  ['develop: {watch: []}', 'develop'],
  ['mem_swappiness: 0', 'mem_swappiness'],
  ['tty: true', 'tty'],
  ['pull_policy: always', 'pull_policy'],
  ['deploy: {placement: {constraints: [node.role == manager]}}', 'deploy.placement'],
  ['deploy: {endpoint_mode: dnsrr}', 'deploy.endpoint_mode'],
  ['deploy: {update_config: {parallelism: 2}}', 'deploy.update_config'],
  ['deploy: {resources: {reservations: {cpus: 0.5}}}', 'deploy.resources.reservations.cpus'],
];

describe('a key of a service', () => {
  it.each(carriedOut)('CO-1 %s is carried out', (line, expected) => {
    expect(web(line)).toMatchObject(expected);
  });

  it.each(refused)('CO-1 %s is refused with its line and its mend', (line, key, mend) => {
    const found = problemsOf(fileWith(line));
    const path = key === '' ? 'services.web' : `services.web.${key}`;
    expect(found.map(({ facts }) => [facts['key'], facts['mend']])).toEqual([[path, mend]]);
    expect(found[0]?.facts['line']).toBe(key === '' ? 3 : 5);
  });

  it.each(warned)('CO-1 %s changes nothing here, and that is said', (line, key) => {
    const file = fileWith(line);
    expect(problemsOf(file)).toEqual([]);
    expect(warningsOf(file).map(({ facts }) => facts['key'])).toEqual([`services.web.${key}`]);
  });
});

describe('volumes_from', () => {
  it('takes mounts of others, read-only where it says so, its own before theirs', () => {
    const text = `services:
  data: {image: a, volumes: ["a:/a", "b:/b"], tmpfs: /t}
  middle: {image: a, volumes_from: ["data:ro"]}
  web: {image: a, volumes: ["own:/b"], volumes_from: [middle]}
volumes: {a: , b: , own: }
`;
    const { web: service } = modelOf(memory(text)).services;
    expect(service?.mounts).toEqual([
      { type: 'volume', source: 'own', target: '/b', readOnly: false },
      { type: 'volume', source: 'a', target: '/a', readOnly: true },
    ]);
    expect(service?.dependsOn.map(({ name }) => name)).toEqual(['middle']);
  });

  it('in a circle is refused', () => {
    const text = 'services:\n  a: {image: a, volumes_from: [b]}\n  b: {image: a, volumes_from: [a]}\n';
    expect(problemsOf(memory(text)).map(({ code }) => code)).toContain('APP_FILE_CYCLE');
  });
});

describe('secrets and configs at the top level', () => {
  const top = (sources: string) =>
    memory(`services: {web: {image: a}}\nsecrets: ${sources}\n`, { '/a/key': 'from a file' });

  it('say where to find them, and their content is apart from the model', () => {
    const file = {
      ...top('{a: {file: key}, b: {environment: B}, c: {content: "in the file"}}'),
      environment: { B: 'from the caller' },
    };
    const model = modelOf(file);
    expect(model.secrets).toEqual({
      a: { from: 'file', path: '/a/key' },
      b: { from: 'environment', variable: 'B' },
      c: { from: 'content' },
    });
    expect(JSON.stringify(model)).not.toMatch(/from the caller|in the file|from a file/);
  });

  it('whose variable is not set keep nobody from looking, but from starting', () => {
    const loaded = loadApp({ files: [], environment: {}, ...top('{a: {environment: NONE}}') });
    const lacking = 'lacking' in loaded ? loaded.lacking : [];
    expect(lacking.map(({ facts, hint }) => [facts['key'], facts['line'], hint])).toEqual([
      ['secrets.a.environment', 2, 'Set it: export NONE=...'],
    ]);
  });

  it.each([
    ['{a: {file: none}}', 'secrets.a.file', 'Make /a/none.'],
    ['{a: {external: true}}', 'secrets.a.external', 'Write file: ./FILE, or environment: VARIABLE.'],
    ['{a: {}}', 'secrets.a', 'Write file: ./FILE.'],
    ['{a: {file: key, content: x}}', 'secrets.a', 'Write file: ./FILE.'],
    ['{a: {driver: vault, file: key}}', 'secrets.a.driver', 'Take it out.'],
    ['{"a/b": {file: key}}', 'secrets.a/b', 'Choose another name.'],
    ['[a]', 'secrets', 'Write secrets: {NAME: {file: ./FILE}}.'],
  ])('%s is refused', (sources, key, mend) => {
    expect(problemsOf(top(sources)).map(({ facts }) => [facts['key'], facts['mend']])).toEqual([[key, mend]]);
  });
});

describe('a volume', () => {
  it.each([
    ['{name: outside}', { name: 'outside', external: false }],
    ['{external: true}', { name: 'data', external: true }],
    ['{external: {name: outside}}', { name: 'outside', external: true }],
    ['{external: false}', { name: 'a_data', external: false }],
  ])('CO-4 %s is called and kept as it says', (value, expected) => {
    const text = `services: {web: {image: a, volumes: ["data:/d"]}}\nvolumes: {data: ${value}}\n`;
    expect(modelOf(memory(text)).volumes).toEqual({ data: expected });
  });
});

/** The line stands on line 5 of its file. */
function fileWith(line: string) {
  const keys = line.startsWith('{') ? line.slice(1, -1) : undefined;
  const own = keys === undefined ? `    ${line}\n` : `    <<: {${keys}}\n`;
  const text = `services:\n  db: {image: acme/db}\n  web:\n    image: acme/web\n${own}secrets: {password: {content: x}}\nconfigs: {tuning: {content: y}}\nvolumes: {data: }\n`;
  return { ...memory(text, { '/a/web.labels': 'team=web\ntier=file\n', '/a/': '' }), architecture: 'x64' };
}

function web(line: string): ServiceModel | undefined {
  return modelOf(fileWith(line)).services['web'];
}
