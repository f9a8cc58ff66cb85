// The page as a whole: login, size, colours, widths, and for those who do not see it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, open, say, stage, visit, WIDE } from './support.mjs';

const MOST_BYTES = 150_000;
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let on;
before(async () => (on = await stage()));
after(() => on.end());

test('the first load is small, and everything of it comes from the server', async () => {
  const context = await on.browser.newContext();
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  let bytes = 0;
  const origins = new Set();
  session.on('Network.loadingFinished', (event) => (bytes += event.encodedDataLength));
  page.on('request', (request) => origins.add(new URL(request.url()).origin));
  await page.goto(on.server.url, { waitUntil: 'networkidle' });
  await page.locator('#login-key').waitFor();
  console.log(`first load: ${bytes} bytes`);
  assert.ok(bytes > 10_000 && bytes < MOST_BYTES, `${bytes} bytes`);
  assert.deepEqual([...origins], [on.server.url]);
  await context.close();
});

test('a key that is none is refused with a word; a good one is not left in the page; out is out', async () => {
  const context = await on.browser.newContext();
  const page = await context.newPage();
  await page.goto(on.server.url);
  await page.locator('#login-key').fill('fd_nonsense');
  await page.locator('#login-form button').click();
  await page.locator('#login-fault:not(:empty)').waitFor();
  await page.locator('#login-key').fill(on.server.key);
  await page.locator('#login-form button').click();
  await page.locator('body[data-state="in"]').waitFor();
  assert.equal(await page.locator('#login-key').inputValue(), '');
  const kept = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie, location.href]));
  assert.doesNotMatch(kept, /fd_|flightdeck_session/, 'no script can read what lets one in');
  await page.reload();
  await page.locator('body[data-state="in"]').waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.locator('#login-key').waitFor();
  await page.reload();
  await page.locator('#login-key').waitFor();
  await context.close();
});

test('a login link lets one in, once, and leaves no trace in the address', async () => {
  const { path } = await on.server.post('/login-links', {});
  const url = on.server.url + path;
  const context = await on.browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.locator('body[data-state="in"]').waitFor();
  assert.equal(new URL(page.url()).pathname, '/');
  const other = await on.browser.newContext();
  const stranger = await other.newPage();
  assert.equal((await stranger.goto(url)).status(), 410);
  await stranger.getByText('no longer good').waitFor();
  await Promise.all([context.close(), other.close()]);
});

/** What axe finds that matters. */
async function faults(page, where) {
  // The policy forbids scripts that are put into the page; the debugger's way in is not the page's.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }));
  return violations
    .filter((one) => ['serious', 'critical'].includes(one.impact))
    .map((one) => `${where}: ${one.id} ${one.nodes.map((node) => `${node.target} ${node.failureSummary}`).join('; ')}`);
}

async function furnish() {
  const { server } = on;
  const top = await server.register({ taskId: 'AXE', missionId: 'access' });
  await server.register({ taskId: 'AXE-2', parentSessionId: top });
  await say(server, top, 1, 5);
  await server.post(`/agents/${top}/messages`, { role: 'tool', content: 'ls', metadata: { type: 'tool_call', name: 'bash', input: { cmd: 'ls' } } });
  await server.post(`/agents/${top}/inject`, { message: 'hello' });
  await server.post(`/agents/${top}/approvals`, { title: 'May I?', detail: { cmd: 'rm' } });
  return top;
}

for (const colorScheme of ['light', 'dark']) {
  test(`every view is accessible in ${colorScheme}, at three widths, without sideways scrolling`, async () => {
    const session = await furnish();
    const found = [];
    for (const width of [1440, 768, 390]) {
      const page = await visit(on, { colorScheme, viewport: { width, height: 844 } });
      const look = async (where) => {
        found.push(...(await faults(page, `${where} at ${width} px`)));
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(over <= 0, `${where} at ${width} px is ${over} px too wide`);
      };
      await page.locator('.row').first().waitFor();
      await look('tree');
      await open(page, session);
      await page.locator('.message').first().waitFor();
      await look('transcript');
      await page.locator('.panel').getByRole('button', { name: 'Kill (k)' }).click();
      await look('kill dialog');
      await page.keyboard.press('Escape');
      if (width === 390) {
        await page.locator('#back').click();
        await page.locator('.side').waitFor();
      }
      for (const view of ['approvals', 'operations', 'audit', 'runners']) {
        await page.locator(`#tab-${view}`).click();
        if (view === 'audit') {
          await page.getByRole('button', { name: 'Verify the chain' }).click();
          await page.locator('.verdict').waitFor();
        }
        await look(view);
      }
      await clean(page);
      await page.context().close();
    }
    const context = await on.browser.newContext({ colorScheme });
    const stranger = await context.newPage();
    await stranger.goto(on.server.url);
    await stranger.locator('#login-key').waitFor();
    found.push(...(await faults(stranger, 'login')));
    await context.close();
    assert.deepEqual(found, []);
  });
}

test('light and dark are chosen by hand and remembered', async () => {
  const page = await visit(on, { colorScheme: 'light', viewport: WIDE });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.locator('#theme').click();
  await page.locator('#theme-word', { hasText: 'dark' }).waitFor();
  assert.notEqual(await ground(), light);
  await page.reload();
  await page.locator('body[data-state="in"]').waitFor();
  assert.notEqual(await ground(), light);
  await page.locator('#theme').click();
  await page.locator('#theme').click();
  assert.equal(await ground(), light);
});

test('the figures of the fleet are live, and nothing jumps', async () => {
  const { server } = on;
  const page = await visit(on);
  await page.evaluate(() => {
    globalThis.jumps = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.jumps += entry.value;
    }).observe({ type: 'layout-shift' });
  });
  const session = await server.register({ taskId: 'FIG' });
  const value = (label) => page.locator('.figure', { hasText: label }).locator('.figure-value').textContent();
  const before = Number(await value('At work'));
  const more = await server.register({ taskId: 'FIG-2' });
  await until('one more is at work', async () => Number(await value('At work')) > before);
  await say(server, session, 1, 60);
  await until('a rate is shown', async () => Number(await value('Messages/s')) > 1);
  await until('a follower is counted', async () => Number(await value('Followers')) >= 1);
  assert.match(await page.locator('.shares').getAttribute('aria-label'), /\d+ running/);
  await open(page, more);
  await say(server, more, 1, 50);
  await page.locator('.message').nth(49).waitFor();
  assert.ok((await page.evaluate(() => globalThis.jumps)) < 0.05, 'layout shifts');
  await clean(page);
});
