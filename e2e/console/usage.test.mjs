// Usage over time, and how long requests waited.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, row, stage, visit } from './support.mjs';

const DAY = 86_400_000;
const day = (ago) => new Date(Date.now() - ago * DAY).toISOString().slice(0, 10);

let on;
const made = {};
before(async () => {
  on = await stage();
  const { server } = on;
  made.lead = await server.register({ taskId: 'USE-1', agentType: 'lead', missionId: 'apollo' });
  made.child = await server.register({ taskId: 'USE-2', agentType: 'coder', missionId: 'apollo', parentSessionId: made.lead });
  made.other = await server.register({ taskId: 'USE-3', agentType: 'tester' });
  const report = (session, ago, usage) => server.post(`/agents/${session}/messages`, { role: 'assistant', content: 'x', createdAt: new Date(Date.now() - ago * DAY).toISOString(), usage });
  await report(made.lead, 0, { model: 'large', inputTokens: 1_000, outputTokens: 500, costUsd: 4 });
  await report(made.lead, 2, { model: 'small', inputTokens: 9_000, costUsd: 1 });
  await report(made.child, 2, { model: 'large', inputTokens: 100, cacheReadTokens: 40, costUsd: 2.5 });
  await report(made.other, 50, { model: 'small', inputTokens: 70, costUsd: 8 });
  await report(made.other, 1, { inputTokens: 30 });
});
after(() => on.end());

/** A list of the view, by its label. */
const chosen = (page, label) => page.locator('#view-usage').getByLabel(new RegExp(`^${label}`));

/** The rows of the table of a part, with its heads. */
async function tableOf(page, part) {
  const section = page.locator(`section[aria-label="${part}"]`);
  const more = section.locator('details');
  if (!(await more.evaluate((one) => one.open))) await more.locator('summary').click();
  await section.locator('tbody tr').first().waitFor();
  const heads = await section.locator('thead th').allTextContents();
  const rows = await section.locator('tbody tr').evaluateAll((all) => all.map((one) => [...one.children].map((cell) => cell.textContent)));
  return { heads, rows };
}

/** What was used in all, by name: cost and tokens. */
const sums = (page) => page.locator('[aria-label="Used in all"] tbody tr').evaluateAll((all) => all.map((one) => [...one.children].slice(0, 3).map((cell) => cell.textContent)));
const sumsAre = (page, expected) => until(`the sums are ${JSON.stringify(expected)}`, async () => JSON.stringify(await sums(page)) === JSON.stringify(expected));

test('what was used is drawn by model, and the table beside it says the same', async () => {
  const page = await visit(on);
  await page.keyboard.press('6');
  await sumsAre(page, [['large', '$6.50', '1,640'], ['small', '$1.00', '9,000'], ['no model named', '–', '30']]);
  assert.match(await page.locator('#view-usage p[role="status"]').first().textContent(), /^\$7\.50 and 10,670 tokens from .* Some reports name no cost\.$/);
  const drawing = page.locator('section[aria-label="Used"] svg.bars');
  assert.equal(await drawing.getAttribute('role'), 'img');
  assert.match(await drawing.getAttribute('aria-label'), /Cost by model/);
  const titles = await drawing.locator('rect title').allTextContents();
  assert.deepEqual(titles.sort(), [`${day(0)}, large: $4.00`, `${day(2)}, large: $2.50`, `${day(2)}, small: $1.00`].sort());
  const { heads, rows } = await tableOf(page, 'Used');
  assert.deepEqual(heads, ['Days', 'large', 'small', 'no model named']);
  assert.equal(rows.length, 30);
  assert.deepEqual(rows.find(([name]) => name === day(2)), [day(2), '$2.50', '$1.00', '$0.00']);
  // Bars of the same value are equally high, whatever they stand on.
  const heights = await drawing.locator('rect').evaluateAll((all) => all.map((one) => [one.querySelector('title').textContent, Number(one.getAttribute('height'))]));
  const high = (words) => heights.find(([title]) => title.includes(words))[1];
  assert.ok(Math.abs(high('$4.00') / high('$1.00') - 4) < 0.01, JSON.stringify(heights));
  await clean(page);
});

