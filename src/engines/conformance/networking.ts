import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import type { Instance, NamedConnection } from '../engine.ts';
import { connectWhenReady, declarePromises, logged, waitForLog, type Bench } from './bench.ts';
import { program } from './programs.ts';
import type { EngineSubject } from './subject.ts';

/** Names, addresses, and connections in an app's network. */
export function declareNetworking(subject: EngineSubject): void {
  const promise = declarePromises(subject);

  describe('the network of an app', () => {
    promise('gives each instance an address of its own', async (bench) => {
      await bench.network([]);
      const pair = await Promise.all([startServer(bench), startServer(bench)]);
      expect(pair.map(({ address }) => address)).toEqual([
        expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/),
        expect.any(String),
      ]);
      expect(pair[0]?.address).not.toBe(pair[1]?.address);
    });

    promise('gives no address to an instance without a network', async (bench) => {
      const instance = await bench.start({ argv: program('exit', '0'), network: 'none' });
      expect(instance.address).toBeUndefined();
      await instance.exited;
    });

    promise('connects the daemon to an instance', async (bench) => {
      await bench.network([]);
      const socket = await connectWhenReady(bench, await startServer(bench), 5000);
      socket.end('there and back');
      expect(await text(socket)).toBe('there and back');
    });

    promise('refuses a connection where nothing listens', async (bench) => {
      await bench.network([]);
      const server = await startServer(bench);
      (await connectWhenReady(bench, server, 5000)).destroy();
      await expect(bench.engine.networks.connect(bench.app, server.address ?? '', 5999)).rejects.toBeInstanceOf(Error);
    });

    promise('leads a name to the instance published under it', async (bench) => {
      await bench.network(['server']);
      await publishServer(bench);
      const { stdout, exit } = await bench.run({ argv: program('client', 'server', '5000', 'hello'), network: 'app' });
      expect([stdout.toString(), exit.code]).toEqual(['hello', 0]);
    });

    promise('leads a name without an instance to the listener, and tells who called', async (bench) => {
      const calls: Omit<NamedConnection, 'socket'>[] = [];
      await bench.network(['front', 'server'], ({ socket, ...call }) => {
        calls.push(call);
        socket.end('from the listener');
      });
      const caller = await bench.start({
        argv: program('client', 'front', '6000', ''),
        network: 'app',
        streams: 'logs',
      });
      await caller.exited;
      expect((await logged(bench.engine, caller.handle.id, 'stdout')).toString()).toBe('from the listener');
      expect(calls).toEqual([{ app: bench.app, name: 'front', port: 6000, from: caller.address }]);
    });

    promise('leads back to the listener once nothing is published', async (bench) => {
      await bench.network(['server'], ({ socket }) => socket.end('nobody home'));
      await publishServer(bench);
      await bench.engine.networks.publish(bench.app, 'server', []);
      const { stdout } = await bench.run({ argv: program('client', 'server', '5000', ''), network: 'app' });
      expect(stdout.toString()).toBe('nobody home');
    });

    promise('keeps instances of different networks apart, and each finds the names of its own', async (bench) => {
      const networks = { front: { front: 'front', store: 'front' }, back: { server: 'server', store: 'server' } };
      await bench.network(['front', 'server'], ({ socket, name }) => socket.end(name), networks);
      const call = async (network: string, name: string): Promise<string> => {
        const client = { argv: program('client', name, '5000', ''), network: 'app', networks: [network] } as const;
        const { stdout, exit } = await bench.run(client);
        return exit.code === 0 ? stdout.toString() : 'nobody';
      };
      const names = ['front', 'server', 'store'];
      const seenFrom = async (network: string): Promise<string[]> =>
        await Promise.all(names.map(async (name) => await call(network, name)));
      expect(await seenFrom('front')).toEqual(['front', 'nobody', 'front']);
      expect(await seenFrom('back')).toEqual(['nobody', 'server', 'server']);
    });

    promise('is ensured again without harm, and takes new names', async (bench) => {
      await bench.network(['server']);
      const server = await publishServer(bench);
      await bench.network(['server', 'front'], ({ socket, name }) => socket.end(name));
      expect(server.address).toBeDefined();
      const [toServer, toFront] = await Promise.all([
        bench.run({ argv: program('client', 'server', '5000', 'still there'), network: 'app' }),
        bench.run({ argv: program('client', 'front', '80', ''), network: 'app' }),
      ]);
      expect([toServer.stdout.toString(), toFront.stdout.toString()]).toEqual(['still there', 'front']);
    });

    promise('is removed without a trace, twice over', async (bench) => {
      await bench.network(['server']);
      await bench.engine.networks.remove(bench.app);
      await bench.engine.networks.remove(bench.app);
    });
  });

  describe('the network of an app after a crash of the daemon', () => {
    promise('keeps addresses, names and open connections', async (bench) => {
      await bench.network(['server']);
      const server = await publishServer(bench);
      const client = await bench.start({
        argv: program('slow-client', 'server', '5000'),
        network: 'app',
        streams: 'logs',
        mounts: [bench.sharedMount],
      });
      await waitForLog(bench.engine, client.handle.id, 'first\n');
      const adopted = await bench.reopen();
      await bench.network(['server']);
      expect(adopted.find(({ handle }) => handle.id === server.handle.id)?.address).toBe(server.address);
      await writeFile(join(bench.sharedFolder, 'go'), '');
      await waitForLog(bench.engine, client.handle.id, 'second\n');
    });

    promise('has its listener again', async (bench) => {
      await bench.network(['front']);
      await bench.reopen();
      await bench.network(['front'], ({ socket }) => socket.end('back again'));
      const { stdout } = await bench.run({ argv: program('client', 'front', '80', ''), network: 'app' });
      expect(stdout.toString()).toBe('back again');
    });
  });
}

const startServer = (bench: Bench): Promise<Instance> =>
  bench.start({ argv: program('server', '5000'), network: 'app', streams: 'logs', kind: 'service' });

/** A server that answers under the name `server`. */
async function publishServer(bench: Bench): Promise<Instance> {
  const server = await startServer(bench);
  const socket = await connectWhenReady(bench, server, 5000);
  socket.destroy();
  if (!socket.closed) await once(socket, 'close');
  await bench.engine.networks.publish(bench.app, 'server', [server.address ?? '']);
  return server;
}
