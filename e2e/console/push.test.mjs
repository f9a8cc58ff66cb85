// Web Push on the page: subscribed by a click, shown by the service worker, leading to the decision.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, stage, visit } from './support.mjs';

let on;
before(async () => (on = await stage(['--sinks-allow-private', 'on'])));
after(() => on.end());

/** A push service whose messages come from the test: headless browsers have none. */
async function withPushService(page, endpoint) {
  await page.evaluate(async (endpoint) => {
    const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits']);
    const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    const keys = { p256dh: base64url(await crypto.subtle.exportKey('raw', publicKey)), auth: base64url(crypto.getRandomValues(new Uint8Array(16))) };
    let there = null;
    PushManager.prototype.getSubscription = async () => there;
    PushManager.prototype.subscribe = async (options) => {
      globalThis.subscribedWith = [options.userVisibleOnly, new Uint8Array(options.applicationServerKey).length];
      there = { endpoint, toJSON: () => ({ endpoint, expirationTime: null, keys }), unsubscribe: async () => Boolean((there = null)) };
      return there;
    };
  }, endpoint);
}

const switchOn = async (page) => {
  await page.keyboard.press('?');
  await page.getByRole('button', { name: 'Notifications' }).click();
};

test('a click subscribes the browser, a push is shown with the way to its decision, and a click ends it', async () => {
  const { server } = on;
  const page = await visit(on, { permissions: ['notifications'] });
  const endpoint = 'http://127.0.0.1:9/nobody';
  await withPushService(page, endpoint);
  await switchOn(page);
  await page.locator('.toast', { hasText: 'also while the page is closed' }).waitFor();
  assert.deepEqual(await page.evaluate(() => globalThis.subscribedWith), [true, 65]);
  const { subscriptions } = await server.get('/push/subscriptions');
  assert.deepEqual(subscriptions.map(({ endpoint }) => endpoint), [endpoint]);

  const session = await server.register({ taskId: 'PUSH-1' });
  const { id } = await server.post(`/agents/${session}/approvals`, { title: 'May I?' });
  const cdp = await page.context().newCDPSession(page);
  const registered = new Promise((resolve) => cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => registrations[0] && resolve(registrations[0])));
  await cdp.send('ServiceWorker.enable');
  const { registrationId, scopeURL } = await registered;
  assert.equal(scopeURL, `${server.url}/`);
  const told = { title: 'tester (PUSH-1) asks for permission', body: '', kind: 'approval.opened', tag: 'e-1', at: new Date().toISOString(), urgent: true, sessionId: session, approvalId: id };
  const deliver = (data) => cdp.send('ServiceWorker.deliverPushMessage', { origin: server.url, registrationId, data });
  const shown = () =>
    page.evaluate(async () => {
      const registration = await navigator.serviceWorker.getRegistration('/');
      return (await registration.getNotifications()).map(({ title, tag, data }) => ({ title, tag, data }));
    });
  await deliver(JSON.stringify(told));
  await deliver(JSON.stringify(told));
  await until('it is shown once', async () => (await shown()).length === 1);
  const [notification] = await shown();
  assert.deepEqual([notification.title, notification.tag], [told.title, told.tag]);
  await page.goto(notification.data);
  await page.locator('.approval', { hasText: 'May I?' }).first().waitFor();
  await deliver('no JSON');
  await until('something is shown all the same', async () => (await shown()).some(({ title }) => title === 'Flightdeck'));

  await switchOn(page);
  await page.locator('.toast', { hasText: 'No more notifications' }).waitFor();
  await clean(page);
});
