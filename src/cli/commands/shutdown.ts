import { setTimeout as delay } from 'node:timers/promises';
import { MinkeError } from '../../errors/index.ts';
import type { Transport } from '../../sdk/transport.ts';
import { defineCommand } from '../command/command.ts';
import { connect } from '../daemon/connect.ts';
import { statusUnlessGone } from '../daemon/start.ts';
import { createProgress } from '../terminal/progress.ts';

export const command = defineCommand({
  options: {
    purge: { type: 'flag', about: 'Remove all data too: volumes, images, runs and logs' },
  },
  about: `Stops all apps and runs and ends the daemon; data is kept unless --purge is given. To end the daemon alone and
leave the apps running, send it SIGTERM: the next one takes them over.`,
  handle: async (context, { options: { purge } }) => {
    const { api } = connect(context);
    const progress = createProgress(context.err);
    progress.show(purge ? 'Stopping everything and removing all data' : 'Stopping everything');
    try {
      await api.bytes('shutdown', { json: { purge, stop: true }, signal: context.signal });
      await untilGone(api, context.signal);
    } finally {
      progress.clear();
    }
    if (context.isJson) context.out.json({ ended: true, purged: purge });
    else context.out.line(purge ? 'The daemon has ended and its data is removed' : 'The daemon has ended');
  },
});

/** Milliseconds between two looks: the API has no answer for "I have ended". */
const lookEveryMs = 50;

async function untilGone(api: Transport, signal: AbortSignal): Promise<void> {
  while (await isThere(api, signal)) await delay(lookEveryMs, undefined, { signal });
}

async function isThere(api: Transport, signal: AbortSignal): Promise<boolean> {
  try {
    return (await statusUnlessGone(api, signal)) !== undefined;
  } catch (error) {
    // It may end while it is being asked, or refuse to answer on its way out.
    if (error instanceof MinkeError && error.entry.retryable) return true;
    throw error;
  }
}
