import type { Images, LocalImage, NamedTarget } from './containers.ts';

/** The names in `may-run` that a Docker client can mean with `image`: a name itself, or the reference of its image. */
export function findTargets(image: string, mayRun: readonly string[], targets: readonly NamedTarget[]): string[] {
  const wanted = fullReference(image);
  const byName = mayRun.filter((name) => image === name || image === `${name}:latest`);
  if (byName.length > 0) return byName;
  return targets
    .filter(
      (target) => mayRun.includes(target.name) && target.image !== undefined && fullReference(target.image) === wanted,
    )
    .map((target) => target.name);
}

/** `alpine` is `docker.io/library/alpine:latest`. */
export function fullReference(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const path = hasHost ? reference : `docker.io/${rest.length > 0 ? '' : 'library/'}${reference}`;
  return /[:@][^/]*$/.test(path) ? path : `${path}:latest`;
}

/** By id or reference, in whichever spelling: clients send the long one for the short one. */
export async function findImage(images: Images, reference: string): Promise<LocalImage | undefined> {
  const found = await images.find(reference);
  if (found !== undefined) return found;
  const wanted = fullReference(reference);
  return (await images.list()).find(({ references }) => references.some((one) => fullReference(one) === wanted));
}
