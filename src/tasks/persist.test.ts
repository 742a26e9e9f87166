import { describe, expect, it } from 'vitest';
import { MinkeError } from '../errors/index.ts';
import { silentLog } from '../observe/log.ts';
import { createManualClock } from './clock.fixture.ts';
import { createPersist } from './persist.ts';

describe('persist', () => {
  it('repeats a write, slower each time, until the disk has room again', async () => {
    const clock = createManualClock();
    const persist = createPersist({ clock, log: silentLog, signal: new AbortController().signal });
    let tries = 0;
    const written = persist('an end', async () => {
      tries += 1;
      if (tries < 3) throw new MinkeError('OUT_OF_DISK', { what: 'the state' });
      return 'written';
    });
    for (const ms of [100, 200]) {
      await clock.sleeper(ms);
      clock.advance(ms);
    }
    expect(await written).toBe('written');
    expect(tries).toBe(3);
  });

  it('gives up only when the daemon ends', async () => {
    const clock = createManualClock();
    const closing = new AbortController();
    const persist = createPersist({ clock, log: silentLog, signal: closing.signal });
    const written = persist('an end', async () => Promise.reject(new MinkeError('OUT_OF_DISK')));
    await clock.sleeper(100);
    closing.abort(new Error('the daemon ends'));
    await expect(written).rejects.toThrow('the daemon ends');
  });
});
