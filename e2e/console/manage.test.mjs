// What is managed on the page: providers, sinks, keys, missions and runners, each for those who may.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, stage, visit } from './support.mjs';

let on;
before(async () => (on = await stage(['--sinks-allow-private', 'on'])));
after(() => on.end());

const line = (page, key) => page.locator(`tr[data-key="${key}"]`);

test('a key is made, shown once, works, and is taken back', async () => {
  const { server } = on;
  const page = await visit(on, { hash: '#keys' });
  await page.getByRole('button', { name: 'Make a key' }).click();
  const dialog = page.locator('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill('ada');
  await dialog.getByLabel('Role').selectOption('viewer');
  await dialog.getByLabel('Missions, one a line').fill('apollo\ngemini');
  await dialog.getByLabel('Good for so many days').fill('7');
  await dialog.getByRole('button', { name: 'Make', exact: true }).click();
  const key = await dialog.getByLabel('The key').textContent();
  const me = await server.get('/me', key);
  assert.deepEqual([me.name, me.role, me.missions], ['ada', 'viewer', ['apollo', 'gemini']]);
  await dialog.getByRole('button', { name: 'Close' }).click();
  await line(page, me.keyId).getByText('apollo, gemini').waitFor();
  assert.ok(!(await page.content()).includes(key), 'it is nowhere in the page any more');
  await line(page, me.keyId).getByRole('button', { name: 'Take back' }).click();
  await dialog.getByLabel('Reason').fill('ada left');
  await dialog.getByRole('button', { name: 'Take back' }).click();
  await line(page, me.keyId).getByText('revoked').waitFor();
  await assert.rejects(server.get('/me', key), /401/);
  const { entries } = await server.get('/audit?action=key_revoke');
  assert.equal(entries[0].reason, 'ada left');
  await clean(page);
});

test('a provider is set up, changed, and removed; an agent is started from it', async () => {
  const { server } = on;
  const page = await visit(on, { hash: '#providers' });
  const dialog = page.locator('dialog');
  await page.getByRole('button', { name: 'Set up a provider' }).click();
  await dialog.getByLabel('Kind').selectOption('scripted');
  await dialog.getByLabel('Name', { exact: true }).fill('bots');
  await dialog.getByLabel('Shown as').fill('The bots');
  await dialog.getByLabel('At once').fill('3');
  await dialog.getByLabel('script, as JSON').fill('[{"say": "from the bots"}, {"idle": true}]');
  await dialog.getByRole('button', { name: 'Set up' }).click();
  await line(page, 'bots').getByText('The bots').waitFor();
  let config = await server.get('/providers/bots');
  assert.deepEqual([config.kind, config.displayName, config.limits.atOnce, config.settings.script.length], ['scripted', 'The bots', 3, 2]);

  await page.keyboard.press('n');
  await dialog.getByLabel('Provider').selectOption('bots');
  await dialog.getByLabel('Agent type').fill('robot');
  await dialog.getByLabel('Task').fill('BOT-1');
  await dialog.getByRole('button', { name: 'Start' }).click();
  await page.locator('.panel.active .message', { hasText: 'from the bots' }).waitFor();

  await page.goto(`${server.url}/?again#providers`);
  await line(page, 'bots').getByRole('button', { name: 'Change' }).click();
  assert.equal(await dialog.getByLabel('Kind').isDisabled(), true);
  await dialog.getByLabel('Agents may be started from it').uncheck();
  // Somebody else is faster.
  await fetch(`${server.url}/providers/bots`, { method: 'PUT', headers: { 'X-API-Key': server.key, 'Content-Type': 'application/json', 'If-Match': `"${config.revision}"` }, body: JSON.stringify({ kind: 'scripted', displayName: 'Other bots', settings: config.settings }) });
  await dialog.getByRole('button', { name: 'Change' }).click();
  await dialog.locator('.fault:not(:empty)').waitFor();
  assert.equal((await server.get('/providers/bots')).enabled, true, 'what is not known is not written over');
  await page.keyboard.press('Escape');
  await line(page, 'bots').getByText('Other bots').waitFor();
  await line(page, 'bots').getByRole('button', { name: 'Change' }).click();
  await dialog.getByLabel('Agents may be started from it').uncheck();
  await dialog.getByRole('button', { name: 'Change' }).click();
  await line(page, 'bots').getByText('off').waitFor();
  config = await server.get('/providers/bots');
  assert.deepEqual([config.enabled, config.settings.script.length], [false, 2]);
  await line(page, 'bots').getByRole('button', { name: 'Remove' }).click();
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await line(page, 'bots').waitFor({ state: 'detached' });
  await clean(page);
});

test('a sink is made with its secret, tried, changed and removed', async () => {
  const { server } = on;
  const page = await visit(on, { hash: '#sinks' });
  const dialog = page.locator('dialog');
  await page.getByRole('button', { name: 'Make a sink' }).click();
  await dialog.getByLabel('Form').selectOption('webhook');
  await dialog.getByLabel('Name', { exact: true }).fill('events');
  await dialog.getByLabel('url *').fill('http://127.0.0.1:9/hook');
  await dialog.getByLabel('Credentials').fill('secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
  await dialog.getByLabel('Changes of the status to').selectOption(['failed', 'lost']);
  await dialog.getByRole('button', { name: 'Make' }).click();
  await line(page, 'events').waitFor();
  const sink = await server.get('/sinks/events');
  assert.deepEqual([sink.form, sink.credentials, sink.filter.needsPerson, sink.filter.statuses.sort(), sink.settings.url], ['webhook', ['secret'], true, ['failed', 'lost'], 'http://127.0.0.1:9/hook']);
  await line(page, 'events').getByRole('button', { name: 'Send a test' }).click();
  await page.locator('.toast.bad').waitFor();
  await line(page, 'events').getByRole('button', { name: 'Change' }).click();
  await dialog.getByText('There are secret').waitFor();
  assert.deepEqual(await dialog.getByLabel('Changes of the status to').evaluate((one) => [...one.selectedOptions].map(({ value }) => value).sort()), ['failed', 'lost']);
  await dialog.getByLabel('It sends').uncheck();
  await dialog.getByRole('button', { name: 'Change' }).click();
  await until('it is off, and has its secret', async () => {
    const { enabled, credentials } = await server.get('/sinks/events');
    return !enabled && credentials.join() === 'secret';
  });
  await line(page, 'events').getByRole('button', { name: 'Remove' }).click();
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await line(page, 'events').waitFor({ state: 'detached' });
  await clean(page);
});

test('the budget of a mission is set, and its sessions are one click away', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'MIS-1', missionId: 'voyager' });
  await server.post(`/agents/${session}/messages`, { role: 'assistant', content: 'x', usage: { inputTokens: 50, costUsd: 1.5 } });
  const page = await visit(on, { hash: '#budgets' });
  await line(page, 'voyager').getByRole('button', { name: 'Set' }).click();
  await page.getByLabel('In US dollars').fill('6');
  await page.locator('dialog').getByRole('button', { name: 'Set' }).click();
  await line(page, 'voyager').getByLabel('25 % used').waitFor();
  assert.equal((await server.get('/missions/voyager')).budget.maxCostUsd, 6);
  await line(page, 'voyager').getByRole('button', { name: 'voyager' }).click();
  await page.locator(`#row-${session}`).waitFor();
  assert.equal(await page.evaluate(() => location.hash), '#fleet?mission=voyager');
  await clean(page);
});

