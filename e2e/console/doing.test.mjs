// Doing: the palette, starting agents, several sessions at once, filters with a name.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, panel, row, stage, visit } from './support.mjs';

const CALM = [{ say: 'ready' }, { idle: true }];

let on;
before(async () => (on = await stage()));
after(() => on.end());

test('the palette finds sessions and deeds by name, with keys alone', async () => {
  const { server } = on;
  const [one, two] = [await server.register({ taskId: 'PAL-1', missionId: 'gemini' }), await server.register({ taskId: 'PAL-2' })];
  const page = await visit(on);
  await row(page, two).waitFor();
  // Also where something is written.
  await page.locator('#filter-text').focus();
  await page.keyboard.press('Control+k');
  const field = page.getByRole('combobox', { name: 'Find a session or a deed' });
  await field.waitFor();
  await page.keyboard.type('pal-1 gem');
  await until('one is found', async () => (await page.locator('#palette-list [role="option"]').count()) === 1);
  assert.equal(await field.getAttribute('aria-activedescendant'), 'palette-0');
  await page.keyboard.press('Enter');
  await panel(page, one).waitFor();

  await page.keyboard.press('Meta+k');
  await page.keyboard.type('audit');
  await page.keyboard.press('Enter');
  await page.locator('#view-audit').waitFor();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('pause');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('dialog h2').textContent(), 'Pause tester · PAL-1');
  await page.keyboard.press('Control+k');
  assert.equal(await page.locator('dialog').count(), 1, 'not over a dialog');
  await page.keyboard.press('Escape');
  await page.locator('#palette-open').click();
  await page.keyboard.type('no such thing');
  await page.getByText('Nothing has this name.').first().waitFor();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  await clean(page);
});

test('an agent is started with its prompt, mission and budget, and another one like it', async () => {
  const { server } = on;
  const page = await visit(on);
  await page.locator('#spawn').click();
  const dialog = page.locator('dialog');
  assert.equal(await dialog.getByLabel('Provider').inputValue(), 'scripted');
  await dialog.getByLabel('Agent type').fill('robot');
  await dialog.getByLabel('Task').fill('START-1');
  await dialog.getByLabel('Mission').fill('mercury');
  await dialog.getByLabel('Prompt').fill('Say that you are ready.');
  await dialog.getByLabel('Budget, in $').fill('2.5');
  await dialog.getByText('More').click();
  await dialog.getByLabel('Context, as JSON').fill('{"script": ');
  await dialog.getByRole('button', { name: 'Start' }).click();
  await dialog.locator('.fault', { hasText: 'Context is no JSON' }).waitFor();
  await dialog.getByLabel('Context, as JSON').fill(JSON.stringify({ script: CALM }));
  await dialog.getByRole('button', { name: 'Start' }).click();
  await dialog.waitFor({ state: 'detached' });
  const shown = page.locator('.panel.active');
  await shown.locator('.message', { hasText: 'ready' }).first().waitFor();
  const id = await shown.getAttribute('data-session');
  const session = await server.get(`/agents/${id}/status`);
  assert.deepEqual([session.agentType, session.taskId, session.missionId, session.context], ['robot', 'START-1', 'mercury', { script: CALM }]);
  const { messages } = await server.get(`/agents/${id}/messages?after=0&limit=1`);
  assert.equal(messages[0].content, 'Say that you are ready.');
  assert.equal((await server.get(`/agents/${id}/usage`)).budget.maxCostUsd, 2.5);

  await shown.getByRole('button', { name: 'Again' }).click();
  await dialog.getByRole('heading', { name: 'Another one like robot · START-1' }).waitFor();
  assert.equal(await dialog.getByLabel('Prompt').inputValue(), 'Say that you are ready.');
  await dialog.getByLabel('Task').fill('START-2');
  await dialog.getByRole('button', { name: 'Start' }).click();
  await page.locator('.panel.active .panel-task', { hasText: 'START-2' }).waitFor();
  const again = await server.get(`/agents/${await shown.getAttribute('data-session')}/status`);
  assert.deepEqual([again.agentType, again.missionId, again.context], ['robot', 'mercury', { script: CALM }]);

  // What the server refuses is told in the dialog.
  await page.locator('#tree').focus();
  await page.keyboard.press('n');
  await dialog.getByLabel('Agent type').fill('robot');
  await dialog.getByLabel('Task').fill('START-3');
  await dialog.getByText('More').click();
  await dialog.getByLabel('Context, as JSON').fill('{"script": "no list"}');
  await dialog.getByRole('button', { name: 'Start' }).click();
  await dialog.locator('.fault:not(:empty)').waitFor();
  await page.keyboard.press('Escape');
  await clean(page);
});

