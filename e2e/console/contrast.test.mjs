// Every control can be read in every state that it can be in, in light and dark.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { measure, sentence } from './contrast.mjs';
import { clean, open, panel, row, say, serveFrom, stage, visit } from './support.mjs';

const STATUSES = ['waiting', 'running', 'idle', 'paused', 'lost', 'failed', 'completed'];

let on;
let made;
before(async () => {
  on = await stage();
  made = await furnish();
});
after(() => on.end());

const told = new Set();
const met = new Set();

/** Looks at a scene; what cannot be read fails the test that the scene is in. */
async function look(page, scene) {
  const { faults, measured, met: ids } = await measure(page, scene);
  for (const id of ids) met.add(id);
  assert.ok(measured > 100, `${scene}: only ${measured} measured`);
  // The same control is in several scenes: it is told once.
  const fresh = faults.map(sentence).filter((words) => !told.has(words.slice(words.indexOf(','))));
  for (const words of fresh) told.add(words.slice(words.indexOf(',')));
  assert.deepEqual(fresh, [], scene);
}

/** Looks at several scenes and fails with all that was found. */
function scenes() {
  const failed = [];
  return {
    async look(page, scene) {
      await look(page, scene).catch((error) => failed.push(error));
    },
    end() {
      const words = failed.flatMap((error) => error.actual ?? [error.message]);
      assert.equal(words.length, 0, `${words.length} faults:\n${words.join('\n')}`);
    },
  };
}

/** A session that says and does all that is drawn in its own way. */
async function furnish() {
  const { server } = on;
  const top = await server.register({ taskId: 'LOOK-1', missionId: 'access' });
  const child = await server.register({ taskId: 'LOOK-2', parentSessionId: top, missionId: 'access' });
  for (const status of STATUSES) {
    const session = await server.register({ taskId: `IS-${status}` });
    if (status !== 'running') await server.post(`/agents/${session}/status`, { status }).catch(() => {});
  }
  await say(server, top, 1, 30);
  const write = (message) => server.post(`/agents/${top}/messages`, message);
  await write({ role: 'assistant', content: 'a long text\n'.repeat(900) });
  await write({ role: 'assistant', content: 'hm', metadata: { type: 'thought' } });
  await write({ role: 'user', content: 'Do it. ```\ncode\n```' });
  await write({ role: 'tool', content: 'ls', metadata: { type: 'tool_call', name: 'bash', input: { cmd: 'ls' } } });
  await write({ role: 'tool', content: 'no', metadata: { type: 'tool_result', name: 'bash', failed: true } });
  await write({ role: 'tool', content: 'ls', metadata: { type: 'tool_call', name: 'grep', input: { cmd: 'ls' } } });
  await server.post(`/agents/${top}/messages`, { role: 'assistant', content: 'done', usage: { inputTokens: 1, outputTokens: 1, costUsd: 1.5 } });
  await server.post(`/agents/${top}/inject`, { message: 'hello' });
  const form = {
    type: 'object',
    required: ['branch'],
    properties: {
      branch: { type: 'string', title: 'Branch', description: 'Where to' },
      how: { type: 'string', oneOf: [{ const: 'merge', title: 'Merge' }, { const: 'rebase', title: 'Rebase' }] },
      labels: { type: 'array', items: { enum: ['one', 'two'] }, default: 'one' },
      count: { type: 'integer' },
      force: { type: 'boolean' },
    },
  };
  await server.post(`/agents/${top}/approvals`, { title: 'Where to?', detail: { cmd: 'git push', form } });
  const closed = await server.post(`/agents/${child}/approvals`, { title: 'May I?', options: ['allow_once', 'allow_always', 'reject_once', 'reject_always'] });
  await server.post(`/approvals/${closed.id}/decide`, { option: 'allow_once' });
  await server.post(`/agents/${child}/approvals`, { title: 'May I now?', options: ['allow_once', 'allow_always', 'reject_once', 'reject_always'] });
  return { top, child };
}

/** Shows the buttons that lead on in lists which are too short for them here. */
const showAll = (page) => page.evaluate(() => {
  for (const more of document.querySelectorAll('[id$="-more"]')) more.hidden = false;
});

