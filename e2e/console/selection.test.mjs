// One current session: what the tree marks, what the panels mark and what keys act on is always the same.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, open, panel, row, stage, visit } from './support.mjs';

let on;
before(async () => (on = await stage()));
after(() => on.end());

/** What is marked, wherever something is. */
const marks = (page) =>
  page.evaluate(() => ({
    rows: [...document.querySelectorAll('.row.selected:not([hidden])')].map((one) => one.id.slice(4)),
    told: [...document.querySelectorAll('.row[aria-selected="true"]:not([hidden])')].map((one) => one.id.slice(4)),
    panels: [...document.querySelectorAll('.panel.active')].map((one) => one.dataset.session),
    heard: [...document.querySelectorAll('.panel[aria-current="true"]')].map((one) => one.dataset.session),
    words: [...document.querySelectorAll('.current-mark:not([hidden])')].map((one) => one.closest('.panel').dataset.session),
    line: document.querySelector('#current').hidden ? '' : document.querySelector('#current-name').textContent,
    // The keyboard is in no other conversation.
    holder: document.activeElement?.closest('.panel')?.dataset.session ?? null,
  }));

/** What must be marked when one session is the current one. */
function expected({ session, name, shown = true, opened = true }, holder) {
  const rows = shown ? [session] : [];
  const panels = opened ? [session] : [];
  return { rows, told: rows, panels, heard: panels, words: panels, line: name, holder: holder === session ? session : null };
}

/** Waits until a session, and it alone, is marked as the current one; then asks the keys. */
async function isCurrent(page, about) {
  let seen;
  await until(`${about.name} alone is current`, async () => {
    seen = await marks(page);
    return JSON.stringify(seen) === JSON.stringify(expected(about, seen.holder));
  }).catch((error) => {
    throw new Error(`${error.message}: ${JSON.stringify(seen)}`, { cause: error });
  });
  // Keys are not read where something is written.
  if (await page.evaluate(() => document.activeElement?.matches('input, textarea, select'))) return;
  await page.keyboard.press('k');
  assert.equal(await page.locator('dialog h2').textContent(), `Kill ${about.name}`);
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
}

/** Registers sessions, the first of them on top of the tree. @returns {Promise<Record<string, { session: string, name: string }>>} */
async function sessions(...tasks) {
  const made = {};
  for (const task of tasks.reverse()) made[task] = { session: await on.server.register({ taskId: task }), name: `tester · ${task}` };
  return made;
}

test('with a conversation in sight, keys act on another session only when it alone is marked', async () => {
  const made = await sessions('REL-42', 'DOC-77');
  const [release, doc] = [made['REL-42'], made['DOC-77']];
  const page = await visit(on);
  await open(page, doc.session);
  await isCurrent(page, doc);
  await open(page, release.session, true);
  await isCurrent(page, release);

  // The tree goes on to a session whose conversation is open: that one is active then.
  await page.locator('#tree').focus();
  await page.keyboard.press('ArrowDown');
  await isCurrent(page, doc);

  // A hand on the other conversation, then keys.
  await panel(page, release.session).locator('.transcript').click();
  await isCurrent(page, release);
  await panel(page, doc.session).locator('.transcript').focus();
  await isCurrent(page, doc);
  await panel(page, release.session).locator('.compose textarea').focus();
  await isCurrent(page, release);

  // The conversation of the one that keys would kill is put away: the other is current.
  await panel(page, doc.session).locator('.panel-title').click();
  await isCurrent(page, doc);
  await page.keyboard.press('x');
  await panel(page, doc.session).waitFor({ state: 'detached' });
  await isCurrent(page, release);

  // The tree goes on to one that is not open: no conversation is active.
  await page.keyboard.press('ArrowDown');
  await isCurrent(page, { ...doc, opened: false });
  await page.keyboard.press('f');
  await page.locator('.toast', { hasText: 'is not open' }).waitFor();
  assert.equal(await page.locator('.find:visible').count(), 0);
  await page.keyboard.press('x');
  assert.equal(await panel(page, release.session).count(), 1, 'another panel than that of the current session is not closed');
  await panel(page, release.session).locator('.panel-title').click();
  await isCurrent(page, release);
  await clean(page);
});

test('one open conversation is marked as well, and stays current in the tree when it is closed', async () => {
  const { 'ONE-1': one } = await sessions('ONE-1');
  const page = await visit(on);
  await open(page, one.session);
  await isCurrent(page, one);
  await panel(page, one.session).getByRole('button', { name: 'Close this panel (x)' }).click();
  await isCurrent(page, { ...one, opened: false });
  await clean(page);
});

