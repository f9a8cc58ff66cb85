// A browser at the page of a real server, and what several tests look for.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { Server } from '../support/server.mjs';

const ARGUMENTS = [
  '--no-sandbox', // CI runs as root in a container
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

export const WIDE = { width: 1440, height: 900 };

export const launch = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium', args: ARGUMENTS });

/**
 * A server with a browser, for the tests of one file. What a page complained of fails the test that opened it.
 *
 * @param {string[]} [settings]
 */
export async function stage(settings) {
  // The browser first: a machine that has none is to be left without a server, too.
  const browser = await launch();
  const server = await Server.start(settings);
  return {
    server,
    browser,
    async end() {
      await browser.close();
      await server.stop();
    },
  };
}

/**
 * Gives a browser the files of a folder in place of those in the binary, so that a change of the page can be looked at
 * without a build: `FLIGHTDECK_CONSOLE=../crates/http-api/console`.
 *
 * @param {import('playwright-core').BrowserContext} context
 * @param {string} url
 * @param {string | undefined} folder
 */
export async function serveFrom(context, url, folder = process.env.FLIGHTDECK_CONSOLE) {
  if (!folder) return;
  await context.route((address) => address.origin === url && (address.pathname === '/' || address.pathname.startsWith('/console/')), async (route) => {
    const { pathname } = new URL(route.request().url());
    const name = pathname === '/' ? 'index.html' : pathname.slice('/console/'.length).replace(/^[0-9a-f]{12}\//, '');
    const type = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' }[name.split('.').at(-1)];
    const body = await readFile(join(folder, name), 'utf8');
    if (type) await route.fulfill({ contentType: type, body });
    else await route.fulfill({ response: await route.fetch(), body });
  });
}

/**
 * A page of its own, logged in with a key by the form.
 *
 * @param {Awaited<ReturnType<typeof stage>>} stage
 * @param {{ key?: string, hash?: string, offline?: boolean } & import('playwright-core').BrowserContextOptions} [options]
 */
export async function visit({ server, browser }, options = {}) {
  const { key = server.key, hash = '', ...more } = options;
  const context = await browser.newContext({ viewport: WIDE, reducedMotion: 'reduce', ...more });
  await serveFrom(context, server.url);
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.addInitScript(() => {
    globalThis.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(`${server.url}/${hash}`);
  await page.locator('#login-key').fill(key);
  await page.locator('#login-form button').click();
  await page.locator('body[data-state="in"]').waitFor();
  return Object.assign(page, { faults });
}

/** The row of a session in the tree. */
export const row = (page, session) => page.locator(`#row-${session}`);

/** The panel of a session. */
export const panel = (page, session) => page.locator(`.panel[data-session="${session}"]`);

/** Opens a session; beside the others with `beside`. */
export async function open(page, session, beside = false) {
  await row(page, session).click({ modifiers: beside ? ['Shift'] : [] });
  await panel(page, session).locator('.liveness.good, .liveness.over').waitFor();
  return panel(page, session);
}

/** The seqs of all messages in a panel, results of tools included, as they stand there. */
export const seqs = (shown) =>
  shown.locator('.message').evaluateAll((messages) =>
    messages.flatMap((message) => [message.dataset.seq, message.dataset.answer].filter(Boolean).map(Number)).sort((a, b) => a - b),
  );

/** From one to the last. */
export const upTo = (last, first = 1) => Array.from({ length: last - first + 1 }, (_, at) => first + at);

/** Appends messages that say their own number. */
export async function say(server, session, from, count) {
  const batch = upTo(from + count - 1, from).map((n) => ({ role: 'assistant', content: `message ${n}` }));
  for (let at = 0; at < batch.length; at += 1000) await server.post(`/agents/${session}/messages`, batch.slice(at, at + 1000));
}

/** Nothing was thrown, and nothing was refused by the policy. */
export async function clean(page) {
  assert.deepEqual(page.faults, []);
  assert.deepEqual(await page.evaluate(() => globalThis.violations), []);
}
