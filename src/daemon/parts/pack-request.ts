import { fileURLToPath } from 'node:url';
import { programToPack } from '../../apps/instance/argv.ts';
import { MinkeError } from '../../errors/index.ts';
import type { ImageStore } from '../../image/store.ts';
import type { AppModel, ServiceModel } from '../../model/app.ts';
import type { ReadyImage } from '../../model/instance.ts';
import { imageReference } from './catalog.ts';

/** The image of a service: packed from its folder, or found under its name. */
export async function obtainImage(images: ImageStore, app: AppModel, service: ServiceModel): Promise<ReadyImage> {
  const reference = imageReference(app.name, service);
  if (service.build === undefined) return await images.prepare(reference);
  if (service.build.dockerfile !== undefined) {
    throw new MinkeError('NOT_SUPPORTED', {
      what: `Building "${service.name}" from ${service.build.dockerfile}`,
      reason: 'Dockerfiles are not built yet; a folder without one is packed',
    });
  }
  return await images.pack({
    reference,
    folder: service.build.context,
    command: programToPack(service),
    asEntrypoint: service.kind === 'task',
    ...service.pack,
    exposedPorts: service.ports,
    extra: sdkFiles,
  });
}

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
