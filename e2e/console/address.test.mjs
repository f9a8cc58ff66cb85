// The address says where the page is: a link, a reload and the back button lead there.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, open, panel, row, say, stage, visit } from './support.mjs';

let on;
before(async () => (on = await stage()));
after(() => on.end());

const hash = (page) => page.evaluate(() => location.hash);
const view = (page) => page.evaluate(() => document.body.dataset.view);
const sessions = (page) => page.locator('.panel').evaluateAll((all) => all.map((one) => one.dataset.session));
/** Goes to an address as a link in a message does. */
const follow = (page, place) => page.evaluate((to) => (location.hash = to), place);

test('the back button goes back over views, conversations and filters, and forward again', async () => {
  const { server } = on;
  const [one, two] = [await server.register({ taskId: 'BACK-1' }), await server.register({ taskId: 'BACK-2' })];
  const page = await visit(on);
  await open(page, one);
  await open(page, two, true);
  await page.locator('#tab-approvals').click();
  await page.getByRole('tab', { name: 'History' }).click();
  await page.locator('#tab-audit').click();
  await page.locator('#audit-filter [name="action"]').fill('pause');
  await page.locator('#audit-filter').getByRole('button', { name: 'Filter' }).click();
  await until('the filter is in the address', async () => (await hash(page)).includes('action=pause'));

  await page.goBack();
  await until('the filter is gone', async () => (await page.locator('#audit-filter [name="action"]').inputValue()) === '');
  await page.goBack();
  assert.deepEqual([await view(page), await page.locator('#approvals-past').isVisible()], ['approvals', true]);
  await page.goBack();
  assert.deepEqual([await view(page), await page.locator('#approvals-open').isVisible()], ['approvals', true]);
  await page.goBack();
  assert.deepEqual([await view(page), await sessions(page)], ['fleet', [one, two]]);
  await page.goBack();
  assert.deepEqual(await sessions(page), [one]);
  await page.goBack();
  assert.deepEqual(await sessions(page), []);
  await page.goForward();
  await page.goForward();
  assert.deepEqual(await sessions(page), [one, two]);
  await clean(page);
});

test('back on a phone leads from a conversation to the tree', async () => {
  const session = await on.server.register({ taskId: 'PHONE-1' });
  const page = await visit(on, { viewport: { width: 390, height: 844 } });
  await open(page, session);
  await page.locator('.side').waitFor({ state: 'hidden' });
  await page.goBack();
  await page.locator('.side').waitFor();
  assert.deepEqual(await sessions(page), []);
  await clean(page);
});

test('an address narrows the tree, and is what the filter says', async () => {
  const { server } = on;
  const [one, two] = [await server.register({ taskId: 'NARROW-1', missionId: 'apollo' }), await server.register({ taskId: 'NARROW-2' })];
  const page = await visit(on, { hash: '#fleet?q=narrow&mission=apollo&status=running' });
  await row(page, one).waitFor();
  assert.equal(await row(page, two).count(), 0);
  assert.equal(await page.locator('#filter-text').inputValue(), 'narrow');
  assert.equal(await page.locator('#filter-mission').inputValue(), 'apollo');
  assert.equal(await page.locator('.chip[data-status="running"]').getAttribute('aria-pressed'), 'true');
  await page.locator('#filter-mission').selectOption('');
  await row(page, two).waitFor();
  await page.locator('#filter-text').fill('narrow-2');
  await row(page, one).waitFor({ state: 'detached' });
  assert.equal(await hash(page), '#fleet?q=narrow-2&status=running');
  await page.reload();
  await row(page, two).waitFor();
  assert.equal(await row(page, one).count(), 0);
  await clean(page);
});

