import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/**
 * The login of a registry as `docker login` left it in config.json; undefined where there is none. Throws
 * IMAGE_ACCESS_DENIED where there is one that minke cannot use (a credential helper, a token of another kind), with the way out.
 */
export function readCredentials(host: string, env: NodeJS.ProcessEnv, image: string): Credentials | undefined {
  const path = join(env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker'), 'config.json');
  if (!existsSync(path)) return undefined;
  const denied = (reason: string): never => {
    throw new MinkeError('IMAGE_ACCESS_DENIED', { image, registry: host, reason });
  };
  const config = readConfig(path, denied);
  const keys = keysOf(host);
  const helper = keys.map((key) => config.credHelpers?.[key]).find((name) => name !== undefined);
  if (helper !== undefined) denied(helperReason(helper, path));
  const entry = keys.map((key) => config.auths?.[key]).find((one) => one !== undefined);
  const known = entry === undefined ? undefined : credentialsIn(entry, path, denied);
  // Docker leaves an empty entry where the login itself lies in its store.
  if (known === undefined && entry !== undefined && isSet(config.credsStore))
    denied(helperReason(config.credsStore, path));
  return known;
}

interface Entry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

interface ConfigFile {
  readonly auths?: Readonly<Record<string, Entry>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

type Denied = (reason: string) => never;

const isSet = (text: string | undefined): text is string => text !== undefined && text !== '';

const helperReason = (helper: string, path: string): string =>
  `its login is kept by the credential helper "${helper}", which minke does not ask; put it under "auths" in ${path}`;

function readConfig(path: string, denied: Denied): ConfigFile {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) ?? {}) as ConfigFile;
  } catch (error) {
    return denied(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Docker writes the name that the user gave; for Docker Hub it is the address of its first version. */
function keysOf(host: string): readonly string[] {
  const hub = ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'registry-1.docker.io'];
  return host === 'docker.io' ? hub : [host, `https://${host}`, `http://${host}`, `https://${host}/v2/`];
}

function credentialsIn(entry: Entry, path: string, denied: Denied): Credentials | undefined {
  if (isSet(entry.identitytoken) || isSet(entry.registrytoken))
    denied(`its login in ${path} is a token, which minke does not use; log in with a name and a password`);
  if (isSet(entry.username)) return { username: entry.username, password: entry.password ?? '' };
  if (!isSet(entry.auth)) return undefined;
  const text = Buffer.from(entry.auth, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 1
    ? denied(`its "auth" in ${path} is not base64 of NAME:PASSWORD`)
    : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
