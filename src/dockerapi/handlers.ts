import { attach } from './attach.ts';
import type { Handler } from './call.ts';
import {
  inspectContainer,
  killContainer,
  listContainers,
  pruneContainers,
  removeContainer,
  startContainer,
  restartContainer,
  stopContainer,
} from './container-calls.ts';
import {
  pauseContainer,
  renameContainer,
  resizeContainer,
  unpauseContainer,
  updateContainer,
} from './control-calls.ts';
import { createContainer } from './create.ts';
import { streamEvents } from './events.ts';
import { createExec, inspectExec, resizeExec, startExec } from './exec-calls.ts';
import { getArchive, headArchive, putArchive, exportContainer, listChanges } from './archive-calls.ts';
import { inspectImage, listImages, loadImage, pullImage } from './image-calls.ts';
import { measureDisk } from './disk.ts';
import { imageHistory, pruneImages, removeImage, saveImage, tagImage } from './image-changes.ts';
import {
  createNetwork,
  inspectNetwork,
  listNetworks,
  pruneNetworks,
  removeNetwork,
  connectNetwork,
  disconnectNetwork,
} from './network-calls.ts';
import { createVolume, inspectVolume, listVolumes, pruneVolumes, removeVolume } from './volume-calls.ts';
import { containerLogs } from './logs.ts';
import type { CallName } from './routes.ts';
import { info, ping, version } from './system-calls.ts';
import { containerStats } from './stats.ts';
import { topContainer } from './top.ts';
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
  containerRestart: restartContainer,
  containerAttach: attach,
  containerWait: waitContainer,
  containerLogs,
  containerKill: killContainer,
  containerStop: stopContainer,
  containerRemove: removeContainer,
  containerPause: pauseContainer,
  containerUnpause: unpauseContainer,
  containerRename: renameContainer,
  containerUpdate: updateContainer,
  containerResize: resizeContainer,
  containerTop: topContainer,
  containerStats,
  containerPrune: pruneContainers,
  containerChanges: listChanges,
  containerExport: exportContainer,
  archiveGet: getArchive,
  archiveHead: headArchive,
  archivePut: putArchive,
  execCreate: createExec,
  execStart: startExec,
  execInspect: inspectExec,
  execResize: resizeExec,
  imageList: listImages,
  imageInspect: inspectImage,
  imagePull: pullImage,
  imageLoad: loadImage,
  imagePrune: pruneImages,
  imageSave: saveImage,
  imageHistory,
  imageTag: tagImage,
  imageRemove: removeImage,
  systemDf: measureDisk,
  networkList: listNetworks,
  networkCreate: createNetwork,
  networkPrune: pruneNetworks,
  networkInspect: inspectNetwork,
  networkRemove: removeNetwork,
  networkConnect: connectNetwork,
  networkDisconnect: disconnectNetwork,
  volumeList: listVolumes,
  volumeCreate: createVolume,
  volumePrune: pruneVolumes,
  volumeInspect: inspectVolume,
  volumeRemove: removeVolume,
};
