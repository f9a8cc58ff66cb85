// The timeline of a tree, as a drawing and as a table.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, open, panel, row, stage, visit } from './support.mjs';

let on;
before(async () => (on = await stage()));
after(() => on.end());

test('turns, tools, waits, pauses and who stepped in are drawn, and told in a table', async () => {
  const { server } = on;
  const top = await server.register({ taskId: 'LINE-1' });
  const child = await server.register({ taskId: 'LINE-2', parentSessionId: top });
  const tool = (type, more) => server.post(`/agents/${child}/messages`, { role: 'tool', content: 'ls', metadata: { type, name: 'bash', ...more } });
  await tool('tool_call', { input: { cmd: 'ls' } });
  await tool('tool_result', { failed: true });
  // An agent may call a message a status; only the server's word counts.
  await server.post(`/agents/${child}/messages`, { role: 'system', content: 'status', metadata: { type: 'status', from: 'running', to: 'lost' } });
  await server.post(`/agents/${top}/pause?wait=0s`, { reason: 'look at this' });
  await server.post(`/agents/${top}/status`, { status: 'paused' });
  const request = await server.post(`/agents/${child}/approvals`, { title: 'May I?' });
  await server.post(`/approvals/${request.id}/decide`, { option: 'allow_once' });
  await server.post(`/agents/${child}/inject`, { message: 'go on' });
  await server.post(`/agents/${child}/status`, { status: 'completed' });

  const page = await visit(on);
  await row(page, child).click();
  await page.locator('#tree').focus();
  await page.keyboard.press('t');
  const lanes = page.locator('.timeline-chart .lane');
  await until('each session has a lane', async () => (await lanes.count()) === 2);
  assert.match(await page.evaluate(() => location.hash), new RegExp(`^#timeline\\?root=${top}`));
  const states = (lane) => lane.locator('.stretch').evaluateAll((all) => all.map((one) => one.dataset.state));
  assert.deepEqual(await states(lanes.nth(0)), ['running', 'paused']);
  assert.deepEqual([...new Set(await states(lanes.nth(1)))].sort(), ['running', 'waiting']);
  assert.equal(await lanes.nth(1).locator('.tool-bar.failed').count(), 1);
  assert.equal(await lanes.nth(0).locator('.step').count(), 1);
  assert.equal(await lanes.nth(1).locator('.step').count(), 1);

  await page.getByText('The same as a table').click();
  const lines = page.locator('#timeline-table tr');
  await until('the table is written', async () => (await lines.count()) > 6);
  const told = await lines.allTextContents();
  const { name } = await server.get('/me');
  assert.ok(told.some((words) => words.includes('tester · LINE-1') && words.includes(`${name} pause: look at this`)), told.join('\n'));
  assert.ok(told.some((words) => words.includes('tester · LINE-2') && words.includes('tool bash, failed')));
  assert.ok(told.some((words) => words.includes('waits for a person')));
  assert.ok(told.some((words) => words.includes('an operator says: go on')));
  assert.ok(!told.some((words) => words.includes('lost')));
  await lines.getByRole('button', { name: 'tester · LINE-2' }).click();
  await panel(page, child).waitFor();
  await page.goBack();
  await until('the timeline is back', async () => (await lanes.count()) === 2 && (await page.locator('#view-timeline').isVisible()));
  await page.locator('#tab-fleet').click();
  await row(page, top).waitFor();
  await page.goBack();
  await page.reload();
  await until('a link leads there', async () => (await lanes.count()) === 2);
  await clean(page);
});

test('it goes on while it is looked at', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'LINE-3' });
  const page = await visit(on);
  const shown = await open(page, session);
  await shown.getByRole('button', { name: 'Timeline' }).click();
  await page.locator('.timeline-chart .lane').waitFor();
  await server.register({ taskId: 'LINE-4', parentSessionId: session });
  await until('the new one has a lane', async () => (await page.locator('.timeline-chart .lane').count()) === 2);
  await clean(page);
});
