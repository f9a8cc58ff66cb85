// Web Push: a browser is told what needs a person, also while the page is closed.

import { call, post } from '../kit/api.js';

/** @param {ArrayBuffer} bytes */
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/** Browsers have it for pages that came over TLS, or from this machine. */
export const canPush = () => isSecureContext && 'serviceWorker' in navigator && 'PushManager' in window;

const registration = () => navigator.serviceWorker.register('/worker.js');

/** Subscribes this browser. The key of the server is made here, for this subscription alone. */
export async function subscribe() {
  const { pushManager } = await registration();
  await end(pushManager);
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const publicKey = await crypto.subtle.exportKey('raw', pair.publicKey);
  const serverKey = await crypto.subtle.exportKey('pkcs8', pair.privateKey);
  const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: publicKey });
  try {
    const { endpoint, keys } = subscription.toJSON();
    await post('/push/subscriptions', { endpoint, keys, serverKey: base64url(serverKey) });
  } catch (error) {
    await subscription.unsubscribe();
    throw error;
  }
}

/** Ends the subscription of this browser, if there is one. */
export async function unsubscribe() {
  if (canPush()) await end((await registration()).pushManager);
}

/** Whether this browser is subscribed. */
export async function isSubscribed() {
  return canPush() && Boolean(await (await registration()).pushManager.getSubscription());
}

/** @param {PushManager} pushManager */
async function end(pushManager) {
  const subscription = await pushManager.getSubscription();
  if (!subscription) return;
  // The server finds out by itself when the browser is gone.
  await call('DELETE', '/push/subscriptions', { body: { endpoint: subscription.endpoint } }).catch(() => {});
  await subscription.unsubscribe();
}
