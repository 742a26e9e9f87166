import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What every contestant runs: the shell's own commands only, so that what is measured is the container around it. */
export const handlerCommand = ['/bin/busybox', 'sh', '/app/handler.sh'];

/** The body that the handler answers with for an instance. */
export const answerOf = (instance: string): string => `fresh ${instance}\n`;

/** Before the body, in CGI. */
export const answerHead = 'Content-Type: text/plain\n\n';

// To a POST it answers in two parts, with a line of input between them: until that is sent, its container can be looked at.
const handler = `case $REQUEST_METHOD in
  POST) printf 'Content-Type: text/plain\\n\\nheld\\n'; read -r _ ;;
  *) printf 'Content-Type: text/plain\\n\\nfresh %s\\n' "$MINKE_INSTANCE" ;;
esac
`;

const appFile = `name: bench
services:
  fresh:
    build: ./handler
    entrypoint: [${handlerCommand.join(', ')}]
    x-minke:
      function: cgi
      route: /fresh
      concurrency: 64
      pack: { runtime: none, include: [/bin/busybox] }
`;

/** The same handler as a task: what it answers is the run's result. */
const taskOf = (concurrency: number): string => `  job:
    build: ./handler
    entrypoint: [${handlerCommand.join(', ')}]
    x-minke:
      function: task
      concurrency: ${concurrency}
      pack: { runtime: none, include: [/bin/busybox] }
`;

export interface AppOptions {
  /** With the task `job` too, so many of it at once. */
  readonly jobsAtOnce?: number;
}

/** An app with the handler as its function `fresh`; answers its file. */
export async function writeApp(folder: string, { jobsAtOnce }: AppOptions = {}): Promise<string> {
  await mkdir(join(folder, 'handler'), { recursive: true });
  await writeFile(join(folder, 'handler', 'handler.sh'), handler);
  const file = join(folder, 'compose.yaml');
  await writeFile(file, jobsAtOnce === undefined ? appFile : appFile + taskOf(jobsAtOnce));
  return file;
}

/** The same image's files for those who take a tar. */
export async function writeImageRoot(folder: string): Promise<void> {
  for (const name of ['bin', 'app', 'proc', 'sys', 'dev', 'tmp', 'etc']) {
    await mkdir(join(folder, name), { recursive: true });
  }
  await copyFile('/bin/busybox', join(folder, 'bin', 'busybox'));
  await writeFile(join(folder, 'app', 'handler.sh'), handler);
}
