import type { StatusAnswer } from '../../api/types.ts';
import { defineCommand } from '../command/command.ts';
import type { Ledger } from '../../sdk/types.ts';
import { connect } from '../daemon/connect.ts';
import { printPairs } from '../terminal/table.ts';
import { formatAge } from '../terminal/units.ts';

export const command = defineCommand({
  handle: async (context) => {
    const { api, minke } = connect(context);
    const status = await api.json<StatusAnswer>('status', { signal: context.signal });
    const ledger = await minke.runs.ledger();
    if (context.isJson) return context.out.json({ ...status, runs: ledger });
    const { engine } = status;
    printPairs(context.out, [
      ['daemon', `minke ${status.version}, pid ${status.pid}, for ${formatAge(Date.now() - status.startedAt)}`],
      ['socket', api.address.text],
      ['data', status.dataFolder],
      ['gateway', `http://${status.gateway.host}:${status.gateway.port}`],
      ['engine', [engine.name, ...Object.entries(engine.details).map(([key, value]) => `${key} ${value}`)].join(', ')],
      ['secret', `${status.callbackSecretFile}, which signs call-backs`],
      ['apps', String(status.apps)],
      ['runs', describeLedger(ledger)],
    ]);
  },
});

/** The sum is told by itself: that it agrees with its parts is for the reader to see. */
function describeLedger({ accepted, waiting, inFlight, settled, dead, removed }: Ledger): string {
  if (accepted === 0) return 'none yet';
  return `${accepted} accepted = ${waiting} waiting + ${inFlight} in flight + ${settled} settled + ${dead} dead + ${removed} removed`;
}