test('a runner is drained, let in again and removed', async () => {
  const { server } = on;
  const made = await server.post('/keys', { name: 'machine', role: 'runner' });
  const instance = crypto.randomUUID();
  const ask = (method, path, body) => fetch(`${server.url}/runners/rack-1${path}`, { method, headers: { 'X-API-Key': made.key, 'Content-Type': 'application/json' }, body: JSON.stringify({ instance, now: new Date().toISOString(), ...body }) });
  const join = await ask('PUT', '', { protocol: 1, version: '1', capacity: 2, offers: ['claude'], labels: ['gpu'] });
  assert.ok(join.ok, await join.text());
  const page = await visit(on, { hash: '#runners' });
  const dialog = page.locator('dialog');
  const state = async () => (await server.get('/runners/rack-1')).state;
  await line(page, 'rack-1').getByRole('button', { name: 'Drain' }).click();
  await dialog.getByRole('button', { name: 'Drain' }).click();
  await until('it is drained', async () => (await state()) === 'draining');
  await line(page, 'rack-1').getByRole('button', { name: 'Undrain' }).click();
  await dialog.getByRole('button', { name: 'Let it' }).click();
  await until('it is let in', async () => (await state()) === 'active');
  assert.equal(await line(page, 'rack-1').getByRole('button', { name: 'Remove' }).count(), 0, 'one that is there is stopped first');
  const left = await ask('POST', '/leave', {});
  assert.ok(left.ok, await left.text());
  await line(page, 'rack-1').getByRole('button', { name: 'Remove' }).click();
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await line(page, 'rack-1').waitFor({ state: 'detached' });
  await clean(page);
});

test('an operator and a viewer see what they may, and are offered nothing else', async () => {
  const { server } = on;
  for (const [role, views, absent] of [['operator', ['Providers', 'Runners', 'Budgets', 'Retention', 'Sinks'], 'Keys'], ['viewer', ['Providers', 'Runners', 'Budgets'], 'Sinks']]) {
    const page = await visit(on, { key: await server.makeKey(role), hash: '#keys' });
    assert.equal(await page.evaluate(() => document.body.dataset.view), 'fleet', 'an address that is not for them leads to the fleet');
    await page.locator('#tab-manage').click();
    const ways = page.locator('main:not([hidden]) nav[aria-label="What is managed"]');
    await ways.getByRole('button').first().waitFor();
    assert.deepEqual(await ways.getByRole('button').allTextContents(), views);
    assert.equal(await ways.getByRole('button', { name: absent }).count(), 0);
    for (const view of views) {
      await ways.getByRole('button', { name: view }).click();
      await page.locator('main:not([hidden]) h2', { hasText: view }).waitFor();
      for (const deed of ['Set up a provider', 'Make a sink', 'Make a key', 'Change the rules', 'Remove', 'Drain', role === 'viewer' ? /Set|Change/ : 'Try out']) assert.equal(await page.locator('main:not([hidden])').getByRole('button', { name: deed }).count(), 0, `${deed} for ${role}`);
    }
    await clean(page);
    await page.context().close();
  }
});
