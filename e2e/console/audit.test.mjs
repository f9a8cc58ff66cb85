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
