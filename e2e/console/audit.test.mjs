// The audit view: filtered, read, verified, taken out.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, stage, visit } from './support.mjs';

let on;
before(async () => (on = await stage()));
after(() => on.end());

test('entries are read, filtered, verified and exported', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'AUD' });
  await server.post(`/agents/${session}/pause?wait=0s`, { reason: 'look at this' });
  await server.post(`/agents/${session}/resume?wait=0s`, {});
  const page = await visit(on, { hash: '#audit' });
  const lines = page.locator('#audit-list tr:not(.audit-detail)');
  await until('all are there', async () => (await lines.count()) >= 3);
  await page.locator('#audit-filter [name="action"]').fill('pause');
  await page.locator('#audit-filter').getByRole('button', { name: 'Filter' }).click();
  await until('one is left', async () => (await lines.count()) === 1);
  assert.match(await lines.first().textContent(), /pause.*session.*look at this/);
  await lines.first().getByRole('button').click();
  const whole = JSON.parse(await page.locator('.audit-detail pre').textContent());
  assert.equal(whole.target.value, session);
  assert.match(whole.hash, /^[0-9a-f]{64}$/);
  await page.locator('#audit-filter').getByRole('button', { name: 'Clear' }).click();
  await until('all are back', async () => (await lines.count()) >= 3);
  await page.locator('#audit-filter [name="agentId"]').fill('not an id');
  await page.locator('#audit-filter').getByRole('button', { name: 'Filter' }).click();
  await page.locator('#audit-fault', { hasText: 'agentId' }).waitFor();

  await page.getByRole('button', { name: 'Verify the chain' }).click();
  const verdict = page.locator('.verdict.good');
  await verdict.waitFor();
  const { head, entries } = await server.get('/audit/verify');
  assert.match(await verdict.textContent(), /The chain is whole: \d+ entries and \d+ signed checkpoint.*Verified at \d\d:\d\d:\d\d. Head: [0-9a-f]{64}/);
  assert.ok(entries > 3 && head);

  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export' }).click()]);
  assert.equal(download.suggestedFilename(), 'flightdeck-audit.jsonl');
  const exported = (await readFile(await download.path(), 'utf8')).trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(exported[0].flightdeckAudit, 'v1');
  assert.ok(exported.some((line) => line.bytes?.includes('look at this')));
  await clean(page);
});

test('readings of the log are shown on demand, and people by their names', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'AUD-2' });
  await server.post(`/agents/${session}/pause?wait=0s`, { reason: 'by somebody' });
  for (let at = 0; at < 5; at += 1) await server.get('/audit?limit=1');
  const page = await visit(on, { hash: '#audit' });
  const lines = page.locator('#audit-list tr:not(.audit-detail)');
  await page.locator('#audit-hidden', { hasText: /\d+ readings of the log are not shown/ }).waitFor();
  assert.ok(!(await lines.allTextContents()).some((line) => line.includes('audit read')));
  const { name } = await server.get('/me');
  assert.ok((await lines.filter({ hasText: 'by somebody' }).textContent()).includes(name));
  await page.getByLabel('Readings of the log').check();
  await lines.filter({ hasText: 'audit read' }).first().waitFor();
  assert.match(await page.evaluate(() => location.hash), /readings=shown/);
  await page.reload();
  await lines.filter({ hasText: 'audit read' }).first().waitFor();
  await page.getByLabel('Readings of the log').uncheck();
  await lines.filter({ hasText: 'audit read' }).first().waitFor({ state: 'detached' });
  // One action that is asked for is shown, whichever it is.
  await page.locator('#audit-filter [name="action"]').fill('audit_read');
  await page.locator('#audit-filter').getByRole('button', { name: 'Filter' }).click();
  await lines.filter({ hasText: 'audit read' }).first().waitFor();
  await clean(page);
});