test('a mission, an agent, tokens and other days are chosen, and the address says so', async () => {
  const page = await visit(on, { hash: '#usage' });
  await sumsAre(page, [['large', '$6.50', '1,640'], ['small', '$1.00', '9,000'], ['no model named', '–', '30']]);
  await chosen(page, 'By').selectOption('mission');
  await sumsAre(page, [['apollo', '$7.50', '10,640'], ['no mission', '–', '30']]);
  await chosen(page, 'Show').selectOption('tokens');
  await page.getByRole('button', { name: '90 days' }).click();
  await sumsAre(page, [['apollo', '$7.50', '10,640'], ['no mission', '$8.00', '100']]);
  assert.equal(await page.evaluate(() => location.hash), '#usage?by=mission&show=tokens&days=90');
  await chosen(page, 'Of').selectOption('mission apollo');
  await chosen(page, 'By').selectOption('agent');
  await until('the agents of the mission', async () => (await sums(page)).map(([name]) => name.slice(0, 5)).join() === 'lead ,coder');
  await page.reload();
  await until('a reload leads there again', async () => (await sums(page)).map(([name]) => name.slice(0, 5)).join() === 'lead ,coder');
  assert.equal(await page.getByRole('button', { name: '90 days' }).getAttribute('aria-pressed'), 'true');
  await chosen(page, 'Of').selectOption('the whole fleet');
  await page.locator('#view-usage').getByLabel('From', { exact: true }).fill(day(60));
  await page.locator('#view-usage').getByLabel('To', { exact: true }).fill(day(40));
  await until('one agent alone', async () => (await sums(page)).length === 1 && (await sums(page))[0][0].startsWith('tester'));
  assert.match(await page.evaluate(() => location.hash), new RegExp(`from=${day(60)}&to=${day(40)}`));
  await page.locator('#view-usage').getByLabel('To', { exact: true }).fill(day(70));
  await page.getByText('The last day is before the first.').waitFor();
  await page.locator('#view-usage').getByLabel('To', { exact: true }).fill(day(40));
  await until('it is said no more', async () => (await page.locator('#view-usage .fault').textContent()) === '');
  // The back button leads through what was chosen.
  await page.goBack();
  await page.locator('[aria-label="Used in all"] tbody').getByRole('button', { name: /^tester/ }).click();
  await page.locator('.panel.active').waitFor();
  await clean(page);
});

test('a session with all below it is one deed away, and a mission one click', async () => {
  const page = await visit(on);
  await row(page, made.lead).click();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('usage over time, with');
  await page.keyboard.press('Enter');
  await sumsAre(page, [['large', '$6.50', '1,640'], ['small', '$1.00', '9,000']]);
  await page.goto(`${on.server.url}/?again#budgets`);
  await page.locator('tr[data-key="apollo"]').getByRole('button', { name: '$7.50' }).click();
  await chosen(page, 'Of').waitFor();
  assert.equal(await page.evaluate(() => location.hash), '#usage?mission=apollo');
  await clean(page);
});

test('what became of requests, and how long they waited, by day', async () => {
  const { server } = on;
  const ask = async () => (await server.post(`/agents/${made.lead}/approvals`, { title: 'May I?' })).id;
  for (const option of ['allow_once', 'allow_once', 'reject_once']) await server.post(`/approvals/${await ask()}/decide`, { option });
  await server.post(`/agents/${made.other}/approvals`, { title: 'Anyone?', expiresInSeconds: 1 });
  await until('it has expired', async () => (await server.get('/approvals?status=expired')).approvals.length === 1);
  const page = await visit(on, { hash: '#usage' });
  await page.getByText(/^3 requests were decided, half of them within/).waitFor();
  const decided = await tableOf(page, 'Requests decided');
  assert.deepEqual(decided.heads, ['Days', 'allowed', 'rejected', 'nobody decided']);
  assert.deepEqual(decided.rows.at(-1), [day(0), '2', '1', '1']);
  const waits = await tableOf(page, 'How long they waited');
  assert.deepEqual(waits.heads, ['Days', '19 of 20 at most', 'half at most']);
  assert.match(waits.rows.at(-1)[1], /^\d+(\.\d)? m?s$/);
  await page.goto(`${server.url}/?again#usage?agent=${made.other}`);
  await page.getByText('No request was decided.').waitFor();
  await clean(page);
});

test('a key for some missions sees these and is offered no others', async () => {
  const { server } = on;
  const { key } = await server.post('/keys', { name: 'apollo only', role: 'viewer', missions: ['apollo'] });
  const page = await visit(on, { key, hash: '#usage' });
  await sumsAre(page, [['large', '$6.50', '1,640'], ['small', '$1.00', '9,000']]);
  assert.deepEqual(await chosen(page, 'Of').locator('option').allTextContents(), ['mission apollo']);
  await clean(page);
});