test('the login page', async () => {
  const context = await on.browser.newContext();
  await serveFrom(context, on.server.url);
  const page = await context.newPage();
  await page.goto(on.server.url);
  const all = scenes();
  await page.locator('#login-key').waitFor();
  await all.look(page, 'login');
  await page.locator('#login-key').fill('fd_nonsense');
  await page.locator('#login-form button').click();
  await page.locator('#login-fault:not(:empty)').waitFor();
  await all.look(page, 'a refused login');
  await context.close();
  all.end();
});

test('the fleet view: the tree, its filter, conversations', async () => {
  const { server } = on;
  const { top, child } = made;
  const all = scenes();
  const page = await visit(on);
  await row(page, top).locator('.row-unread:not(:empty)').waitFor({ state: 'detached' }).catch(() => {});
  await row(page, top).locator('.fold').click();
  await say(server, child, 1, 3);
  await all.look(page, 'tree, folded');
  await row(page, top).locator('.fold').click();
  const shown = await open(page, top);
  await server.post(`/agents/${child}/pause?wait=0s`, {});
  await row(page, child).locator('.row-wish', { hasText: 'pause' }).waitFor();
  await shown.locator('summary').first().click();
  await shown.getByRole('button', { name: 'Reason' }).click();
  await shown.getByRole('button', { name: 'Search and jump' }).click();
  await shown.getByRole('searchbox').fill('message 7');
  await shown.getByRole('button', { name: 'Search', exact: true }).click();
  await shown.locator('.match').first().click();
  await shown.locator('.message.marked').waitFor();
  await all.look(page, 'one conversation');
  const over = await server.register({ taskId: 'OVER' });
  await server.post(`/agents/${over}/status`, { status: 'failed' });
  await open(page, over, true);
  await page.locator('.compose textarea:disabled').waitFor();
  await open(page, child, true);
  await page.locator('#filter-text').fill('look-2');
  await row(page, over).waitFor({ state: 'hidden' });
  await all.look(page, 'three conversations, filtered');
  await page.locator('#filter-text').fill('nothing at all');
  await page.locator('#tree-empty').waitFor();
  await all.look(page, 'an empty tree');
  await page.setViewportSize({ width: 390, height: 844 });
  await page.locator('#back').waitFor();
  await all.look(page, 'narrow');
  await clean(page);
  all.end();
});

