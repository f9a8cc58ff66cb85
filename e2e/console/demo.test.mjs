// The demo, as a newcomer sees it. What is seen is kept as pictures in the folder FLIGHTDECK_PICTURES, if that is set.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { until } from '../support/story.mjs';
import { launch, WIDE } from './support.mjs';

const BINARY = process.env.FLIGHTDECK_BIN ?? new URL('../../target/debug/flightdeck', import.meta.url).pathname;
const PICTURES = process.env.FLIGHTDECK_PICTURES;
const SHOWN = new URL('../../docs/images', import.meta.url).pathname;
const PAGE = new URL('../../crates/http-api/console', import.meta.url).pathname;
/** Beside the pictures: the hash of the page that they show. */
const OF_PAGE = 'page.sha256';
/** By then a request is open, agents have spawned others, and one has ended. */
const WARM_UP = 42_000;
const SIZES = [WIDE, { width: 768, height: 1024 }, { width: 390, height: 844 }];

let home;
let demo;
let browser;
let link = '';
before(async () => {
  browser = await launch();
  home = await mkdtemp(join(tmpdir(), 'flightdeck-demo-'));
  const words = ['demo', '--listen', '127.0.0.1:0', '--throttle-control', 'off', '--log', 'warn'];
  demo = spawn(BINARY, words, { cwd: home, env: {}, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: demo.stdout })) {
    link = /http:\S+\/login\/\S+/.exec(line)?.[0] ?? '';
    if (link) break;
  }
  demo.stdout.resume();
});
after(async () => {
  await browser.close();
  const ended = once(demo, 'exit');
  demo.kill('SIGTERM');
  await ended;
  await rm(home, { recursive: true, force: true });
});

/** Of the documentation only the pictures that it has are taken again. @param {string} name */
const isWanted = (name) => PICTURES && (resolve(PICTURES) !== SHOWN || existsSync(join(SHOWN, `${name}.png`)));

/** Takes a picture where they are wanted, and says how much wider than the window the page is. */
async function look(page, name, options = {}) {
  if (isWanted(name)) await page.screenshot({ path: join(PICTURES, `${name}.png`), ...options });
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}

/** The hash of all files of the page. */
async function pageHash() {
  const files = (await readdir(PAGE, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && !entry.name.endsWith('.d.ts'));
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  const hash = createHash('sha256');
  for (const path of paths) hash.update(`${path.slice(PAGE.length)}\n`).update(await readFile(path));
  return `${hash.digest('hex')}\n`;
}

test('a newcomer sees a fleet at work, what it costs, and can step in', async () => {
  const context = await browser.newContext({ viewport: WIDE, colorScheme: 'light', reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(link);
  const rows = page.locator('.row:visible');
  await page.locator('.tour h2', { hasText: 'The fleet' }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.tour').waitFor({ state: 'detached' });
  await sleep(WARM_UP);
  assert.ok((await rows.count()) >= 10, 'four trees with those that they spawned');
  const spend = page.locator('.figure', { hasText: 'Spend' }).locator('.figure-value');
  await until('the spend is told', async () => /^\$\d/.test((await spend.textContent()) ?? ''));
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
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme });
    for (const size of SIZES) {
      await page.setViewportSize(size);
      await sleep(300);
      const name = size === WIDE && colorScheme === 'light' ? 'fleet' : `fleet-${size.width}-${colorScheme}`;
      assert.ok((await look(page, name)) <= 0, `${name}: nothing is wider than the window`);
    }
  }
  await page.setViewportSize(WIDE);
  await page.locator('#tree').focus();
  await page.keyboard.press('p');
  await page.locator('dialog').getByText('It and all below it').click();
  await look(page, 'step-in');
  await page.keyboard.press('Escape');
  await page.locator('#tab-approvals').click();
  await page.locator('.approval').first().waitFor();
  await look(page, 'approvals', { clip: { x: 0, y: 0, width: 1440, height: 640 } });
  await page.locator('#tab-needs').click();
  await page.locator('.need').first().waitFor();
  await look(page, 'needs', { clip: { x: 0, y: 0, width: 1440, height: 500 } });
  await page.locator('#tab-fleet').click();
  await named('lead').click();
  await page.locator('.panel.active').getByRole('button', { name: 'Timeline' }).click();
  await page.locator('.timeline-chart .lane').nth(1).waitFor();
  await look(page, 'timeline', { clip: { x: 0, y: 0, width: 1440, height: 440 } });
  await context.close();
  if (PICTURES) await writeFile(join(PICTURES, OF_PAGE), await pageHash());
});

test('the pictures in the documentation show the page as it is', async () => {
  const made = await readFile(join(SHOWN, OF_PAGE), 'utf8');
  assert.equal(made, await pageHash(), 'take them again: FLIGHTDECK_PICTURES=../docs/images node --test console/demo.test.mjs');
  const pages = await Promise.all(['../../README.md', '../../docs/console.md'].map((path) => readFile(new URL(path, import.meta.url), 'utf8')));
  const pictures = (await readdir(SHOWN)).filter((name) => name.endsWith('.png'));
  assert.deepEqual(pictures.filter((name) => !pages.some((page) => page.includes(`images/${name})`))), [], 'each is shown somewhere');
});
