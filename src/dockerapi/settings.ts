import { constants } from 'node:os';
import { isIPv4 } from 'node:net';
import { MinkeError } from '../errors/index.ts';
import type { HealthcheckModel } from '../model/health.ts';
import type { ContainerSettings } from '../model/instance.ts';
import type { RunOptions } from '../model/run.ts';
import { healthTimes, isHealthcheck, toHealthcheck, type HealthcheckFile } from '../image/layout/healthcheck.ts';
import { listOf, numberOf, objectOf, textOf, wordsOf } from './json-values.ts';
import type { Json, JsonObject } from './json.ts';

/** What a container may have set beyond its program, mounts and limits. */
export function settingsOption(body: JsonObject, host: JsonObject): RunOptions {
  const stopSignal = textOf(body['StopSignal'], 'StopSignal');
  const domainname = textOf(body['Domainname'], 'Domainname');
  const shmBytes = numberOf(host['ShmSize'], 'HostConfig.ShmSize');
  const groups = wordsOf(host['GroupAdd'], 'HostConfig.GroupAdd');
  const extraHosts = wordsOf(host['ExtraHosts'], 'HostConfig.ExtraHosts').map(readHost);
  const ulimits = Object.fromEntries(listOf(host['Ulimits'], 'HostConfig.Ulimits').map(readUlimit));
  const settings: ContainerSettings = {
    ...(stopSignal !== '' && { stopSignal: signalNumber(stopSignal) }),
    ...(domainname !== '' && { domainname }),
    ...(shmBytes > 0 && { shmBytes }),
    ...(groups.length > 0 && { groups }),
    ...(extraHosts.length > 0 && { extraHosts }),
    ...(Object.keys(ulimits).length > 0 && { ulimits }),
  };
  return Object.keys(settings).length === 0 ? {} : { settings };
}

/** By name, with or without SIG, or by number. @throws BAD_REQUEST */
export function signalNumber(signal: string): number {
  const name = signal.toUpperCase();
  const found = constants.signals[(name.startsWith('SIG') ? name : `SIG${name}`) as NodeJS.Signals] ?? Number(name);
  if (Number.isInteger(found) && found > 0 && found < 65) return found;
  throw new MinkeError('BAD_REQUEST', { reason: `"${signal}" is not a signal` });
}

/** `NAME:ADDRESS`, or with "=" as newer clients write it. */
function readHost(line: string): { readonly name: string; readonly address: string } {
  const [, name = '', address = ''] = /^([^:=\s]+)[:=](\S+)$/.exec(line) ?? [];
  if (name === '' || !isIPv4(address))
    throw new MinkeError('NOT_SUPPORTED', {
      what: 'HostConfig.ExtraHosts',
      reason: `"${line}" is not a name and an IPv4 address; the host itself is not reached by containers`,
    });
  return { name, address };
}

function readUlimit(value: Json): [string, { readonly soft: number; readonly hard: number }] {
  const path = 'HostConfig.Ulimits';
  const limit = objectOf(value, path);
  const name = textOf(limit['Name'], `${path}.Name`);
  if (!/^[a-z]+$/.test(name)) throw new MinkeError('BAD_REQUEST', { reason: `"${name}" is not the name of a limit` });
  return [name, { soft: numberOf(limit['Soft'], `${path}.Soft`), hard: numberOf(limit['Hard'], `${path}.Hard`) }];
}

/** Without a test it is the image's, in other intervals. @throws BAD_REQUEST */
export function healthOption(value: Json | undefined): RunOptions {
  const asked = objectOf(value, 'Healthcheck');
  if (!isHealthcheck(asked))
    throw new MinkeError('BAD_REQUEST', { reason: '"Healthcheck" is not a list of words and numbers of at least 0' });
  const file = asked as HealthcheckFile;
  const healthcheck: HealthcheckModel | 'none' = toHealthcheck(file) ?? healthTimes(file);
  return healthcheck !== 'none' && Object.keys(healthcheck).length === 0 ? {} : { healthcheck };
}