test('a current session without a row leaves no row marked, and is still told', async () => {
  const { server } = on;
  const { 'FOLD-1': top, 'FOLD-3': other } = await sessions('FOLD-1', 'FOLD-3');
  const child = { session: await server.register({ taskId: 'FOLD-2', parentSessionId: top.session }), name: 'tester · FOLD-2' };
  const page = await visit(on);
  await open(page, child.session);
  await open(page, other.session, true);
  await row(page, top.session).locator('.fold').click();
  await row(page, child.session).waitFor({ state: 'hidden' });
  await isCurrent(page, { ...top, opened: false });
  await panel(page, child.session).locator('.panel-title').click();
  await isCurrent(page, { ...child, shown: false });
  await page.locator('#current-where', { hasText: 'not among the rows above' }).waitFor();
  assert.equal(await page.locator('#tree').getAttribute('aria-activedescendant'), '');

  // Filtered out.
  await page.locator('#filter-text').fill('FOLD-3');
  await page.keyboard.press('Enter');
  await row(page, top.session).waitFor({ state: 'hidden' });
  await isCurrent(page, { ...child, shown: false });
  await page.keyboard.press('ArrowDown');
  await isCurrent(page, other);
  await clean(page);
});

test('a session beyond what the tree holds is current when it is open, and can be stopped', async () => {
  const { server } = on;
  const { 'HELD-1': held } = await sessions('HELD-1');
  const far = { session: await server.register({ taskId: 'FAR-1' }), name: 'tester · FAR-1' };
  const page = await visit(on);
  await page.context().route('**/agents/tree?**', async (route) => {
    const response = await route.fetch();
    const entries = await response.json();
    await route.fulfill({ response, json: entries.filter((entry) => entry.sessionId !== far.session) });
  });
  await page.goto(`${server.url}/?again#fleet?open=${held.session},${far.session.toUpperCase()}`);
  await panel(page, far.session).locator('.panel-task', { hasText: 'FAR-1' }).waitFor();
  await isCurrent(page, { ...far, shown: false });
  await page.locator('#tree').focus();
  await page.keyboard.press('k');
  await page.locator('dialog .danger').click();
  await until('it is killed', async () => (await server.get(`/agents/${far.session}/status`)).desiredStatus === 'killed');
  await panel(page, held.session).locator('.panel-title').click();
  await isCurrent(page, held);
  await clean(page);
});

test('the address, a link to a child, an approval: what they open is current', async () => {
  const { server } = on;
  const { 'WAY-1': one, 'WAY-2': two } = await sessions('WAY-1', 'WAY-2');
  const request = await server.post(`/agents/${one.session}/approvals`, { title: 'May I?' });
  const script = [{ spawn: { agentType: 'child', taskId: 'WAY-4', script: [{ idle: true }] } }, { idle: true }];
  const parent = { session: await server.spawn(script, { taskId: 'WAY-3' }), name: 'robot · WAY-3' };
  const page = await visit(on, { hash: `#fleet?open=${one.session},${two.session}` });
  await isCurrent(page, two);

  await open(page, parent.session, true);
  await panel(page, parent.session).getByRole('button', { name: 'Open', exact: true }).click();
  const [child] = (await server.get(`/agents/tree?root=${parent.session}`)).filter((entry) => entry.sessionId !== parent.session);
  await panel(page, child.sessionId).waitFor();
  await isCurrent(page, { session: child.sessionId, name: 'child · WAY-4' });

  await page.locator('#tab-approvals').click();
  await page.locator(`.approval[data-id="${request.id}"]`).getByRole('button', { name: 'tester · WAY-1' }).click();
  await isCurrent(page, one);
  await clean(page);
});

