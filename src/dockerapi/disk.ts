import { sendJson } from './answer.ts';
import { isGone, type Call, type Desk } from './call.ts';
import { listView as containerView } from './container-view.ts';
import { listView as imageView } from './image-calls.ts';
import { measureFolder } from './measure-folder.ts';
import { volumesOf, volumeView } from './volume-calls.ts';

/** `docker system df`: what containers have written is not measured, and nothing is said of it. */
export async function measureDisk(desk: Desk, { response }: Call): Promise<void> {
  const [images, volumes, all] = await Promise.all([desk.images.list(), desk.volumes.list(), desk.containers.list({})]);
  const containers = all.filter((one) => !isGone(one));
  const layers = new Map(images.map(({ id, sizeBytes }) => [id, sizeBytes]));
  sendJson(response, 200, {
    LayersSize: [...layers.values()].reduce((sum, bytes) => sum + bytes, 0),
    Images: images.map((image) => ({
      ...imageView(image),
      // Of versions before 1.44, whose clients show it.
      VirtualSize: image.sizeBytes,
      SharedSize: 0,
      Containers: containers.filter((one) => one.image.id === image.id).length,
    })),
    Containers: containers.map((one) => containerView(one, desk.clock.now())),
    Volumes: await Promise.all(
      volumes.map(async (volume) => ({
        ...volumeView(volume),
        UsageData: {
          Size: await measureFolder(volume.path),
          RefCount: containers.filter((one) => volumesOf(one).includes(volume.name)).length,
        },
      })),
    ),
    BuildCache: [],
  });
}
