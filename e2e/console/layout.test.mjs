// Where things are: nothing covers a control, nothing is too narrow, and a column means one thing.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, open, row, stage, visit, WIDE } from './support.mjs';

let on;
before(async () => (on = await stage()));
after(() => on.end());

/** The controls in sight of which something else takes the click. */
const covered = (page) => page.evaluate(() =>
  [...document.querySelectorAll('button, input, select, textarea, a[href], summary')].filter((control) => {
    if (!control.checkVisibility({ visibilityProperty: true }) || control.closest('.unseen')) return false;
    const { left, right, top, bottom } = control.getBoundingClientRect();
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    // What is scrolled away is not covered.
    for (let box = control.parentElement; box; box = box.parentElement) {
      const frame = box.getBoundingClientRect();
      if (getComputedStyle(box).overflow !== 'visible' && (x < frame.left || x > frame.right || y < frame.top || y > frame.bottom)) return false;
    }
    if (x < 0 || y < 0 || x > innerWidth || y > innerHeight) return false;
    const top1 = document.elementFromPoint(x, y);
    return top1 && !control.contains(top1) && !top1.closest('label')?.contains(control);
  }).map((one) => one.textContent.trim() || one.getAttribute('aria-label') || one.id));

for (const viewport of [WIDE, { width: 768, height: 1024 }, { width: 390, height: 844 }, { width: 320, height: 640 }]) {
  test(`cards and toasts cover no control at ${viewport.width} px, and every field is wide enough`, async () => {
    const { server } = on;
    const session = await server.spawn([{ say: 'working' }, { wait: { ms: 600_000 } }], { taskId: 'COVER', missionId: 'cover' });
    const page = await visit(on, { viewport });
    const shown = await open(page, session);
    await shown.locator('.message').first().waitFor();
    await shown.getByRole('button', { name: 'Reason' }).click();
    await shown.getByRole('button', { name: 'Search and jump' }).click();
    for (const wish of ['Interrupt', 'Pause (p)']) {
      await shown.getByRole('button', { name: wish }).click();
      await page.locator('dialog').getByLabel('Reason').fill('look');
      await page.locator('dialog button[type="submit"]').click();
      await page.locator('dialog').waitFor({ state: 'detached' });
    }
    await page.locator('.operation-card').first().waitFor();
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('c');
    await page.locator('.toast').first().waitFor();
    assert.deepEqual(await covered(page), []);
    const fields = await page.locator('input:visible, select:visible, textarea:visible').evaluateAll((all) =>
      all.filter((one) => !['checkbox', 'radio'].includes(one.type)).map((one) => [one.getAttribute('aria-label') ?? one.id, one.getBoundingClientRect().width]));
    assert.ok(fields.length >= 4, JSON.stringify(fields));
    assert.deepEqual(fields.filter(([, width]) => width < 80), []);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${over} px too wide`);
    await clean(page);
    await page.context().close();
  });
}

test('the filter of the tree is wide enough beside a mission with a long name', async () => {
  const session = await on.server.register({ taskId: 'LONG', missionId: 'a-mission-with-a-rather-long-name-2026-and-more-of-it' });
  for (const width of [1440, 768, 390, 320]) {
    const page = await visit(on, { viewport: { width, height: 844 } });
    await row(page, session).waitFor();
    const filter = await page.locator('#filter-text').boundingBox();
    assert.ok(filter.width >= 110, `${filter.width} px at ${width} px`);
    await page.context().close();
  }
});

test('three conversations are whole beside the tree at 1440', async () => {
  const { server } = on;
  const made = [];
  for (let at = 1; at <= 3; at += 1) made.push(await server.register({ taskId: `THREE-${at}` }));
  const page = await visit(on, { viewport: WIDE });
  for (const session of made) await open(page, session, true);
  const box = page.locator('#panels');
  assert.ok(await box.evaluate((one) => one.scrollWidth <= one.clientWidth), 'no scrolling sideways');
  for (const one of await page.locator('.panel').all()) {
    assert.ok(await one.evaluate((panel) => [...panel.querySelectorAll('button, select, textarea')].every((control) => {
      const [inner, outer] = [control.getBoundingClientRect(), panel.getBoundingClientRect()];
      return inner.width === 0 || (inner.left >= outer.left && inner.right <= outer.right);
    })), 'every control is in its panel');
  }
  await clean(page);
});

test('what holds from now on is set apart from what holds once', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'APART' });
  await server.post(`/agents/${session}/approvals`, { title: 'May I?', options: ['allow_once', 'allow_always', 'reject_once', 'reject_always'] });
  for (const viewport of [WIDE, { width: 390, height: 844 }]) {
    const page = await visit(on, { viewport, hash: '#approvals' });
    const card = page.locator('.approval').first();
    const always = card.getByRole('group', { name: 'From now on, without asking' });
    await always.waitFor();
    assert.deepEqual(await always.getByRole('button').allTextContents(), ['Allow alwaysA', 'Reject alwaysD']);
    const place = async (name) => (await card.getByRole('button', { name }).boundingBox());
    const [once, lasting] = [await place('Allow once'), await place('Allow always')];
    const apart = Math.max(lasting.x - (once.x + once.width), lasting.y - (once.y + once.height));
    assert.ok(apart >= 20, `${apart} px apart at ${viewport.width}`);
    const look = (name) => card.getByRole('button', { name }).evaluate((one) => getComputedStyle(one).backgroundColor);
    assert.notEqual(await look('Allow once'), await look('Allow always'));
    await page.context().close();
  }
});

test('an age says how long ago a session started, whether it has ended or not', async () => {
  const { server } = on;
  const [lives, ended] = [await server.register({ taskId: 'AGE-1' }), await server.register({ taskId: 'AGE-2' })];
  await server.post(`/agents/${ended}/status`, { status: 'completed' });
  const page = await visit(on);
  const age = async (session) => Number.parseInt(await row(page, session).locator('.row-age').textContent(), 10);
  await until('both grow', async () => (await age(lives)) >= 3 && (await age(ended)) >= 3);
  const shown = await open(page, ended);
  assert.match(await shown.locator('.panel-status').textContent(), /^completed · started \d+s ago, ran for \d+s/);
  await clean(page);
});

test('the costs of all rows come with the first look, in one call', async () => {
  const { server } = on;
  for (let at = 0; at < 12; at += 1) {
    const session = await server.register({ taskId: `PRICE-${at}` });
    await server.post(`/agents/${session}/messages`, { role: 'assistant', content: 'x', usage: { inputTokens: 1, costUsd: 1.5 } });
  }
  const calls = [];
  const page = await visit(on);
  page.on('request', (request) => request.url().includes('/usage') && !/\/(fleet|console)\//.test(request.url()) && calls.push(request.url()));
  await page.reload();
  await page.locator('.row-cost:not(:empty)').nth(11).waitFor();
  assert.equal(calls.length, 1, calls.join('\n'));
  assert.match(calls[0], /\/agents\/usage\?agentIds=/);
  await clean(page);
});
