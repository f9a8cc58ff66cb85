// The description of the API for people, in a browser that notes whatever the page asks for.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { WIDE, clean, stage } from './support.mjs';

let at;
before(async () => {
  at = await stage();
});
after(() => at?.end());

/** The page in a browser, with the address of everything that it loaded. */
async function docs() {
  const context = await at.browser.newContext({ viewport: WIDE });
  const page = await context.newPage();
  const asked = [];
  const faults = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => faults.push(error.message));
  await page.addInitScript(() => {
    globalThis.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(`${at.server.url}/docs`);
  await page.locator('.opblock').first().waitFor();
  return Object.assign(page, { asked, faults });
}

test('the page shows every operation and asks no other host for anything', async () => {
  const page = await docs();
  const document = await at.server.get('/openapi.json');
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  assert.equal(await page.locator('.opblock').count(), operations.length);
  await page.locator('.info .title', { hasText: 'Flightdeck' }).waitFor();

  await page.locator('#operations-control-pauseAgent').click();
  await page.locator('#operations-control-pauseAgent').getByText('it works on the wrong branch').first().waitFor();
  const ours = ['/docs', '/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/docs/start.js', '/openapi.json', '/console/icon.svg'];
  const elsewhere = page.asked.filter((url) => !url.startsWith('data:') && !ours.includes(url.replace(at.server.url, '')));
  assert.deepEqual(elsewhere, []);
  assert.ok(page.asked.includes(`${at.server.url}/openapi.json`));
  await clean(page);
  await page.context().close();
});

test('an operation is tried from the page with a key', async () => {
  const page = await docs();
  await page.locator('.auth-wrapper .authorize').first().click();
  const dialog = page.locator('.modal-ux .auth-container', { hasText: 'X-API-Key' }).first();
  await dialog.locator('input').first().fill(at.server.key);
  await dialog.locator('button.authorize').first().click();
  await page.locator('.close-modal').click();
  const operation = page.locator('#operations-login-getMe');
  await operation.click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  await operation.locator('.live-responses-table tbody .response-col_status', { hasText: '200' }).first().waitFor();
  await clean(page);
  await page.context().close();
});

test('the policy of the page lets nothing in from elsewhere', async () => {
  const answer = await fetch(`${at.server.url}/docs`);
  const policy = answer.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self';/);
  assert.doesNotMatch(policy, /https?:|\*/);
  for (const file of ['LICENSE', 'NOTICE']) assert.equal((await fetch(`${at.server.url}/docs/${file}`)).status, 200, file);
  assert.equal((await fetch(`${at.server.url}/docs/nothing`)).status, 404);
  const tag = answer.headers.get('etag') ?? '';
  assert.equal((await fetch(`${at.server.url}/docs`, { headers: { 'If-None-Match': tag } })).status, 304);
});
