// The approvals inbox: the whole fleet's, decided by a key press, once.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, stage, visit } from './support.mjs';

let on;
before(async () => (on = await stage()));
after(() => on.end());

const ask = (server, session, title, more = {}) => server.post(`/agents/${session}/approvals`, { title, ...more });
const card = (page, request) => page.locator(`.approval[data-id="${request.id}"]`);

test('requests come in live and are decided by keys', async () => {
  const { server } = on;
  const [one, other] = [await server.register({ taskId: 'Q-1' }), await server.register({ taskId: 'Q-2' })];
  const page = await visit(on);
  const push = await ask(server, one, 'Push to main', { detail: { cmd: 'git push' } });
  await page.locator('#approvals-badge', { hasText: '1' }).waitFor();
  await until('the title says so', async () => (await page.title()) === '(1) Flightdeck');
  await page.locator('#tree').focus();
  await page.keyboard.press('2');
  await card(page, push).waitFor();
  assert.match(await card(page, push).textContent(), /tester · Q-1.*Push to main.*"cmd": "git push"/s);
  const drop = await ask(server, other, 'Drop the table', { options: ['allow_once', 'reject_always'] });
  await card(page, drop).waitFor();

  // The oldest has the focus; a key that is not offered does nothing.
  await card(page, push).focus();
  await page.keyboard.press('a');
  await card(page, push).waitFor({ state: 'detached' });
  assert.equal((await server.get(`/agents/${one}/approvals/${push.id}`)).decision.option, 'allow_once');
  await until('the focus went on to the next', () => card(page, drop).evaluate((element) => element === document.activeElement));
  await page.keyboard.press('d');
  assert.equal((await server.get(`/agents/${other}/approvals/${drop.id}`)).status, 'open');
  await card(page, drop).getByLabel('Reason').fill('it is production');
  await card(page, drop).focus();
  await page.keyboard.press('D');
  await page.getByText('Nobody waits for a decision.').waitFor();
  const decided = await server.get(`/agents/${other}/approvals/${drop.id}`);
  assert.deepEqual([decided.decision.option, decided.decision.reason], ['reject_always', 'it is production']);

  // What became of them.
  const expired = await ask(server, one, 'Too late', { expiresInSeconds: 1 });
  await card(page, expired).waitFor();
  await card(page, expired).waitFor({ state: 'detached' });
  await page.getByRole('tab', { name: 'History' }).click();
  await until('all three are told', async () => (await page.locator('#approvals-history tr').count()) === 3);
  const told = await page.locator('#approvals-history tr').allTextContents();
  assert.match(told[0], /Too late.*Expired \(deadline\)/);
  assert.match(told[1], /Drop the table.*Reject always by first admin at .*it is production/);
  assert.match(told[2], /Push to main.*Allow once/);
  await clean(page);
});

test('a question with a form is filled in and answered', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'FORM' });
  const page = await visit(on, { hash: '#approvals' });
  const properties = {
    branch: { type: 'string', title: 'Branch', minLength: 2 },
    how: { type: 'string', title: 'How', oneOf: [{ const: 'merge', title: 'Merge' }, { const: 'rebase', title: 'Rebase' }] },
    count: { type: 'integer', title: 'Commits' },
    force: { type: 'boolean', title: 'Force' },
  };
  const request = await ask(server, session, 'Where to?', { detail: { form: { type: 'object', properties, required: ['branch'] } }, options: ['allow_once', 'reject_once'] });
  await card(page, request).waitFor();
  await card(page, request).getByRole('button', { name: 'Allow once' }).click();
  await card(page, request).locator('.fault', { hasText: 'branch' }).waitFor();
  await card(page, request).getByLabel('Branch').fill('main');
  await card(page, request).getByLabel('How').selectOption({ label: 'Rebase' });
  await card(page, request).getByLabel('Commits').fill('3');
  await card(page, request).getByLabel('Force').check();
  await page.screenshot({ path: process.env.FLIGHTDECK_TEST_FORM_PICTURE ?? '/dev/null', type: 'png' });
  await card(page, request).getByRole('button', { name: 'Allow once' }).click();
  await card(page, request).waitFor({ state: 'detached' });
  const { decision } = await server.get(`/agents/${session}/approvals/${request.id}`);
  assert.deepEqual(decision.answer, { branch: 'main', how: 'rebase', count: 3, force: true });
  await clean(page);
});

test('of two operators who decide one request, the first counts and the second is told', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'RACE' });
  const key = await server.makeKey('operator');
  const pages = await Promise.all([visit(on, { hash: '#approvals' }), visit(on, { hash: '#approvals', key })]);
  for (let round = 0; round < 5; round += 1) {
    const request = await ask(server, session, `Race ${round}`);
    await Promise.all(pages.map((page) => card(page, request).waitFor()));
    await Promise.all(pages.map((page) => card(page, request).focus()));
    await Promise.all([pages[0].keyboard.press('a'), pages[1].keyboard.press('d')]);
    await Promise.all(pages.map((page) => card(page, request).waitFor({ state: 'detached' })));
    const { decision } = await server.get(`/agents/${session}/approvals/${request.id}`);
    assert.ok(['allow_once', 'reject_once'].includes(decision.option));
    const entries = await server.get('/audit?action=approval_decide&limit=1000');
    const accepted = entries.entries.filter((entry) => JSON.stringify(entry).includes(request.id) && entry.outcome === 'accepted');
    assert.equal(accepted.length, 1, 'one decision is on the record');
  }

  // One who comes too late for sure: their page has not heard of it yet.
  const [fast, slow] = pages;
  const request = await ask(server, session, 'Photo finish');
  await Promise.all(pages.map((page) => card(page, request).waitFor()));
  await slow.context().route('**/approvals?**', (route) => setTimeout(() => route.continue(), 1_500));
  await card(fast, request).focus();
  await fast.keyboard.press('a');
  await card(fast, request).waitFor({ state: 'detached' });
  await card(slow, request).focus();
  await slow.keyboard.press('d');
  await slow.locator('.toast.bad', { hasText: request.id }).filter({ hasText: 'allow_once' }).waitFor();
  await card(slow, request).waitFor({ state: 'detached' });
  for (const page of pages) await clean(page);
});
