// The first run: an empty fleet says how to connect an agent, and turns into the fleet. The tour.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { until } from '../support/story.mjs';
import { BINARY } from '../support/server.mjs';
import { clean, row, stage, visit } from './support.mjs';

const run = promisify(execFile);

let on;
before(async () => (on = await stage()));
after(() => on.end());

const copied = (page) => page.evaluate(() => navigator.clipboard.readText());

test('an empty fleet shows three ways with its own address, and what is copied connects an agent', async () => {
  const { server } = on;
  const page = await visit(on);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const first = page.locator('#first-run');
  await first.getByRole('heading', { name: 'Connect the first agent' }).waitFor();
  const ways = first.locator('.way');
  assert.equal(await ways.count(), 3);
  for (const way of await ways.all()) assert.ok((await way.locator('code').textContent()).includes(`FLIGHTDECK_URL=${server.url}\n`));
  assert.match(await ways.nth(1).locator('code').textContent(), /flightdeck run --name/);
  assert.match(await ways.nth(2).locator('code').textContent(), /flightdeck connect claude-code --user --write/);

  await first.getByRole('button', { name: 'Make a key for them' }).click();
  await first.getByText('The key is in the commands now').waitFor();
  await ways.first().getByRole('button', { name: 'Copy' }).click();
  const command = await copied(page);
  assert.match(command, /FLIGHTDECK_API_KEY='fd_\S+'/);
  // As it was copied, in a shell.
  const { stdout } = await run('sh', ['-ec', command]);
  assert.match(stdout, /"commands"/);
  await page.locator('.row').first().waitFor();
  await first.waitFor({ state: 'hidden' });
  const [made] = await server.get('/agents/tree');
  assert.equal(made.lastSeq, 1);

  // The second way runs a command of its own; the other instance has the same page.
  await ways.nth(1).getByRole('button', { name: 'Copy', includeHidden: true }).evaluate((one) => one.click());
  const second = (await copied(page)).replace('flightdeck run', `'${BINARY}' run`).replace('sleep 2', 'sleep 0');
  await run('sh', ['-ec', second], { cwd: '/tmp' });
  await page.locator('.row-name', { hasText: 'counter' }).waitFor();
  await clean(page);
});

test('whoever may not make keys is told where one is', async () => {
  const empty = await stage();
  try {
    const page = await visit(empty, { key: await empty.server.makeKey('viewer'), viewport: { width: 390, height: 844 } });
    await page.locator('#first-run').getByText('admin.key').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Make a key for them' }).count(), 0);
    assert.equal(await page.getByRole('button', { name: 'Or start one here' }).count(), 0);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${over} px too wide`);
    await empty.server.register({ taskId: 'FIRST' });
    await page.locator('.row').first().waitFor();
    await page.locator('#first-run').waitFor({ state: 'hidden' });
    await clean(page);
  } finally {
    await empty.end();
  }
});

test('the tour goes by keys over what there is, is put away, and is not shown again by itself', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'TOUR' });
  const page = await visit(on);
  const tour = page.locator('.tour');
  assert.equal(await tour.count(), 0, 'it does not come by itself');
  await page.goto(`${server.url}/?demo#tour`);
  await tour.waitFor();
  assert.equal(await page.evaluate(() => location.hash), '#fleet');
  await row(page, session).waitFor();
  const titles = [];
  for (;;) {
    titles.push(await tour.locator('h2').textContent());
    assert.equal(await page.locator('.tour-target').count(), 1);
    assert.ok(await page.locator('.tour-target').isVisible());
    if ((await tour.locator('.primary').textContent()) === 'Done') break;
    await page.keyboard.press('ArrowRight');
    await until('the next stop is told', async () => (await tour.locator('h2').textContent()) !== titles.at(-1));
  }
  assert.deepEqual(titles, ['The fleet', 'A conversation', 'Stepping in', 'Who needs you', 'Approvals', 'The record', 'Everything by name']);
  await page.keyboard.press('ArrowLeft');
  await until('one stop back', async () => (await tour.locator('h2').textContent()) === 'The record');
  await page.keyboard.press('Escape');
  await tour.waitFor({ state: 'detached' });
  assert.equal(await page.locator('.tour-target').count(), 0);
  await page.goto(`${server.url}/?again#tour`);
  await page.locator('body[data-state="in"]').waitFor();
  await row(page, session).waitFor();
  assert.equal(await tour.count(), 0, 'it is remembered');
  // Asked for, it is there again.
  await page.keyboard.press('?');
  await page.getByRole('button', { name: 'Tour' }).click();
  await tour.waitFor();
  await tour.getByRole('button', { name: 'End the tour' }).click();
  await clean(page);
});
