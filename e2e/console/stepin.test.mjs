// Stepping in: what is hit is shown before, and proven after.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { until } from '../support/story.mjs';
import { clean, open, row, stage, visit } from './support.mjs';

const BUSY = [{ say: 'working' }, { wait: { ms: 600_000 } }];
const CALM = [{ say: 'ready' }, { idle: true }];

let on;
before(async () => (on = await stage()));
after(() => on.end());

test('an inject shows its receipt on the message, with its mode', async () => {
  const { server } = on;
  const session = await server.spawn(CALM);
  const page = await visit(on);
  const shown = await open(page, session);
  await page.locator('#tree').focus();
  await page.keyboard.press('i');
  await page.keyboard.type('How far are you?');
  await shown.locator('.compose select').selectOption('interrupt');
  await shown.locator('.compose textarea').press('Enter');
  const message = shown.locator('.message.operator', { hasText: 'How far are you?' });
  await message.locator('.receipt.consumed').waitFor();
  const seq = Number(await message.getAttribute('data-seq'));
  const { messages } = await server.get(`/agents/${session}/messages?after=${seq - 1}&limit=1`);
  assert.equal(messages[0].content, 'How far are you?');
  assert.equal(messages[0].receipt.state, 'consumed');
  assert.equal(await shown.locator('.compose textarea').inputValue(), '');
  await clean(page);
});

test('a message that waits is taken back', async () => {
  const { server } = on;
  // One that reports by itself and has not fetched its commands.
  const session = await server.register({ taskId: 'SLOW' });
  const page = await visit(on);
  const shown = await open(page, session);
  await shown.locator('.compose textarea').fill('Never mind');
  await shown.getByRole('button', { name: 'Inject' }).click();
  await shown.locator('.receipt.accepted').waitFor();
  await shown.getByRole('button', { name: 'Take back' }).click();
  await shown.locator('.receipt.cancelled').waitFor();
  await clean(page);
});

test('a pause of a subtree lists what it hits, says why, and is proven; then it is resumed', async () => {
  const { server } = on;
  const child = { agentType: 'child', taskId: 'P-2', script: BUSY };
  const top = await server.spawn([{ spawn: child }, ...BUSY], { taskId: 'P-1' });
  const page = await visit(on);
  await until('the child is there', async () => (await server.get(`/agents/tree?root=${top}`)).length === 2);
  await row(page, top).click();
  await page.locator('#tree').focus();
  await page.keyboard.press('p');
  const dialog = page.locator('dialog');
  assert.match(await dialog.locator('.hit-count').textContent(), /Pauses 1 session:/);
  await dialog.getByText('It and all below it').click();
  assert.match(await dialog.locator('.hit-count').textContent(), /Pauses 2 sessions:/);
  assert.deepEqual(await dialog.locator('.hits li span:first-of-type').allTextContents(), ['robot · P-1', 'child · P-2']);
  await dialog.locator('input[type="text"]').fill('lunch');
  await dialog.getByRole('button', { name: 'Pause 2' }).click();
  await page.locator('.operation-card.done', { hasText: '2 of 2 sessions paused' }).waitFor();
  await page.locator(`#row-${top}[data-status="paused"]`).waitFor();
  await page.getByRole('button', { name: 'Proof' }).first().click();
  await until('each target has its proof', async () => (await dialog.locator('tbody tr').count()) === 2);
  assert.match(await dialog.textContent(), /because: lunch/);
  for (const cells of await dialog.locator('tbody tr').allTextContents()) assert.match(cells, /observed\+.*\+/);
  await page.keyboard.press('Escape');

  await page.locator('#tree').focus();
  await page.keyboard.press('r');
  await dialog.getByText('It and all below it').click();
  await dialog.getByRole('button', { name: 'Resume 2' }).click();
  await page.locator(`#row-${top}[data-status="running"]`).waitFor();

  // Both are in the list of operations, newest first.
  await page.keyboard.press('Escape');
  await page.locator('#tab-operations').click();
  await until('both are listed', async () => {
    const words = await page.locator('#operations-list tr').allTextContents();
    return words.length >= 2 && /resume.*subtree/.test(words[0]) && /pause.*subtree.*lunch/.test(words[1]);
  });
  await clean(page);
});

