// The board of what needs a person, and the ways to call one.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, panel, stage, visit } from './support.mjs';

let on;
before(async () => (on = await stage()));
after(() => on.end());

const need = (page, words) => page.locator('.need', { hasText: words });

test('it is empty when all is well, and has what needs a person', async () => {
  const { server } = on;
  const [asks, fails, spends] = [await server.register({ taskId: 'N-1' }), await server.register({ taskId: 'N-2' }), await server.register({ taskId: 'N-3' })];
  const page = await visit(on, { hash: '#needs' });
  await page.getByText('All is well. Nobody needs you.').waitFor();
  assert.equal(await page.title(), 'Flightdeck');

  const request = await server.post(`/agents/${asks}/approvals`, { title: 'May I push?' });
  await need(page, 'May I push?').waitFor();
  await until('the title says so', async () => (await page.title()) === '(1) Flightdeck');
  await server.post(`/agents/${fails}/status`, { status: 'failed', reason: 'the disk is full' });
  await need(page, 'tester · N-2').waitFor();
  await page.locator('#tab-fleet').click();
  await page.locator('#tab-needs').click();
  await need(page, 'the disk is full').waitFor();
  await page.locator('#needs-badge', { hasText: '2' }).waitFor();

  // A budget that is used up pauses, and is told.
  await fetch(`${server.url}/agents/${spends}/budget`, { method: 'PUT', headers: { 'X-API-Key': server.key, 'Content-Type': 'application/json' }, body: JSON.stringify({ maxTokens: 10 }) });
  await server.post(`/agents/${spends}/messages`, { role: 'assistant', content: 'x', usage: { inputTokens: 100 } });
  await until('it is to be paused', async () => (await server.get(`/agents/${spends}/status`)).desiredStatus === 'paused');
  await page.locator('#tab-fleet').click();
  await page.locator('#tab-needs').click();
  await need(page, 'budget is used up').waitFor();
  await need(page, 'budget is used up').getByRole('button', { name: 'Change the budget' }).click();
  await page.getByLabel('In tokens, of all kinds').fill('1000000');
  await page.locator('dialog').getByRole('button', { name: 'Set' }).click();
  await need(page, 'budget is used up').waitFor({ state: 'detached' });
  assert.equal((await server.get(`/agents/${spends}/usage`)).budget.maxTokens, 1_000_000);

  // With keys alone: to the decision, and back to an empty board.
  await need(page, 'the disk is full').getByRole('button', { name: 'Put away' }).click();
  await need(page, 'the disk is full').waitFor({ state: 'detached' });
  await page.keyboard.press('0');
  await page.keyboard.press('Enter');
  await until('the request has the focus', () => page.evaluate((id) => document.activeElement?.getAttribute('data-id') === id, request.id));
  await page.keyboard.press('a');
  await until('it is allowed', async () => (await server.get(`/agents/${asks}/approvals/${request.id}`)).decision?.option === 'allow_once');
  await page.keyboard.press('0');
  await page.getByText('All is well. Nobody needs you.').waitFor();
  await until('the title is calm', async () => (await page.title()) === 'Flightdeck');
  // What was put away stays away.
  await page.reload();
  await page.getByText('All is well. Nobody needs you.').waitFor();
  await clean(page);
});

test('what is silent for long may be stuck; its name opens it', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'N-4' });
  await server.post(`/agents/${session}/messages`, { role: 'assistant', content: 'thinking' });
  const page = await visit(on);
  // A day on, as the page sees it: its clock is ahead of what it reads.
  await page.clock.install({ time: Date.now() + 30 * 60_000 });
  await page.reload();
  await page.locator('body[data-state="in"]').waitFor();
  await page.locator('#tab-needs').click();
  await page.clock.runFor(20_000);
  const line = need(page, 'tester · N-4');
  await line.waitFor();
  assert.match(await line.textContent(), /at work and says nothing/);
  await line.getByRole('button', { name: 'tester · N-4' }).click();
  await page.clock.runFor(1_000);
  await panel(page, session).waitFor();
});

test('nothing is asked of the browser without a click, and a notification says no words of agents', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'N-5' });
  const page = await visit(on, { hash: '#needs' });
  await page.evaluate(() => {
    globalThis.asked = 0;
    globalThis.told = [];
    globalThis.tones = 0;
    class Quiet extends EventTarget {
      static permission = 'default';
      static async requestPermission() {
        globalThis.asked += 1;
        return (Quiet.permission = 'granted');
      }
      constructor(title, options) {
        super();
        globalThis.told.push(`${title}: ${options.body}`);
      }
      close() {}
    }
    globalThis.Notification = Quiet;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) {
      globalThis.tones += 1;
      return start.apply(this, when);
    };
  });
  await server.post(`/agents/${session}/approvals`, { title: 'secret words one' });
  await need(page, 'secret words one').waitFor();
  assert.deepEqual(await page.evaluate(() => [globalThis.asked, globalThis.told, globalThis.tones]), [0, [], 0]);

  await page.keyboard.press('?');
  await page.getByRole('button', { name: 'Notifications' }).click();
  await page.locator('.toast', { hasText: 'You are notified' }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('button', { name: 'Sound' }).click();
  await until('the sound is heard once', async () => (await page.evaluate(() => globalThis.tones)) === 2);
  await page.evaluate(() => Object.defineProperty(document, 'visibilityState', { get: () => 'hidden', configurable: true }));
  await server.post(`/agents/${session}/approvals`, { title: 'secret words two' });
  await until('somebody is called', async () => (await page.evaluate(() => globalThis.told.length)) === 1);
  const [asked, told, tones] = await page.evaluate(() => [globalThis.asked, globalThis.told, globalThis.tones]);
  assert.equal(asked, 1);
  assert.match(told[0], /^Flightdeck: \d+ things? needs? you\.$/);
  assert.equal(tones, 4);
  await clean(page);
});