test('a budget is set, changed and taken away from a conversation, with the audit log', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'BUDGET-1' });
  const page = await visit(on, { hash: `#fleet?open=${session}` });
  const set = async (label, value) => {
    await panel(page, session).getByRole('button', { name: 'Budget' }).click();
    await page.getByLabel(label).fill(value);
    await page.locator('dialog').getByLabel('Reason').fill('as agreed');
    await page.locator('dialog').getByRole('button', { name: 'Set' }).click();
    await page.locator('dialog').waitFor({ state: 'detached' });
    return (await server.get(`/agents/${session}/usage`)).budget;
  };
  assert.equal((await set('In US dollars', '5')).maxCostUsd, 5);
  assert.equal((await set('In US dollars', '7')).maxCostUsd, 7);
  assert.equal(await set('In US dollars', ''), null);
  const { entries } = await server.get(`/audit?action=budget_set&agentId=${session}`);
  assert.deepEqual(entries.map(({ reason }) => reason), ['as agreed', 'as agreed', 'as agreed']);
  await clean(page);
});

test('what is marked is stepped in with together, and keys act on it alone', async () => {
  const { server } = on;
  const made = [];
  for (let at = 1; at <= 4; at += 1) made.push(await server.spawn([{ say: 'working' }, { wait: { ms: 600_000 } }], { taskId: `MARK-${at}`, missionId: 'marked' }));
  const below = await server.register({ taskId: 'MARK-5', parentSessionId: made[3], missionId: 'marked' });
  const page = await visit(on, { hash: '#fleet?mission=marked' });
  await row(page, below).waitFor();
  await row(page, made[0]).hover();
  await row(page, made[0]).locator('.tick-box').click();
  await row(page, made[1]).click();
  await page.locator('#tree').focus();
  await page.keyboard.press('m');
  await page.locator('#marks-count', { hasText: '2 sessions marked' }).waitFor();
  await page.locator('#current-name', { hasText: '2 marked sessions' }).waitFor();
  assert.equal(await row(page, made[1]).getAttribute('aria-checked'), 'true');

  await page.keyboard.press('p');
  const dialog = page.locator('dialog');
  assert.equal(await dialog.locator('h2').textContent(), 'Pause 2 marked sessions');
  assert.deepEqual((await dialog.locator('.hits li').allTextContents()).map((words) => /MARK-\d/.exec(words)[0]).sort(), ['MARK-1', 'MARK-2']);
  await dialog.getByLabel('Reason').fill('both of them');
  await dialog.getByRole('button', { name: 'Pause 2' }).click();
  const wish = async (id) => (await server.get(`/agents/${id}/status`)).desiredStatus;
  await until('both are to pause', async () => (await wish(made[0])) === 'paused' && (await wish(made[1])) === 'paused');
  assert.deepEqual([await wish(made[2]), await wish(made[3])], ['running', 'running']);
  await page.locator('#marks').waitFor({ state: 'hidden' });
  const { entries } = await server.get('/audit?action=pause');
  assert.equal(entries.filter(({ reason }) => reason === 'both of them').length, 2);

  // With all below it; all that the filter shows; none.
  await row(page, made[3]).click();
  await page.locator('#tree').focus();
  await page.keyboard.press('M');
  await page.locator('#marks-count', { hasText: '2 sessions marked' }).waitFor();
  await page.locator('#marks-all').click();
  await page.locator('#marks-count', { hasText: '5 sessions marked' }).waitFor();
  await page.locator('#marks-kill').click();
  await dialog.getByRole('button', { name: 'Kill 5' }).click();
  await until('all are to be killed', async () => (await Promise.all(made.map(wish))).every((one) => one === 'killed'));
  await clean(page);
});

