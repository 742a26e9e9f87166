import { MinkeError } from '../errors/index.ts';
import type { PublishedPort } from '../model/app.ts';
import { listOf, objectOf, textOf } from './json-values.ts';
import type { Json } from './json.ts';

/** `{"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}`; a port of the host that is not said is whichever is free. */
export function readPortBindings(value: Json | undefined): readonly PublishedPort[] {
  const path = 'HostConfig.PortBindings';
  return Object.entries(objectOf(value, path)).flatMap(([port, bindings]) => {
    const [, number = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(port) ?? [];
    if (number === '' || Number(number) > 65_535) throw notSupported(path, `"${port}" is not a port of tcp or udp`);
    const asked = listOf(bindings, `${path}.${port}`).map((one) => objectOf(one, `${path}.${port}`));
    // `-p 80` is sent with an empty list or with an empty binding.
    const all = asked.length === 0 ? [{}] : asked;
    return all.map((binding): PublishedPort => {
      const hostIp = textOf(binding['HostIp'], `${path}.${port}.HostIp`);
      if (hostIp.includes(':')) throw notSupported(path, `"${hostIp}" is not an IPv4 address`);
      return {
        ...(hostIp === '' || hostIp === '0.0.0.0' ? {} : { hostIp }),
        ...hostPorts(textOf(binding['HostPort'], `${path}.${port}.HostPort`)),
        containerPort: Number(number),
        protocol: protocol === 'udp' ? 'udp' : 'tcp',
      };
    });
  });
}

/** Of what is exposed, what no binding names. @throws NOT_SUPPORTED */
export function publishAll(exposed: readonly string[], bound: readonly PublishedPort[]): readonly PublishedPort[] {
  const all = readPortBindings(Object.fromEntries(exposed.map((port) => [port, null])));
  return all.filter(
    ({ containerPort, protocol }) =>
      !bound.some((one) => one.containerPort === containerPort && one.protocol === protocol),
  );
}

function hostPorts(text: string): Pick<PublishedPort, 'hostPorts'> {
  if (text === '' || text === '0') return {};
  const [, first = '', last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === '' || from < 1 || to > 65_535 || to < from)
    throw new MinkeError('BAD_REQUEST', { reason: `"${text}" is not a port of the host, or a range of them` });
  return { hostPorts: [from, to] };
}

const notSupported = (what: string, reason: string): MinkeError => new MinkeError('NOT_SUPPORTED', { what, reason });
