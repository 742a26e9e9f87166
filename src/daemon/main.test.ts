import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

// What a daemon loads before it answers is time in which nobody is answered.
it('loads no web client, no TLS and nothing that reads app files before it answers', () => {
  const main = join(import.meta.dirname, 'main.ts');
  const script = `
    const { registerHooks } = await import('node:module');
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    await import(${JSON.stringify(main)});
    console.log(JSON.stringify([...loaded, ...process.moduleLoadList]));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
  const loaded = JSON.parse(output) as string[];
  expect(loaded).toContain(new URL('world.ts', import.meta.url).href);
  expect(loaded.filter((name) => /undici|tls_wrap|\/node_modules\/yaml\/|\/apps\/load-app\.ts$/.test(name))).toEqual(
    [],
  );
});
