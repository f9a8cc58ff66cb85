// The tree: live, folded, filtered, by keys.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, open, row, say, stage, upTo, visit } from './support.mjs';

let on;
before(async () => (on = await stage()));
after(() => on.end());

const names = (page) => page.locator('.row:visible').evaluateAll((rows) =>
  rows.sort((a, b) => a.getAttribute('aria-posinset') - b.getAttribute('aria-posinset')).map((one) => one.querySelector('.row-task').textContent),
);

test('the tree is live, folds, filters and obeys keys', async () => {
  const { server } = on;
  const top = await server.register({ taskId: 'TOP', missionId: 'alpha' });
  const child = await server.register({ taskId: 'CHILD', parentSessionId: top });
  const page = await visit(on);
  await row(page, child).waitFor();
  assert.deepEqual(await names(page), ['TOP', 'CHILD']);

  // What comes while one looks.
  const other = await server.register({ taskId: 'OTHER', agentType: 'scout', missionId: 'beta' });
  await row(page, other).waitFor();
  await server.post(`/agents/${other}/status`, { status: 'idle' });
  await page.locator(`#row-${other}[data-status="idle"]`).waitFor();
  await say(server, child, 1, 3);
  await until('three are unread', async () => (await row(page, child).locator('.row-unread').textContent()) === '3');
  await open(page, child);
  await until('they are read', async () => (await row(page, child).locator('.row-unread').textContent()) === '');

  // Keys: up to the top, fold, unfold.
  await row(page, top).click();
  await page.locator('#tree').focus();
  await page.keyboard.press('ArrowLeft');
  await row(page, child).waitFor({ state: 'hidden' });
  await until('the top is folded', async () => (await row(page, top).getAttribute('aria-expanded')) === 'false');
  await page.keyboard.press('ArrowRight');
  await row(page, child).waitFor();
  await page.keyboard.press('ArrowRight');
  await until('the child is selected', async () => (await row(page, child).getAttribute('aria-selected')) === 'true');
  assert.equal(await page.locator('#tree').getAttribute('aria-activedescendant'), `row-${child}`);
  await page.keyboard.press('Home');
  await page.keyboard.press('?');
  await page.locator('dialog h2').waitFor();
  await page.keyboard.press('Escape');

  // Filters: text, mission, status; the way to a match stays.
  await page.keyboard.press('/');
  await page.keyboard.type('child');
  await until('only the match and its way are left', async () => (await names(page)).join() === 'TOP,CHILD');
  await page.keyboard.press('Escape');
  await until('all are back', async () => (await names(page)).length === 3);
  await page.locator('#filter-mission').selectOption('beta');
  await until('one mission is left', async () => (await names(page)).join() === 'OTHER');
  await page.locator('#filter-mission').selectOption('');
  await page.locator('.chip[data-status="idle"]').click();
  await until('one status is left', async () => (await names(page)).join() === 'OTHER');
  await server.post(`/agents/${other}/status`, { status: 'running' });
  await page.locator('#tree-empty').waitFor();
  await clean(page);
});

test('a session shows what it cost, a folded one what all below it cost, the header what all agents cost', async () => {
  const { server } = on;
  const top = await server.register({ taskId: 'COST', missionId: 'dear' });
  const child = await server.register({ taskId: 'COST-2', parentSessionId: top });
  const use = (session, costUsd) =>
    server.post(`/agents/${session}/messages`, { role: 'assistant', content: 'done', usage: { inputTokens: 10, outputTokens: 5, costUsd } });
  await use(top, 1.25);
  await use(child, 2.5);
  await use(await server.register({ taskId: 'COST-3' }), 0.1);
  const page = await visit(on);
  const cost = (session) => row(page, session).locator('.row-cost').textContent();
  await until('each has its own', async () => (await cost(top)) === '$1.25' && (await cost(child)) === '$2.50');
  await row(page, top).locator('.fold').click();
  await until('a folded one stands for all', async () => (await cost(top)) === '$3.75');
  const shown = await open(page, top);
  await shown.getByText('$1.25 ($3.75 with all below)').waitFor();
  await until('the header sums up', async () => (await page.locator('.figure', { hasText: 'Spend' }).locator('.figure-value').textContent()) === '$3.85');
  await clean(page);
});

test('thousands of sessions: every one in reach, few in the document', async () => {
  const { server } = on;
  const LANES = 20;
  const COUNT = 2_000;
  const parent = await server.register({ taskId: 'LEGION' });
  await Promise.all(upTo(LANES).map(async (lane) => {
    for (let at = lane; at <= COUNT; at += LANES) await server.register({ taskId: `L-${at}`, parentSessionId: parent });
  }));
  const page = await visit(on);
  const all = async () => Number((await page.locator('#tree-count').textContent()).replaceAll(',', ''));
  await until('all are there', async () => (await all()) > COUNT);
  await page.locator('#tree').focus();
  await page.keyboard.press('End');
  await until('the last row is in sight', async () => {
    const last = await page.locator('.row.selected').getAttribute('aria-posinset').catch(() => '0');
    return Number(last) > COUNT;
  });
  assert.ok((await page.locator('.row').count()) < 80, 'only what is in sight is in the document');
  await page.locator('#filter-text').fill(`L-${COUNT}`);
  await until('it is found', async () => (await names(page)).includes(`L-${COUNT}`));
  await clean(page);
});
