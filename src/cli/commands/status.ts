import type { StatusAnswer } from '../../api/types.ts';
import { defineCommand } from '../command/command.ts';
import { connect } from '../daemon/connect.ts';
import { printPairs } from '../terminal/table.ts';
import { formatAge } from '../terminal/units.ts';

export const command = defineCommand({
  handle: async (context) => {
    const { api } = connect(context);
    const status = await api.json<StatusAnswer>('status', { signal: context.signal });
    if (context.isJson) return context.out.json(status);
    const { engine } = status;
    printPairs(context.out, [
      ['daemon', `minke ${status.version}, pid ${status.pid}, for ${formatAge(Date.now() - status.startedAt)}`],
      ['socket', api.address.text],
      ['data', status.dataFolder],
      ['gateway', `http://${status.gateway.host}:${status.gateway.port}`],
      ['engine', [engine.name, ...Object.entries(engine.details).map(([key, value]) => `${key} ${value}`)].join(', ')],
      ['apps', String(status.apps)],
    ]);
  },
});