test('a pause is not said to be done before it was seen', async () => {
  const { server } = on;
  // It never obeys: only its own runtime could say that it has stopped.
  const session = await server.register({ taskId: 'DEAF' });
  const page = await visit(on);
  const shown = await open(page, session);
  await shown.getByRole('button', { name: 'Pause (p)' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Pause', exact: true }).click();
  await page.locator('.operation-card.open', { hasText: '0 of 1 session paused, 1 not seen yet' }).waitFor();
  // However often it is looked at: until it is seen, it is open.
  await sleep(3_000);
  assert.equal(await page.locator('.operation-card.open', { hasText: '1 not seen yet' }).count(), 1);
  await shown.getByText(/running, pause requested/).waitFor();
  assert.equal(await row(page, session).getAttribute('data-status'), 'running');
  await server.post(`/agents/${session}/status`, { status: 'paused' });
  await page.locator('.operation-card.done', { hasText: '1 of 1 session paused' }).waitFor();
  await shown.getByText(/^paused ·/).waitFor();
  await clean(page);
});

test('an interrupt ends the turn, a kill ends the session', async () => {
  const { server } = on;
  const session = await server.spawn(BUSY, { taskId: 'K-1' });
  const page = await visit(on);
  const shown = await open(page, session);
  await shown.getByText('working', { exact: true }).waitFor();
  await shown.getByRole('button', { name: 'Interrupt' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Interrupt', exact: true }).click();
  await page.locator(`#row-${session}[data-status="idle"]`).waitFor();
  await page.locator('#tree').focus();
  await page.keyboard.press('k');
  await page.locator('dialog').getByRole('button', { name: 'Kill', exact: true }).click();
  await page.locator(`#row-${session}[data-status="killed"]`).waitFor();
  await shown.getByText('Complete').waitFor();
  assert.equal(await shown.locator('.compose textarea').isDisabled(), true);
  await clean(page);
});

test('a refusal is told in the dialog', async () => {
  const { server } = on;
  const session = await server.spawn(BUSY, { taskId: 'R-1' });
  const page = await visit(on);
  await row(page, session).click();
  await page.locator('#tree').focus();
  await page.keyboard.press('p');
  await server.post(`/agents/${session}/kill?wait=5s`, {});
  await page.locator('dialog').getByRole('button', { name: /^Pause/ }).click();
  await page.locator('dialog .fault', { hasText: 'is killed' }).waitFor();
  await clean(page);
});

test('kill all asks for a word, says how many, fences, and is released', async () => {
  const { server } = on;
  await server.spawn(BUSY, { taskId: 'A-1' });
  const page = await visit(on);
  await page.locator('.row').first().waitFor();
  await page.locator('#kill-all').click();
  const dialog = page.locator('dialog');
  const kill = dialog.getByRole('button', { name: /^Kill \d+ session/ });
  assert.equal(await kill.isDisabled(), true);
  await dialog.getByLabel(/Write/).fill('kill all');
  await kill.click();
  await page.locator('#kill-switch').waitFor();
  await page.locator('.operation-card', { hasText: /sessions? killed/ }).waitFor();
  await assert.rejects(server.register({ taskId: 'FENCED' }), /409/);

  // Whoever comes later sees it too.
  await page.reload();
  await page.locator('#kill-switch').waitFor();
  await page.locator('#release').click();
  await dialog.getByRole('button', { name: 'Release' }).click();
  await page.locator('#kill-switch').waitFor({ state: 'hidden' });
  await server.register({ taskId: 'FREE' });
  await clean(page);
});

test('a viewer looks and cannot step in', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'V-1' });
  const page = await visit(on, { key: await server.makeKey('viewer') });
  const shown = await open(page, session);
  assert.equal(await shown.locator('.compose').count(), 0);
  assert.equal(await page.locator('#kill-all').isVisible(), false);
  await page.locator('#tree').focus();
  await page.keyboard.press('k');
  await page.getByText('A viewer looks and does not step in.').waitFor();
  assert.equal(await page.locator('dialog').count(), 0);
  await clean(page);
});
