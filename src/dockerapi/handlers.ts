import { attach } from './attach.ts';
import type { Handler } from './call.ts';
import {
  inspectContainer,
  killContainer,
  listContainers,
  removeContainer,
  startContainer,
  stopContainer,
} from './container-calls.ts';
import { createContainer } from './create.ts';
import { streamEvents } from './events.ts';
import { inspectImage, listImages, loadImage, pullImage } from './image-calls.ts';
import { containerLogs } from './logs.ts';
import type { CallName } from './routes.ts';
import { info, ping, version } from './system-calls.ts';
import { waitContainer } from './wait.ts';

/** Who answers which call of routes.ts. */
export const handlers: Readonly<Record<CallName, Handler>> = {
  ping,
  version,
  info,
  events: streamEvents,
  containerCreate: createContainer,
  containerList: listContainers,
  containerInspect: inspectContainer,
  containerStart: startContainer,
  containerAttach: attach,
  containerWait: waitContainer,
  containerLogs,
  containerKill: killContainer,
  containerStop: stopContainer,
  containerRemove: removeContainer,
  imageList: listImages,
  imageInspect: inspectImage,
  imagePull: pullImage,
  imageLoad: loadImage,
};
