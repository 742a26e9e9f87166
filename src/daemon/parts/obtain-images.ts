import { fileURLToPath } from 'node:url';
import type { StepProgress } from '../../apps/deploy/execute-steps.ts';
import { programToPack } from '../../apps/instance/argv.ts';
import type { Builds } from '../../image/build/builds.ts';
import type { ImageStore } from '../../image/store.ts';
import { MinkeError, type ErrorCode } from '../../errors/index.ts';
import type { AppModel, BuildModel, ServiceModel } from '../../model/app.ts';
import type { ReadyImage } from '../../model/instance.ts';
import type { Clock } from '../../observe/clock.ts';
import { imageReference } from './catalog.ts';

export interface ImageMakers {
  readonly images: ImageStore;
  readonly builds: Builds;
  readonly clock: Clock;
}

export interface ObtainOptions {
  /** Only these; empty = all of the app. */
  readonly services?: readonly string[];
  /** Builds Dockerfiles anew though nothing has changed. */
  readonly isFresh?: boolean;
  readonly onProgress: (progress: StepProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The images of an app by service: packed, built, found here, or pulled. All at once; of those that cannot be had all are told. */
export async function obtainImages(
  makers: ImageMakers,
  model: AppModel,
  options: ObtainOptions,
): Promise<ReadonlyMap<string, ReadyImage>> {
  const { services = [], onProgress } = options;
  const wanted = Object.values(model.services).filter(({ name }) => services.length === 0 || services.includes(name));
  const obtained = wanted.map(async (service) => {
    const step = { step: 'prepare-image', subject: service.name } as const;
    const begun = makers.clock.elapsed();
    onProgress({ ...step, state: 'begun' });
    const goesOn = (detail: Partial<StepProgress>): void => onProgress({ ...step, state: 'going', ...detail });
    const image = await obtainImage(makers, model, service, { ...options, onProgress: goesOn });
    onProgress({ ...step, state: 'ended', ms: Math.round(makers.clock.elapsed() - begun) });
    return [service.name, image] as const;
  });
  const results = await Promise.allSettled(obtained);
  const failures = results.flatMap((result, index) =>
    result.status === 'rejected' ? [{ service: wanted[index]?.name ?? '', reason: result.reason as unknown }] : [],
  );
  if (failures.length > 0) throw asOne(failures);
  return new Map(await Promise.all(obtained));
}

interface Failure {
  readonly service: string;
  readonly reason: unknown;
}

/** Images that are nowhere to be had are told together, so that they can be brought together; any other failure comes first. */
function asOne(failures: readonly Failure[]): unknown {
  const missing = failures.flatMap(({ service, reason }) =>
    reason instanceof MinkeError && nowhere.has(reason.code) ? [{ service, error: reason }] : [],
  );
  const other = failures.find(({ reason }) => !missing.some(({ error }) => error === reason));
  const byImage = new Map(missing.map(({ error }) => [String(error.facts['image']), error]));
  if (other !== undefined || byImage.size < 2) return (other ?? failures[0])?.reason;
  const servicesOf = (image: string): string =>
    missing.flatMap(({ service, error }) => (error.facts['image'] === image ? [service] : [])).join(', ');
  return new MinkeError('IMAGES_MISSING', {
    count: byImage.size,
    reasons: [...byImage].map(([image, { message }]) => `${servicesOf(image)}: ${message}`).join('; '),
    images: [...byImage.keys()].join(' '),
  });
}

const nowhere: ReadonlySet<string> = new Set<ErrorCode>([
  'IMAGE_NOT_FOUND',
  'IMAGE_ACCESS_DENIED',
  'REGISTRY_UNREACHABLE',
  'REGISTRY_FAILED',
]);

interface ServiceOptions {
  readonly isFresh?: boolean;
  readonly onProgress: (detail: Partial<StepProgress>) => void;
  readonly signal?: AbortSignal | undefined;
}

async function obtainImage(
  { images, builds }: ImageMakers,
  app: AppModel,
  service: ServiceModel,
  { isFresh = false, onProgress, signal }: ServiceOptions,
): Promise<ReadyImage> {
  const reference = imageReference(app.name, service);
  const { build } = service;
  if (build === undefined) return await images.prepare(reference, { onProgress, signal });
  if (!hasDockerfile(build)) return await images.pack(packRequest(reference, service, build));
  return await builds.build({ ...build, reference, isFresh, signal, onLine: (note) => onProgress({ note }) });
}

const hasDockerfile = (build: BuildModel): build is BuildModel & { readonly dockerfile: string } =>
  build.dockerfile !== undefined;

const packRequest = (reference: string, service: ServiceModel, build: BuildModel) => ({
  reference,
  folder: build.context,
  command: programToPack(service),
  asEntrypoint: service.kind === 'task',
  ...service.pack,
  exposedPorts: service.ports,
  extra: sdkFiles,
});

/** The SDK as the package `minke` in every packed Node app: as JavaScript, since Node strips no types in node_modules. */
const sdkFiles = [
  ...['sdk', 'api', 'errors'].map((name) => ({
    targetPath: `node_modules/minke/${name}`,
    sourceFolder: fileURLToPath(new URL(`../../${name}`, import.meta.url)),
  })),
  {
    targetPath: 'node_modules/minke/package.json',
    text: JSON.stringify({ name: 'minke', type: 'module', exports: { './sdk': './sdk/index.js' } }),
  },
];
