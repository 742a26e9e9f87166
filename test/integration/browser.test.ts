import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startDaemon, type TestDaemon } from './daemon.ts';

const voting = fileURLToPath(new URL('../../examples/voting/compose.yaml', import.meta.url));
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let daemon: TestDaemon;
let profile: string;
let browser: BrowserContext;

beforeAll(async () => {
  daemon = await startDaemon();
  await daemon.up(voting);
  profile = mkdtempSync(join(tmpdir(), 'minke-browser-'));
  browser = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    headless: true,
    args: quiet,
  });
});

afterAll(async () => {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
  expect(await daemon.purge(), 'left on the host').toEqual([]);
});

const textOf = async (page: Page, selector: string): Promise<string> => (await page.textContent(selector)) ?? '';

it('DR-15 a person votes, sees it in the result without reloading, and changes their mind', async () => {
  const [vote, result] = [await browser.newPage(), await browser.newPage()];
  const problems: string[] = [];
  for (const page of [vote, result]) page.on('pageerror', (error) => problems.push(error.message));
  await result.goto(`${daemon.gateway}/result`);
  await vote.goto(`${daemon.gateway}/vote`);
  const first = await textOf(vote, 'footer code');

  await vote.getByRole('button', { name: 'Cats' }).click();
  await vote.getByRole('status').getByText('Cats').waitFor();
  await result.getByText('1 vote in all').waitFor();
  expect(await textOf(result, '#share-a')).toBe('100 %');

  await vote.getByRole('button', { name: 'Dogs' }).click();
  await vote.getByRole('status').getByText('Dogs').waitFor();
  await result.locator('#share-b', { hasText: '100 %' }).waitFor();
  expect(await textOf(result, '#total')).toBe('1 vote in all');

  expect(await textOf(vote, 'footer code'), 'processed by another container').not.toBe(first);
  expect(problems).toEqual([]);
  if (process.env['MINKE_SCREENSHOTS'] !== undefined) {
    await vote.screenshot({ path: join(process.env['MINKE_SCREENSHOTS'], 'vote.png') });
    await result.screenshot({ path: join(process.env['MINKE_SCREENSHOTS'], 'result.png') });
  }
});

it('NO_ROUTE is a page for people, and says what is missing', async () => {
  const page = await browser.newPage();
  const answer = await page.goto(`${daemon.gateway}/nowhere`);
  expect(answer?.status()).toBe(404);
  expect(await textOf(page, 'body')).toContain('NO_ROUTE');
  if (process.env['MINKE_SCREENSHOTS'] !== undefined) {
    await page.screenshot({ path: join(process.env['MINKE_SCREENSHOTS'], 'no-route.png') });
  }
});
