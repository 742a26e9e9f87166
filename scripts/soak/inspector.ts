import { once } from 'node:events';

/** Speaks with a Node that was started with --inspect, through the protocol of its debugger. */
export interface Inspector {
  /** A full collection of the main thread's heap. */
  collectGarbage(): Promise<void>;
  close(): void;
}

/** `log` is what that Node has written: it tells there where it listens. */
export async function openInspector(log: string): Promise<Inspector> {
  const url = /^Debugger listening on (ws:\S+)$/m.exec(log)?.[1];
  if (url === undefined) throw new Error(`it does not say where its inspector listens:\n${log}`);
  const socket = new WebSocket(url);
  await once(socket, 'open');
  const send = async (method: string): Promise<void> => {
    const answered = once(socket, 'message') as Promise<[{ readonly data: string }]>;
    socket.send(JSON.stringify({ id: 1, method }));
    const [{ data }] = await answered;
    const { error } = JSON.parse(data) as { error?: { message: string } };
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
  };
  return {
    // What the first frees may only then be seen to be the last holder of something else.
    collectGarbage: async () => {
      await send('HeapProfiler.collectGarbage');
      await send('HeapProfiler.collectGarbage');
    },
    close: () => socket.close(),
  };
}