test('a call that the server takes later is made later, and none is made twice', async () => {
  const { server } = on;
  const made = [await server.register({ taskId: 'LATE-1' }), await server.register({ taskId: 'LATE-2' })];
  const page = await visit(on);
  const calls = [];
  let refused = false;
  await page.context().route('**/pause?wait=0s', async (route) => {
    calls.push(route.request().headers()['idempotency-key']);
    if (refused) return route.continue();
    refused = true;
    return route.fulfill({ status: 429, headers: { 'Retry-After': '1' }, json: { detail: 'too often' } });
  });
  for (const id of made) {
    await row(page, id).hover();
    await row(page, id).locator('.tick-box').click();
  }
  await page.locator('#marks-pause').click();
  await page.locator('dialog').getByRole('button', { name: 'Pause 2' }).click();
  await page.locator('dialog').waitFor({ state: 'detached' });
  assert.equal(calls.length, 3);
  assert.equal(new Set(calls).size, 2, 'the second try has the name of the first');
  await clean(page);
});

test('a filter is saved with a name, used, and forgotten', async () => {
  const { server } = on;
  const [one, two] = [await server.register({ taskId: 'SAVE-1', missionId: 'saturn' }), await server.register({ taskId: 'SAVE-2' })];
  const page = await visit(on);
  await page.locator('#filter-text').fill('save');
  await page.locator('#filter-mission').selectOption('saturn');
  await page.getByRole('button', { name: 'Save this filter' }).click();
  await page.locator('dialog').getByLabel('Name').fill('The ringed one');
  await page.locator('dialog').getByRole('button', { name: 'Save' }).click();
  await page.locator('#filter-saved').getByRole('button', { name: 'The ringed one', exact: true }).waitFor();
  await page.locator('#filter-mission').selectOption('');
  await row(page, two).waitFor();
  await page.reload();
  await page.locator('#filter-saved').getByRole('button', { name: 'The ringed one', exact: true }).click();
  await row(page, two).waitFor({ state: 'detached' });
  await row(page, one).waitFor();
  assert.equal(await page.evaluate(() => location.hash), '#fleet?q=save&mission=saturn');
  await page.locator('#tab-audit').click();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('ringed');
  await page.keyboard.press('Enter');
  await row(page, one).waitFor();
  await page.getByRole('button', { name: 'Forget the filter The ringed one' }).click();
  await page.getByRole('button', { name: 'Save this filter' }).waitFor();
  await clean(page);
});

test('a viewer is offered nothing that changes something', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'VIEWER-1' });
  const page = await visit(on, { key: await server.makeKey('viewer') });
  await row(page, session).click();
  await panel(page, session).getByRole('button', { name: 'Timeline' }).waitFor();
  assert.equal(await panel(page, session).getByRole('button', { name: 'Again' }).count(), 0);
  assert.equal(await page.locator('#spawn').isVisible(), false);
  await page.keyboard.press('Control+k');
  for (const deed of ['Start an agent', 'Kill all', 'Pause', 'Keys', 'Sinks', 'Audit log']) assert.equal(await page.locator('#palette-list').getByRole('option', { name: deed, exact: true }).count(), 0, deed);
  await page.keyboard.press('Escape');
  await page.locator('#tree').focus();
  await page.keyboard.press('n');
  await page.locator('.toast', { hasText: 'A viewer looks' }).waitFor();
  await clean(page);
});
