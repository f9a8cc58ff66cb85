// The page as a whole: login, size, colours, widths, and for those who do not see it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, open, say, stage, visit, WIDE } from './support.mjs';

const MOST_BYTES = 200_000;
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

test('a second visit asks for the page alone, and is told that it has it', async () => {
  const context = await on.browser.newContext();
  const page = await context.newPage();
  await page.goto(on.server.url, { waitUntil: 'networkidle' });
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  const sent = new Map();
  const answered = [];
  session.on('Network.requestWillBeSent', ({ requestId, request, type }) => sent.set(requestId, { path: new URL(request.url).pathname, type }));
  // It tells of what came over the network, with the status that the server gave: a page from the cache of the browser has 200.
  session.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode }) => answered.push([requestId, statusCode]));
  await page.goto('about:blank');
  answered.length = 0;
  await page.goto(on.server.url, { waitUntil: 'networkidle' });
  await page.locator('#login-key').waitFor();
  // Who is at the page is asked each time; that is no part of loading it.
  const files = answered.map(([id, status]) => ({ ...sent.get(id), status })).filter(({ type }) => !['Fetch', 'XHR'].includes(type));
  assert.deepEqual(files.map(({ path, status }) => [path, status]), [['/', 304]]);
  await context.close();
});

test('what is always needed is fetched before it is asked for, the rest when it is looked at; names have a hash; nothing moves for those who want no motion', async () => {
  const text = await (await fetch(on.server.url, { headers: { Accept: 'text/html' } })).text();
  const preloaded = [...text.matchAll(/modulepreload" href="([^"]+)"/g)].map(([, path]) => path);
  const version = /^\/console\/([0-9a-f]{12})\//.exec(preloaded[0] ?? '')?.[1];
  assert.ok(version, preloaded[0]);
  const page = await visit(on);
  const loaded = () => page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname).filter((path) => path.startsWith('/console/')));
  const first = await loaded();
  assert.deepEqual(first.filter((path) => !path.startsWith(`/console/${version}/`)), []);
  const modules = first.filter((path) => path.endsWith('.js') && !/\/(main|theme)\.js$/.test(path));
  assert.ok(modules.length > 40);
  assert.deepEqual([...new Set(modules)].sort(), preloaded.sort(), 'no module is asked for that was not fetched before, and none is fetched in vain');
  assert.deepEqual(modules.filter((path) => /\/(manage|audit|usage|timeline)\//.test(path)), []);
  await page.locator('#tab-usage').click();
  await page.locator('#view-usage h2').first().waitFor();
  assert.deepEqual((await loaded()).filter((path) => path.includes('/usage/') && path.endsWith('.js')).map((path) => path.split('/').at(-1)).sort(), ['part.js', 'series.js', 'view.js', 'waits.js']);
  const moving = await page.evaluate(() => document.getAnimations().map((one) => one.animationName ?? one.transitionProperty));
  assert.deepEqual(moving, []);
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

/** What axe finds. */
async function faults(page, where) {
  // The policy forbids scripts that are put into the page; the debugger's way in is not the page's.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }));
  return violations.map((one) => `${where}: ${one.id} ${one.nodes.map((node) => `${node.target} ${node.failureSummary}`).join('; ')}`);
}

async function furnish() {
  const { server } = on;
  const top = await server.register({ taskId: 'AXE', missionId: 'access' });
  await server.register({ taskId: 'AXE-2', parentSessionId: top });
  await say(server, top, 1, 5);
  await server.post(`/agents/${top}/messages`, { role: 'tool', content: 'ls', metadata: { type: 'tool_call', name: 'bash', input: { cmd: 'ls' } } });
  await server.post(`/agents/${top}/inject`, { message: 'hello' });
  await server.post(`/agents/${top}/messages`, { role: 'assistant', content: '#### A small head\n\npaid', usage: { model: 'large', inputTokens: 50, costUsd: 1.5 } });
  await server.post(`/agents/${top}/approvals`, { title: 'May I?', detail: { cmd: 'rm' } });
  return top;
}

// Colours are all that differs between the schemes.
for (const [colorScheme, widths] of Object.entries({ light: [1440, 768, 390, 320], dark: [1440, 390] })) {
  test(`every view is accessible in ${colorScheme}, at ${widths.join(', ')} px, without sideways scrolling`, async () => {
    const session = await furnish();
    const found = [];
    for (const width of widths) {
      const page = await visit(on, { colorScheme, viewport: { width, height: 844 } });
      const look = async (where) => {
        found.push(...(await faults(page, `${where} at ${width} px`)));
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(over <= 0, `${where} at ${width} px is ${over} px too wide`);
      };
      await page.locator('.row').first().waitFor();
      await look('tree');
      await open(page, session);
      await page.locator('.message .heading').first().waitFor();
      await look('transcript');
      await page.locator('.panel').getByRole('button', { name: 'Kill (k)' }).click();
      await look('kill dialog');
      await page.keyboard.press('Escape');
      await page.locator('#palette-open').click();
      await page.locator('#palette-list [role="option"]').first().waitFor();
      await look('palette');
      await page.keyboard.press('Escape');
      await page.locator('#spawn').click();
      await page.locator('dialog').getByText('More').click();
      await look('start an agent');
      await page.keyboard.press('Escape');
      await page.locator('.panel').getByRole('button', { name: 'Timeline' }).click();
      await page.locator('.lane').first().waitFor();
      await page.getByText('The same as a table').click();
      await look('timeline');
      await page.keyboard.press('1');
      if (width <= 390) {
        await page.locator('#back').click();
        await page.locator('.side').waitFor();
      }
      for (const view of ['needs', 'approvals', 'operations', 'usage', 'audit', 'manage']) {
        await page.locator(`#tab-${view}`).click();
        if (view === 'usage') {
          await page.locator('section[aria-label="Used"] svg.bars').waitFor();
          for (const more of await page.locator('#view-usage summary').all()) await more.click();
        }
        if (view === 'audit') {
          await page.getByRole('button', { name: 'Verify the chain' }).click();
          await page.locator('.verdict').waitFor();
        }
        await look(view);
        if (view !== 'manage') continue;
        for (const [name, make] of Object.entries({ Providers: 'Set up a provider', Runners: '', Budgets: '', Retention: 'Change the rules', Sinks: 'Make a sink', Keys: 'Make a key' })) {
          await page.locator('main:not([hidden]) .ways').getByRole('button', { name }).click();
          await page.locator('main:not([hidden]) h2', { hasText: name }).waitFor();
          await look(name);
          if (!make) continue;
          await page.getByRole('button', { name: make }).click();
          await look(`${name}, a new one`);
          await page.keyboard.press('Escape');
        }
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
