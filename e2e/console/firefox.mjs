// Firefox at the page of a real server, driven by WebDriver BiDi.

import puppeteer from 'puppeteer-core';

import { WIDE } from './support.mjs';

/**
 * The Firefox of the system.
 *
 * @param {boolean} [still] whether its user wants no motion: Firefox cannot be told so for one page alone
 */
export const launchFirefox = (still = true) =>
  puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX_BIN ?? '/usr/bin/firefox-esr',
    extraPrefsFirefox: { 'ui.prefersReducedMotion': Number(still) },
  });

/**
 * A page of its own, logged in with the key of the server by the form.
 *
 * @param {{ server: import('../support/server.mjs').Server, browser: import('puppeteer-core').Browser }} stage
 * @param {{ hash?: string, width?: number, height?: number }} [options]
 */
export async function visitFirefox({ server, browser }, { hash = '', ...viewport } = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.setViewport({ ...WIDE, ...viewport });
  await page.goto(`${server.url}/${hash}`);
  await page.waitForSelector('#login-key', { visible: true });
  await page.type('#login-key', server.key);
  await page.keyboard.press('Enter');
  await page.waitForSelector('body[data-state="in"]');
  return Object.assign(page, { faults, end: () => context.close() });
}
