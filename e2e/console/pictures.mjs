// Makes the pictures of the documentation from the demo: `node console/pictures.mjs <folder>`.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { launch, WIDE } from './support.mjs';

const BINARY = process.env.FLIGHTDECK_BIN ?? new URL('../../target/debug/flightdeck', import.meta.url).pathname;
const folder = process.argv[2] ?? '.';
// By then a request is open, agents have spawned others, and one has ended.
const WARM_UP = 42_000;

const home = await mkdtemp(join(tmpdir(), 'flightdeck-pictures-'));
const demo = spawn(BINARY, ['demo', '--listen', '127.0.0.1:0', '--throttle-control', 'off', '--log', 'warn'], { cwd: home, env: {}, stdio: ['ignore', 'pipe', 'inherit'] });
const browser = await launch();
try {
  let link = '';
  for await (const line of createInterface({ input: demo.stdout })) {
    link = /http:\S+\/login\/\S+/.exec(line)?.[0] ?? '';
    if (link) break;
  }
  demo.stdout.resume();
  const context = await browser.newContext({ viewport: WIDE, colorScheme: 'light', reducedMotion: 'reduce' });
  const page = await context.newPage();
  const shoot = (name, options = {}) => page.screenshot({ path: join(folder, `${name}.png`), ...options });
  await page.goto(link);
  const rows = page.locator('.row:visible');
  await sleep(WARM_UP);
  const named = (name) => rows.filter({ has: page.locator('.row-name', { hasText: new RegExp(`^${name}$`) }) });
  await named('lead').click();
  await named('investigator').click({ modifiers: ['Shift'] });
  await page.locator('.panel').nth(1).locator('.message').nth(3).waitFor();
  const first = page.locator('.panel').first();
  await first.locator('.compose textarea').fill('Keep the old table until the refunds agree.');
  await first.locator('.compose select').selectOption('interrupt');
  await first.getByRole('button', { name: 'Inject' }).click();
  await first.locator('.receipt.consumed').waitFor();
  await page.locator('#tree').focus();
  await sleep(1_500);
  await shoot('fleet');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.keyboard.press('p');
  await page.locator('dialog').getByText('It and all below it').click();
  await shoot('step-in');
  await page.keyboard.press('Escape');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.locator('#tab-approvals').click();
  await page.locator('.approval').first().waitFor();
  await shoot('approvals', { clip: { x: 0, y: 0, width: 1440, height: 640 } });
  await context.close();
} finally {
  await browser.close();
  const ended = once(demo, 'exit');
  demo.kill('SIGTERM');
  await ended;
  await rm(home, { recursive: true, force: true });
}
