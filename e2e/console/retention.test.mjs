// The rules of retention on the page: read, changed by those who may, with what would go.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, stage, visit } from './support.mjs';

let on;
before(async () => (on = await stage()));
after(() => on.end());

const line = (page, key) => page.locator(`tr[data-key="${key}"]`);
const cells = (page, key) => line(page, key).locator('td').allTextContents();

test('the rules are changed with a reason, and what would go is shown before', async () => {
  const { server } = on;
  const sessions = [];
  for (const missionId of ['polls', 'polls', 'payroll', undefined]) {
    const session = await server.register({ taskId: 'OLD', ...(missionId ? { missionId } : {}) });
    await server.post(`/agents/${session}/messages`, [1, 2, 3].map((n) => ({ role: 'assistant', content: `${n}` })));
    await server.post(`/agents/${session}/status`, { status: 'completed' });
    sessions.push(session);
  }
  await server.tenDaysPass();
  const page = await visit(on, { hash: '#retention' });
  const dialog = page.locator('dialog');
  await until('nothing goes by default', async () => (await cells(page, 'others')).join('|') === 'Conversations of ended sessions|kept for ever|0|0');
  await page.getByText('No conversation would go now. Never changed.').waitFor();
  await page.getByRole('button', { name: 'Change the rules' }).click();
  await dialog.getByLabel('Conversations, days after the end').fill('5');
  await dialog.getByLabel('Missions with a rule of their own, one a line').fill('payroll = for ever\npolls = 7');
  await dialog.getByRole('button', { name: 'What would go now?' }).click();
  await dialog.getByText('3 conversations with 12 messages would go now (no mission: 1, polls: 2).').waitFor();
  assert.equal((await server.get('/retention')).revision, 0, 'nothing is changed by looking');
  await dialog.getByLabel('Missions with a rule of their own, one a line').fill('payroll');
  await dialog.getByRole('button', { name: 'Change', exact: true }).click();
  await dialog.locator('.fault', { hasText: '“payroll” is not a mission with its days' }).waitFor();
  await dialog.getByLabel('Missions with a rule of their own, one a line').fill('payroll = forever\npolls = 7');
  await dialog.getByLabel('Entries of the fleet feed, days').fill('40000');
  await dialog.getByLabel('Entries of the fleet feed, days').fill('30');
  await dialog.getByLabel('Reason').fill('what we agreed on');
  await dialog.getByRole('button', { name: 'Change', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  const rules = await server.get('/retention');
  assert.deepEqual([rules.sessionDays, rules.missions, rules.feedDays, rules.revision], [5, { payroll: null, polls: 7 }, 30, 1]);
  await until('the table says so', async () => (await cells(page, 'mission polls')).join('|') === 'Conversations of mission polls|after 7 days|2|8');
  assert.deepEqual(await cells(page, 'others'), ['Conversations of all other sessions', 'after 5 days', '1', '4']);
  assert.deepEqual(await cells(page, 'mission payroll'), ['Conversations of mission payroll', 'kept for ever', '0', '0']);
  assert.deepEqual(await cells(page, 'feed'), ['Entries of the fleet feed', 'after 30 days', '–', '–']);
  // The record of it.
  const { entries } = await server.get('/audit?action=retention_set');
  assert.deepEqual([entries.length, entries[0].reason, entries[0].outcome], [1, 'what we agreed on', 'accepted']);
  await page.locator('#tab-audit').click();
  await page.locator('#audit-list tr', { hasText: 'what we agreed on' }).first().waitFor();
  await clean(page);
});

test('who was slower changes nothing, and is told', async () => {
  const { server } = on;
  const page = await visit(on, { hash: '#retention' });
  const dialog = page.locator('dialog');
  await line(page, 'feed').waitFor();
  const { revision } = await server.get('/retention');
  await page.getByRole('button', { name: 'Change the rules' }).click();
  const faster = await fetch(`${server.url}/retention`, { method: 'PUT', headers: { 'X-API-Key': server.key, 'Content-Type': 'application/json', 'If-Match': `"${revision}"` }, body: JSON.stringify({ sessionDays: 99 }) });
  assert.equal(faster.status, 200);
  await dialog.getByLabel('Conversations, days after the end').fill('1');
  await dialog.getByRole('button', { name: 'Change', exact: true }).click();
  await dialog.locator('.fault:not(:empty)').waitFor();
  assert.equal((await server.get('/retention')).sessionDays, 99);
  await page.keyboard.press('Escape');
  await clean(page);
});

test('an operator sees the rules and is not offered to change them; a viewer, and who is bound to missions, do not see them', async () => {
  const { server } = on;
  const operator = await visit(on, { key: await server.makeKey('operator'), hash: '#retention' });
  await line(operator, 'feed').waitFor();
  assert.equal(await operator.getByRole('button', { name: 'Change the rules' }).count(), 0);
  await clean(operator);
  const { key } = await server.post('/keys', { name: 'one mission', role: 'operator', missions: ['polls'] });
  for (const other of [await server.makeKey('viewer'), key]) {
    const page = await visit(on, { key: other, hash: '#retention' });
    assert.equal(await page.evaluate(() => document.body.dataset.view), 'fleet');
    await page.locator('#tab-manage').click();
    await page.locator('main:not([hidden]) .ways').waitFor();
    assert.equal(await page.locator('main:not([hidden]) .ways').getByRole('button', { name: 'Retention' }).count(), 0);
    await clean(page);
  }
});
