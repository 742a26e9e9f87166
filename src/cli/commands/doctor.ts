import type { StatusAnswer } from '../../api/types.ts';
import { MinkeError } from '../../errors/index.ts';
import { dataFolder } from '../../sdk/address.ts';
import type { Transport } from '../../sdk/transport.ts';
import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { connect } from '../daemon/connect.ts';
import { examineMachine } from '../doctor/machine.ts';
import type { Finding } from '../doctor/finding.ts';

export const command = defineCommand({
  about: 'Exits with 1 when the sandbox cannot work here.',
  handle: async (context) => {
    const { api } = connect(context);
    const findings = await examineMachine({
      env: context.env,
      dataFolder: dataFolder(context.env),
      socket: api.address.text,
      ...(await ask(api, context.signal)),
    });
    const canWork = findings.every(({ state }) => state !== 'lacks');
    if (context.isJson) context.out.json({ sandbox: canWork, findings });
    else print(context, findings, canWork);
    return canWork ? 0 : 1;
  },
});

async function ask(
  api: Transport,
  signal: AbortSignal,
): Promise<{ status: StatusAnswer | undefined; refusal: string | undefined }> {
  try {
    return { status: await api.json<StatusAnswer>('status', { signal }), refusal: undefined };
  } catch (error) {
    if (!(error instanceof MinkeError)) throw error;
    const code = (error.cause as NodeJS.ErrnoException | undefined)?.code;
    const isNobody = error.code === 'DAEMON_UNREACHABLE' && code !== 'EACCES';
    return { status: undefined, refusal: isNobody ? undefined : error.message };
  }
}

const marks = { ok: ['green', '✓'], warns: ['yellow', '!'], lacks: ['red', '✗'] } as const;

function print({ out }: Context, findings: readonly Finding[], canWork: boolean): void {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const indent = ' '.repeat(width + 4);
  for (const { name, state, found, means, mend, hint } of findings) {
    const [colour, mark] = marks[state];
    out.line(`${out.style(colour, mark)} ${name.padEnd(width)}  ${found}`);
    if (means !== undefined) out.line(`${indent}${means}`);
    if (hint !== undefined) out.line(`${indent}hint: ${hint}`);
    else if (mend !== undefined) out.line(`${indent}${out.style('cyan', `$ ${mend}`)}`);
  }
  out.line();
  out.line(canWork ? 'The sandbox works here.' : 'The sandbox cannot work here: mend what is marked with ✗.');
}