test('a link leads to a message, and the number of a message makes one', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'LINK-1' });
  await say(server, session, 1, 900);
  const page = await visit(on, { hash: `#fleet?open=${session}&at=321` });
  const marked = panel(page, session).locator('.message.marked');
  await marked.waitFor();
  assert.equal(await marked.getAttribute('data-seq'), '321');
  await until('it is in sight', () => marked.evaluate((one) => {
    const { top, bottom } = one.getBoundingClientRect();
    return top > 0 && bottom < innerHeight;
  }));
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await panel(page, session).locator('.message[data-seq="325"] .seq').click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(link, `${server.url}/#fleet?open=${session}&at=325`);
  await until('the address points there', async () => (await hash(page)).endsWith(`&at=${session}:325`));
  await page.reload();
  await panel(page, session).locator('.message.marked[data-seq="325"]').waitFor();

  // With keys alone: to a place, and its link.
  await panel(page, session).locator('.transcript').focus();
  await page.keyboard.press('f');
  await panel(page, session).getByLabel('Jump to a seq or a time').fill('7');
  await page.keyboard.press('Enter');
  await panel(page, session).locator('.message.marked[data-seq="7"]').waitFor();
  await panel(page, session).locator('.transcript').focus();
  await page.keyboard.press('c');
  await until('the link is there', async () => (await page.evaluate(() => navigator.clipboard.readText())).endsWith('&at=7'));
  await clean(page);
});

test('the address that a sink sends lands on the decision, also when the page is open already', async () => {
  const { server } = on;
  const [one, two] = [await server.register({ taskId: 'SINK-1' }), await server.register({ taskId: 'SINK-2' })];
  const ask = (session, title) => server.post(`/agents/${session}/approvals`, { title });
  await ask(one, 'the first');
  const [second, third] = [await ask(two, 'the second'), await ask(two, 'the third')];
  const focused = (page, request) => until('the request has the focus', () =>
    page.evaluate((id) => document.activeElement?.getAttribute('data-id') === id, request.id));

  const page = await visit(on, { hash: `#approvals?open=${two}&approval=${third.id}` });
  await focused(page, third);
  await page.keyboard.press('d');
  await until('it is decided', async () => (await server.get(`/agents/${two}/approvals/${third.id}`)).decision?.option === 'reject_once');
  await page.locator(`.approval[data-id="${third.id}"]`).waitFor({ state: 'detached' });
  // Without the request in the address: the oldest of the session.
  await follow(page, `approvals?open=${two}`);
  await focused(page, second);
  await follow(page, `approvals?open=${two}&approval=${third.id}`);
  await page.locator('#approvals-past').waitFor();
  await page.locator('.toast', { hasText: 'closed' }).waitFor();
  assert.match(await page.locator('#approvals-history tr').first().textContent(), /Reject once by \w+ /);
  await follow(page, `operations?open=${two}`);
  assert.equal(await view(page), 'operations');
  await clean(page);
});

test('an operation has an address, and the back button puts its proof away', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'PROOF-1' });
  await server.post(`/agents/${session}/pause?wait=0s`, { reason: 'to be proven' });
  const page = await visit(on, { hash: '#operations' });
  await page.getByRole('button', { name: 'Proof' }).first().click();
  await page.locator('dialog', { hasText: 'to be proven' }).waitFor();
  const place = await hash(page);
  assert.match(place, /^#operations\?id=[0-9a-f-]{36}$/);
  await page.goBack();
  await page.locator('dialog').waitFor({ state: 'detached' });
  await page.goto(`${server.url}/?again${place}`);
  await page.locator('dialog', { hasText: 'to be proven' }).waitFor();
  await page.keyboard.press('Escape');
  await until('the address is that of the list', async () => (await hash(page)) === '#operations');
  await clean(page);
});

test('a view whose modules cannot be fetched says so, and is there when one goes again', async () => {
  const { server } = on;
  const page = await visit(on);
  await page.context().route('**/usage/view.js', (route) => route.abort());
  await page.locator('#tab-usage').click();
  await page.getByText('It could not be fetched. Go there again when the server is back.').waitFor();
  await page.locator('#tab-fleet').click();
  await page.locator('#view-fleet').waitFor();
  assert.equal(await page.locator('#view-fetched').isVisible(), false);
  await page.context().unroute('**/usage/view.js');
  // Twice at once, while it is on its way: there is one view.
  await page.evaluate(() => {
    document.getElementById('tab-usage').click();
    document.getElementById('tab-usage').click();
  });
  await page.locator('#view-usage h2').first().waitFor();
  assert.equal(await page.evaluate(() => location.hash), '#usage');
  assert.equal(await page.locator('[id="view-usage"]').count(), 1);
  // An address with more than the view is kept until it is there.
  await page.goto(`${server.url}/?again#audit?action=login&readings=shown`);
  await page.locator('#view-audit h2').waitFor();
  assert.equal(await page.evaluate(() => location.hash), '#audit?action=login&readings=shown');
  assert.equal(await page.locator('#audit-filter [name="action"]').inputValue(), 'login');
});
