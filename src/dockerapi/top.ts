import { listProcesses } from '../linux/ps.ts';
import { sendJson } from './answer.ts';
import { controlsOf, goneSignal, livingInstance, type Call, type Desk } from './call.ts';

export async function topContainer(desk: Desk, call: Call): Promise<void> {
  const { instance } = await livingInstance(desk, call);
  const pids = controlsOf(desk, 'Listing the processes of a container').processes(instance);
  const words = (call.target.query.get('ps_args') || '-ef').split(/\s+/).filter((word) => word !== '');
  const { titles, rows } = await listProcesses(pids, words, goneSignal(desk, call.response));
  sendJson(call.response, 200, { Titles: titles, Processes: rows });
}