test('the dialogs of a session, help, and what they leave behind', async () => {
  const all = scenes();
  const page = await visit(on);
  const shown = await open(page, made.top);
  for (const wish of ['Pause (p)', 'Interrupt', 'Kill (k)']) {
    await shown.getByRole('button', { name: wish }).click();
    await page.locator('dialog .hits li').first().waitFor();
    await all.look(page, wish);
    await page.keyboard.press('Escape');
  }
  await page.locator('#help').click();
  await page.locator('dialog .keys').waitFor();
  await all.look(page, 'help');
  await page.keyboard.press('Escape');
  await page.locator('#kill-all').click();
  await page.locator('dialog').getByRole('button', { name: /^Kill \d+/ }).waitFor();
  await all.look(page, 'kill all');
  await page.keyboard.press('Escape');

  await panel(page, made.top).getByRole('button', { name: 'Pause (p)' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Pause', exact: true }).click();
  await page.locator('.operation-card.open').waitFor();
  await all.look(page, 'an operation card');
  await page.locator('.operation-card').getByRole('button', { name: 'Proof' }).click();
  await page.locator('dialog tbody tr').waitFor();
  await all.look(page, 'proof');
  await page.keyboard.press('Escape');
  await page.locator('.operation-card').getByRole('button', { name: 'Dismiss' }).click();
  await shown.getByRole('button', { name: 'Resume (r)' }).click();
  await all.look(page, 'Resume (r)');
  await page.keyboard.press('Escape');
  await page.locator('#tab-audit').click();
  await page.keyboard.press('k');
  await page.locator('.toast.bad').waitFor();
  await all.look(page, 'a bad toast');
  await clean(page);
  all.end();
});

test('approvals, operations and audit', async () => {
  const all = scenes();
  const page = await visit(on, { hash: '#approvals' });
  await page.locator('.approval-form select[multiple]').waitFor();
  await page.locator('.approval-form select[multiple]').selectOption({ index: 0 });
  await all.look(page, 'approvals');
  await page.locator('.approval').last().getByRole('button', { name: 'Reject once' }).click();
  await page.locator('.toast.good').waitFor();
  await page.getByRole('tab', { name: 'History' }).click();
  await page.locator('#approvals-history tr').first().waitFor();
  await showAll(page);
  await all.look(page, 'history, a good toast');
  await page.locator('#tab-operations').click();
  await page.locator('#operations-list tr').first().waitFor();
  await showAll(page);
  await all.look(page, 'operations');
  await page.locator('#tab-audit').click();
  await page.locator('#audit-list tr').first().waitFor();
  await page.getByRole('button', { name: 'Verify the chain' }).click();
  await page.locator('.verdict').waitFor();
  await page.locator('#audit-list button').first().click();
  await page.evaluate(() => {
    document.querySelector('#audit-list tr').className = 'refused';
    document.querySelector('.verdict').insertAdjacentElement('afterend', Object.assign(document.querySelector('.verdict').cloneNode(true), { className: 'verdict bad' }));
  });
  await showAll(page);
  await all.look(page, 'audit');
  await clean(page);
  all.end();
});

test('the board, the timeline, the palette, the tour and what is marked', async () => {
  const { server } = on;
  const all = scenes();
  const page = await visit(on, { hash: `#needs` });
  await page.locator('.need').first().waitFor();
  await all.look(page, 'what needs a person');
  await page.goto(`${server.url}/?again#timeline?root=${made.top}`);
  await page.locator('.lane').first().waitFor();
  await page.getByText('The same as a table').click();
  await page.locator('#timeline-table tr').first().waitFor();
  await all.look(page, 'timeline');
  await page.locator('#tab-fleet').click();
  await row(page, made.top).click();
  await page.locator('#tree').focus();
  await page.keyboard.press('M');
  await page.locator('#marks').waitFor();
  await page.locator('#filter-text').fill('look');
  await page.getByRole('button', { name: 'Save this filter' }).waitFor();
  await all.look(page, 'marked');
  await page.getByRole('button', { name: 'Save this filter' }).click();
  await page.locator('dialog').getByLabel('Name').fill('look');
  await all.look(page, 'save a filter');
  await page.locator('dialog').getByRole('button', { name: 'Save' }).click();
  await page.locator('#marks-kill').click();
  await page.locator('dialog .hits li').first().waitFor();
  await all.look(page, 'kill what is marked');
  await page.keyboard.press('Escape');
  await page.locator('#palette-open').click();
  await page.locator('#palette-list [role="option"]').first().waitFor();
  await all.look(page, 'palette');
  await page.keyboard.press('Escape');
  await page.locator('#help').click();
  await page.getByRole('button', { name: 'Tour' }).click();
  await page.locator('.tour').waitFor();
  await all.look(page, 'tour');
  await clean(page);
  all.end();
});

test('what is managed, and the dialogs with which it is', async () => {
  const { server } = on;
  const all = scenes();
  await server.post('/providers', { kind: 'scripted', name: 'look', settings: { script: [{ say: 'x' }] } });
  await server.post('/sinks', { form: 'ntfy', name: 'look', settings: { topic: 'look-at-this' } });
  const page = await visit(on, { hash: '#providers' });
  for (const [name, deed] of Object.entries({ Providers: 'Change', Runners: '', Budgets: 'Set', Retention: 'Change the rules', Sinks: 'Change', Keys: 'Make a key' })) {
    await page.locator('main:not([hidden]) .ways').getByRole('button', { name }).click();
    await page.locator('main:not([hidden]) h2', { hasText: name }).waitFor();
    if (name !== 'Runners') await page.locator('main:not([hidden]) tbody tr').first().waitFor();
    await all.look(page, name);
    if (!deed) continue;
    await page.locator('main:not([hidden])').getByRole('button', { name: deed }).first().click();
    await all.look(page, `${name}: ${deed}`);
    await page.keyboard.press('Escape');
  }
  await page.locator('#tab-usage').click();
  await page.locator('section[aria-label="Used"] svg.bars').waitFor();
  for (const more of await page.locator('#view-usage summary').all()) await more.click();
  await all.look(page, 'usage over time');
  await page.locator('#spawn').click();
  await page.locator('dialog').getByText('More').click();
  await all.look(page, 'start an agent');
  await clean(page);
  all.end();
});

test('an empty fleet', async () => {
  const empty = await stage();
  const all = scenes();
  try {
    const page = await visit(empty);
    await page.locator('.way').first().waitFor();
    await all.look(page, 'first run');
  } finally {
    await empty.end();
  }
  all.end();
});

test('a viewer, the kill switch and its release', async () => {
  const { server } = on;
  const all = scenes();
  const viewer = await visit(on, { key: await server.makeKey('viewer'), hash: '#approvals' });
  await viewer.locator('.approval button:disabled').first().waitFor();
  await all.look(viewer, 'approvals of a viewer');
  const page = await visit(on);
  await server.post('/agents/kill-all?wait=0s', {});
  await page.locator('#kill-switch').waitFor();
  await all.look(page, 'kill switch');
  await page.locator('#release').click();
  await all.look(page, 'release');
  await page.locator('dialog').getByRole('button', { name: 'Release' }).click();
  await page.locator('.toast.good').waitFor();

  // The server is away.
  await server.kill();
  await page.locator('#liveness.bad').waitFor();
  await all.look(page, 'not live');
  await server.revive();
  all.end();
});

test('no control of the page was left out', async () => {
  const page = await visit(on);
  const ids = await page.evaluate(() => [...document.querySelectorAll('button[id], input[id], select[id], textarea[id], a[id]')].map((one) => one.id));
  assert.ok(ids.length > 10);
  assert.deepEqual(ids.filter((id) => !met.has(id)), []);
});

/** Puts a rule behind all others. */
const rule = (page, text) => page.evaluate((css) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [sheet];
}, text);

test('what cannot be read is found: by the mouse, by an opacity, by a placeholder', async () => {
  const session = await on.server.register({ taskId: 'FAULT' });
  const page = await visit(on, { colorScheme: 'light' });
  const shown = await open(page, session);
  await shown.getByRole('button', { name: 'Kill (k)' }).click();
  const kill = page.locator('dialog').getByRole('button', { name: 'Kill', exact: true });
  const found = async (states) => (await measure(page, 'kill', states)).faults;
  const ofKill = (faults) => faults.filter(({ control, theme }) => control.includes('“Kill”') && theme === 'light').map(({ state, ratio }) => [state, ratio]);
  assert.deepEqual(await found(), []);

  // White words stay on what becomes nearly white under the mouse.
  await rule(page, 'dialog.kill button.danger:hover:not(:disabled) { background: var(--danger-soft); color: var(--on-danger) }');
  const hovered = ofKill(await found(['hover']));
  assert.deepEqual(hovered.find(([state]) => state === 'hover'), ['hover', 1.16]);
  assert.deepEqual(ofKill(await found(['rest', 'focus'])), []);
  // The mouse itself makes the same of it.
  await kill.hover();
  assert.deepEqual(ofKill(await found(['rest'])).find(([state]) => state === 'rest'), ['rest', 1.16]);
  await page.mouse.move(0, 0);

  await rule(page, 'button:disabled { opacity: 0.65 }');
  assert.ok(ofKill(await found(['rest'])).some(([state, ratio]) => state === 'rest, disabled' && ratio < 4.5));
  await rule(page, 'input::placeholder { opacity: 0.5 }');
  assert.ok((await found(['rest'])).some(({ what }) => what === 'placeholder'));
  await rule(page, '.dialog .icon { color: var(--line) }');
  assert.ok((await found(['rest'])).some(({ what, needs }) => what === 'icon' && needs === 3));
  await rule(page, ':focus-visible { outline-color: var(--line) }');
  assert.ok((await found(['focus'])).some(({ what }) => what.startsWith('focus ring')));
  await until('all is well again', async () => {
    await rule(page, '');
    return (await found()).length === 0;
  });
});
