// The page in Firefox: what an operator does most, by the mouse and by the keyboard, and where it is narrow.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Server } from '../support/server.mjs';
import { until } from '../support/story.mjs';
import { launchFirefox, visitFirefox as visit } from './firefox.mjs';
import { say, upTo } from './support.mjs';

const on = {};
before(async () => {
  on.browser = await launchFirefox();
  on.server = await Server.start();
});
after(async () => {
  await on.browser?.close();
  await on.server?.stop();
});

/** Waits for an element with a text. */
const waitFor = (page, selector, text = '') =>
  page.waitForFunction((css, words) => [...document.querySelectorAll(css)].some((one) => one.checkVisibility() && one.textContent.includes(words)), {}, selector, text);

const gone = (page, selector) => page.waitForFunction((css) => !document.querySelector(css), {}, selector);

const click = async (page, selector) => {
  await page.waitForSelector(selector, { visible: true });
  await page.click(selector);
};

/** The seqs of all messages that are shown. */
const seqs = (page) => page.$$eval('.panel .message', (all) => all.flatMap(({ dataset }) => [dataset.seq, dataset.answer].filter(Boolean).map(Number)).sort((a, b) => a - b));

/** What a test leaves: nothing was thrown. */
const leave = async (page) => {
  assert.deepEqual(page.faults, []);
  await page.end();
};

test('one signs in, watches a session live, and every message comes once and in order', async () => {
  const { server } = on;
  assert.match(await on.browser.version(), /^firefox\//i);
  assert.equal(on.browser.protocol, 'webDriverBiDi');
  const session = await server.register({ taskId: 'FOX-1' });
  await say(server, session, 1, 20);
  const page = await visit(on);
  await click(page, `#row-${session}`);
  await until('the first are there', async () => (await seqs(page)).length >= 20);
  await say(server, session, 21, 200);
  await until('all came', async () => (await seqs(page)).at(-1) === 220);
  const there = await seqs(page);
  assert.deepEqual(there, upTo(220, there[0]));
  await waitFor(page, '#liveness', 'Live');
  await server.post(`/agents/${session}/messages`, { role: 'assistant', content: '- **bold** and `code`' });
  await waitFor(page, '.panel .message strong', 'bold');
  await server.post(`/agents/${session}/status`, { status: 'completed' });
  await page.waitForSelector('.panel .liveness.over');
  await leave(page);
});

test('the connection comes back by itself after the server was away', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'FOX-2' });
  await say(server, session, 1, 3);
  const page = await visit(on, { hash: `#fleet?open=${session}` });
  await until('they are there', async () => (await seqs(page)).length === 3);
  await server.kill();
  await page.waitForSelector('#liveness.bad');
  await server.revive();
  await say(server, session, 4, 3);
  await until('what came meanwhile is there, once', async () => (await seqs(page)).join() === upTo(6).join());
  await page.waitForSelector('#liveness.good');
  await leave(page);
});

test('a request is decided by a key, and the agent is told', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'FOX-3' });
  const { id } = await server.post(`/agents/${session}/approvals`, { title: 'May I push?', detail: { command: 'git push' } });
  const page = await visit(on);
  await page.keyboard.press('2');
  const card = `.approval[data-id="${id}"]`;
  await page.waitForSelector(card, { visible: true });
  await page.focus(card);
  await page.keyboard.press('a');
  await gone(page, card);
  const { status, decision } = await server.get(`/agents/${session}/approvals/${id}`);
  assert.deepEqual([status, decision.option], ['decided', 'allow_once']);
  await leave(page);
});

