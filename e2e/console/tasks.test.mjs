// Ten tasks of an operator on the real page, counted in keys and clicks, and held against the table of docs/console.md.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, panel, row, stage, visit } from './support.mjs';

const CALM = [{ say: 'ready' }, { idle: true }];
const BUSY = [{ say: 'working' }, { wait: { ms: 600_000 } }];

let on;
before(async () => (on = await stage()));
after(() => on.end());

/** Presses and clicks, and counts both. The words of a name, a message or a form are not counted: they are the same everywhere. */
const handOf = (page) => ({
  count: 0,
  begun: 0,
  one() {
    this.count += 1;
    this.begun ||= performance.now();
  },
  async press(key) {
    this.one();
    await page.keyboard.press(key);
  },
  async click(what) {
    this.one();
    await what.click();
  },
  words: (text) => page.keyboard.type(text),
});

/** @typedef {{ server: any, page: import('playwright-core').Page, hand: ReturnType<typeof handOf> }} Scene */

/** Each begins in the fleet view with a session in sight, and ends when the effect was seen. @type {Record<string, (scene: Scene) => Promise<void>>} */
const TASKS = {
  async 'See who needs a person'({ server, page, hand }) {
    const session = await server.register({ taskId: 'T-NEEDS' });
    await server.post(`/agents/${session}/approvals`, { title: 'May I see?' });
    await hand.press('0');
    await page.locator('.need', { hasText: 'May I see?' }).waitFor();
  },
  async 'Open one of many sessions by its name, and read it live'({ server, page, hand }) {
    const session = await server.spawn(CALM, { taskId: 'T-OPEN' });
    await row(page, session).waitFor();
    await hand.press('Control+k');
    await hand.words('t-open');
    await page.locator('#palette-list [role="option"]', { hasText: 'T-OPEN' }).waitFor();
    await hand.press('Enter');
    await panel(page, session).locator('.message', { hasText: 'ready' }).waitFor();
  },
  async 'Say something to an agent that is at work'({ server, page, hand }) {
    const session = await server.spawn(BUSY, { taskId: 'T-SAY' });
    await row(page, session).click();
    await panel(page, session).locator('.message', { hasText: 'working' }).waitFor();
    await page.locator('#tree').focus();
    await hand.press('i');
    await hand.words('mind the tests');
    await hand.press('Enter');
    await panel(page, session).locator('.message', { hasText: 'mind the tests' }).waitFor();
  },
  async 'Allow the oldest request of the whole fleet'({ server, page, hand }) {
    const { approvals } = await server.get('/approvals?status=open');
    for (const { id } of approvals) await server.post(`/approvals/${id}/decide`, { option: 'reject_once' });
    const session = await server.register({ taskId: 'T-ALLOW' });
    const { id } = await server.post(`/agents/${session}/approvals`, { title: 'May I push?' });
    await until('it is counted', async () => (await page.locator('#approvals-badge').textContent()) === '1');
    await hand.press('2');
    await page.locator(`.approval[data-id="${id}"]`).waitFor();
    await hand.press('a');
    await until('it is decided', async () => (await server.get(`/agents/${session}/approvals/${id}`)).decision?.option === 'allow_once');
  },
  async 'Pause an agent with all that it started'({ server, page, hand }) {
    const top = await server.spawn(CALM, { taskId: 'T-TREE' });
    const child = await server.spawn(CALM, { taskId: 'T-BELOW', parentAgentId: top });
    await row(page, child).waitFor();
    await row(page, top).click();
    await hand.press('p');
    await hand.click(page.locator('dialog').getByText('It and all below it'));
    await hand.click(page.locator('dialog button[type="submit"]'));
    await until('both are paused', async () => (await Promise.all([top, child].map((one) => server.get(`/agents/${one}/status`)))).every(({ desiredStatus }) => desiredStatus === 'paused'));
  },
  async 'Resume an agent that is paused'({ server, page, hand }) {
    const session = await server.spawn(CALM, { taskId: 'T-RESUME' });
    await until('it is calm', async () => (await server.get(`/agents/${session}/status`)).status === 'idle');
    await server.post(`/agents/${session}/pause`, {});
    await row(page, session).click();
    await panel(page, session).locator('.panel-status', { hasText: 'paused' }).waitFor();
    await page.locator('#tree').focus();
    await hand.press('r');
    await page.locator('dialog').waitFor();
    await hand.press('Enter');
    await until('it goes on', async () => (await server.get(`/agents/${session}/status`)).desiredStatus === 'running');
  },
  async 'Kill an agent, and see the proof'({ server, page, hand }) {
    const session = await server.spawn(BUSY, { taskId: 'T-KILL' });
    await row(page, session).click();
    await panel(page, session).locator('.message', { hasText: 'working' }).waitFor();
    await page.locator('#tree').focus();
    await hand.press('k');
    await page.locator('dialog').waitFor();
    await hand.press('Enter');
    await page.locator('.operation-card.done').first().waitFor();
    assert.equal((await server.get(`/agents/${session}/status`)).status, 'killed');
  },
  async 'Start another agent like this one'({ server, page, hand }) {
    const session = await server.spawn(CALM, { taskId: 'T-LIKE' });
    await row(page, session).click();
    await panel(page, session).locator('.message', { hasText: 'ready' }).waitFor();
    const count = async () => (await server.get('/agents?limit=200')).length;
    const before = await count();
    await hand.click(panel(page, session).getByRole('button', { name: 'Again' }));
    await page.locator('dialog').waitFor();
    await hand.click(page.locator('dialog').getByRole('button', { name: 'Start' }));
    await until('there is one more', async () => (await count()) === before + 1);
  },
  async 'See what a mission cost by model in the last 30 days'({ server, page, hand }) {
    const session = await server.register({ taskId: 'T-COST', missionId: 'costly' });
    await server.post(`/agents/${session}/messages`, { role: 'assistant', content: 'x', usage: { model: 'large', inputTokens: 10, costUsd: 2 } });
    await row(page, session).waitFor();
    await hand.press('6');
    await hand.click(page.locator('#view-usage').getByLabel(/^Of/));
    hand.one(); // the entry of the list, which the browser draws itself
    await page.locator('#view-usage').getByLabel(/^Of/).selectOption('mission costly');
    await page.getByText(/^\$2\.00 and 10 tokens/).waitFor();
  },
  async 'Prove that nobody changed the record of who did what'({ page, hand }) {
    await hand.press('4');
    await hand.click(page.getByRole('button', { name: 'Verify the chain' }));
    await page.locator('.verdict.good').waitFor();
  },
};

test('the ten tasks take as many keys and clicks as the documentation says', async () => {
  const { server } = on;
  const [counted, took] = [{}, {}];
  for (const [name, task] of Object.entries(TASKS)) {
    const page = await visit(on);
    const hand = handOf(page);
    await page.locator('#view-fleet:not([hidden])').waitFor();
    await page.locator('#tree').focus().catch(() => {});
    await task({ server, page, hand }).catch((error) => {
      throw new Error(`${name}: ${error.message}`, { cause: error });
    });
    counted[name] = hand.count;
    took[name] = `${((performance.now() - hand.begun) / 1000).toFixed(1)} s`;
    await clean(page);
    await page.context().close();
  }
  console.log(counted, took);
  const text = await readFile(new URL('../../docs/console.md', import.meta.url), 'utf8');
  const written = Object.fromEntries([...text.matchAll(/^\| \d+\. ([^|]+?) \| (\d+):/gm)].map(([, name, count]) => [name, Number(count)]));
  assert.deepEqual(written, counted);
});