test('two to six conversations, one more in the place of another, and all closed again', async () => {
  const tasks = Array.from({ length: 7 }, (_, at) => `SIX-${at + 1}`);
  const made = await sessions(...tasks);
  const page = await visit(on);
  for (const task of tasks.slice(0, 6)) {
    await open(page, made[task].session, true);
    await isCurrent(page, made[task]);
  }
  // The tree goes on over the open ones, each of which is current in its turn; the place of the last of them is taken.
  await panel(page, made['SIX-2'].session).locator('.panel-title').click();
  await page.locator('#tree').focus();
  for (let at = 2; at < 7; at += 1) await page.keyboard.press('ArrowDown');
  await isCurrent(page, { ...made['SIX-7'], opened: false });
  await page.keyboard.press('Enter');
  await isCurrent(page, made['SIX-7']);
  const order = await page.locator('.panel').evaluateAll((all) => all.map((one) => one.dataset.session));
  assert.deepEqual(order, ['SIX-1', 'SIX-2', 'SIX-3', 'SIX-4', 'SIX-5', 'SIX-7'].map((task) => made[task].session));

  // One after the other, each time with the one that was current before.
  for (let left = 6; left > 0; left -= 1) {
    await page.keyboard.press('x');
    await until('one is closed', async () => (await page.locator('.panel').count()) === left - 1);
    const { panels, rows } = await marks(page);
    assert.equal(panels.length, left > 1 ? 1 : 0);
    if (left > 1) await until('the row is the same', async () => (await marks(page)).rows.join() === panels.join());
    else assert.equal(rows.length, 1);
  }
  await clean(page);
});

test('what a dialog asks about does not change behind it', async () => {
  const { 'ASK-1': one, 'ASK-2': two } = await sessions('ASK-1', 'ASK-2');
  const page = await visit(on);
  await open(page, two.session);
  await open(page, one.session, true);
  await page.locator('#tree').focus();
  await page.keyboard.press('k');
  const title = page.locator('dialog h2');
  assert.equal(await title.textContent(), `Kill ${one.name}`);
  // The focus on nothing at all: keys are not to reach the page behind.
  await page.evaluate(() => document.activeElement.blur());
  for (const key of ['ArrowDown', 'p', 'x', '2', 'k', 'i']) await page.keyboard.press(key);
  assert.deepEqual(await title.allTextContents(), [`Kill ${one.name}`]);
  assert.equal(await page.locator('.panel').count(), 2);
  assert.equal(await page.locator('body').getAttribute('data-view'), 'fleet');
  await page.locator('dialog .danger').click();
  await until('it is killed', async () => (await on.server.get(`/agents/${one.session}/status`)).desiredStatus === 'killed');
  assert.equal((await on.server.get(`/agents/${two.session}/status`)).desiredStatus, 'running');
  await isCurrent(page, one);
  await clean(page);
});

test('in the other views keys act on no session', async () => {
  const { 'VIEW-1': one } = await sessions('VIEW-1');
  const page = await visit(on);
  await open(page, one.session);
  for (const view of ['approvals', 'operations', 'audit']) {
    await page.locator(`#tab-${view}`).click();
    for (const key of ['k', 'p', 'r', 'i', 'f', 'x']) {
      await page.keyboard.press(key);
      assert.equal(await page.locator('dialog').count(), 0, `${key} in ${view}`);
    }
    await page.locator('.toast', { hasText: 'fleet view' }).first().waitFor();
  }
  await page.keyboard.press('1');
  await isCurrent(page, one);
  assert.equal(await page.locator('.panel').count(), 1);
  await clean(page);
});

test('a session that ends stays current; one that is gone does not', async () => {
  const { server } = on;
  const { 'END-1': one, 'END-2': two } = await sessions('END-1', 'END-2');
  const page = await visit(on);
  await row(page, two.session).waitFor();
  await open(page, one.session);
  await server.post(`/agents/${one.session}/status`, { status: 'completed' });
  await page.locator(`#row-${one.session}[data-status="completed"]`).waitFor();
  const seen = await marks(page);
  assert.deepEqual(seen, expected(one, seen.holder));
  await page.keyboard.press('k');
  await page.locator('.toast', { hasText: `${one.name} is completed already` }).waitFor();
  assert.equal(await page.locator('dialog').count(), 0);

  // The tree is read anew, without the one that was current.
  await page.locator('#tree').focus();
  await page.keyboard.press('ArrowDown');
  await isCurrent(page, { ...two, opened: false });
  await page.context().route('**/agents/tree?**', async (route) => {
    const response = await route.fetch();
    const entries = await response.json();
    await route.fulfill({ response, json: entries.filter((entry) => entry.sessionId !== two.session) });
  });
  let refused = false;
  await page.context().route('**/agents/events?**', async (route) => {
    if (refused) return route.continue();
    refused = true;
    return route.fulfill({ status: 500 });
  });
  // The feed breaks off and cannot be resumed: all is read again.
  await server.killAndRestart();
  await row(page, two.session).waitFor({ state: 'detached' });
  assert.deepEqual(await marks(page), { rows: [], told: [], panels: [], heard: [], words: [], line: '', holder: null });
  await page.keyboard.press('k');
  await page.locator('.toast', { hasText: 'Choose a session first.' }).waitFor();
  await clean(page);
});