test('all of it goes by the keyboard: the tree, a message, a pause, the palette', async () => {
  const { server } = on;
  const session = await server.spawn([{ say: 'working' }, { wait: { ms: 600_000 } }], { taskId: 'FOX-4' });
  const page = await visit(on);
  await page.waitForSelector(`#row-${session}`, { visible: true });
  await page.keyboard.press('/');
  await page.keyboard.type('fox-4');
  await page.waitForFunction(() => document.querySelectorAll('.row').length > 0 && [...document.querySelectorAll('.row')].filter((one) => one.checkVisibility()).length === 1);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  await waitFor(page, '.panel .message', 'working');
  await page.focus('#tree');
  await page.keyboard.press('i');
  await page.keyboard.type('look at the tests, too');
  await page.keyboard.down('Control');
  await page.keyboard.press('Enter');
  await page.keyboard.up('Control');
  await waitFor(page, '.panel .message', 'look at the tests, too');
  await page.focus('#tree');
  await page.keyboard.press('p');
  await page.waitForSelector('dialog[open]');
  for (let press = 0; press < 2; press += 1) {
    await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(() => document.activeElement.closest('dialog') !== null), 'the focus stays in the dialog');
  }
  assert.equal(await page.evaluate(() => document.activeElement.type), 'submit');
  await page.keyboard.press('Enter');
  await gone(page, 'dialog');
  await until('the pause is asked for', async () => (await server.get(`/agents/${session}/status`)).desiredStatus === 'paused');
  await page.keyboard.down('Control');
  await page.keyboard.press('k');
  await page.keyboard.up('Control');
  await page.waitForSelector('#palette-list [role="option"]');
  await page.keyboard.type('audit');
  await page.keyboard.press('Enter');
  await waitFor(page, '#audit-list tr', 'pause');
  await leave(page);
});

/** What reaches beyond the window and cannot be scrolled to. The width of the document says nothing of what is fixed. */
const beyond = () =>
  [...document.body.querySelectorAll('*')].filter((one) => {
    const { left, right, width } = one.getBoundingClientRect();
    if (!one.checkVisibility({ visibilityProperty: true }) || one.closest('.unseen')) return false;
    if (!width || (left > -0.5 && right < innerWidth + 0.5)) return false;
    for (let at = one; at && getComputedStyle(at).position !== 'fixed'; at = at.parentElement) {
      const box = at.parentElement;
      if (box && box !== document.body && box !== document.documentElement && getComputedStyle(box).overflowX !== 'visible') return false;
    }
    return true;
  }).map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 40)}`);

test('nothing is wider than 320 px, in any view, and nothing moves for those who want no motion', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'FOX-5', missionId: 'narrow' });
  await say(server, session, 1, 5);
  await server.post(`/agents/${session}/messages`, { role: 'assistant', content: 'paid', usage: { model: 'large', inputTokens: 50, costUsd: 1.5 } });
  await server.post(`/agents/${session}/approvals`, { title: 'May I do something that has a rather long title?' });
  await server.spawn([{ wait: { ms: 600_000 } }], { taskId: 'FOX-6' });
  const page = await visit(on, { width: 320, height: 640 });
  assert.equal(await page.evaluate(() => matchMedia('(prefers-reduced-motion: reduce)').matches), true);
  const fits = async (where) => {
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${where} is ${over} px too wide`);
    assert.deepEqual(await page.evaluate(beyond), [], `beyond the edge: ${where}`);
    const moving = await page.evaluate(() => document.getAnimations().map((one) => one.animationName ?? one.transitionProperty));
    assert.deepEqual(moving, [], where);
  };
  await page.waitForSelector('.row', { visible: true });
  await fits('the tree');
  await page.goto(`${server.url}/?open#fleet?open=${session}`);
  await page.waitForSelector('.panel .message', { visible: true });
  await fits('a conversation');
  for (const view of ['needs', 'approvals', 'operations', 'usage', 'audit', 'providers', 'runners', 'budgets', 'retention', 'sinks', 'keys']) {
    await page.goto(`${server.url}/?${view}#${view}`);
    await page.waitForSelector(`#view-${view}:not([hidden]) h2`, { visible: true });
    await fits(view);
  }
  await leave(page);
});

test('there is motion for those who do not mind it', async () => {
  const browser = await launchFirefox(false);
  try {
    const page = await visit({ ...on, browser });
    assert.equal(await page.evaluate(() => matchMedia('(prefers-reduced-motion: reduce)').matches), false);
    // A mark of a session that starts turns.
    const moves = await page.evaluate(() => {
      const mark = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
      mark.setAttribute('class', 'icon icon-spawning');
      document.getElementById('app').append(mark);
      return mark.getAnimations().map(({ animationName }) => animationName);
    });
    assert.deepEqual(moves, ['turn']);
    await leave(page);
  } finally {
    await browser.close();
  }
});
