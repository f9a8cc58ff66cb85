// The service worker of the page: it shows what the server pushes, and leads to the page. It keeps nothing and fetches nothing.

/** @typedef {{ title: string, body: string, kind: string, tag: string, at: string, urgent: boolean, sessionId: string | null, approvalId: string | null }} Said */

const worker = /** @type {any} */ (self);

worker.addEventListener('install', () => worker.skipWaiting());
worker.addEventListener('activate', (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));

/** The address of what is told, on the page that this worker belongs to. @param {Said} said */
function addressOf({ kind, sessionId, approvalId }) {
  const place = new URLSearchParams();
  if (sessionId) place.set('open', sessionId);
  if (approvalId) place.set('approval', approvalId);
  const view = kind.startsWith('approval.') ? 'approvals' : 'fleet';
  return new URL(`/#${view}${place.size ? `?${place}` : ''}`, worker.location.origin).href;
}

worker.addEventListener('push', (/** @type {any} */ event) => {
  /** @type {Said} */
  let said;
  try {
    said = event.data.json();
  } catch {
    said = { title: 'Flightdeck', body: 'Something needs you.', kind: '', tag: 'flightdeck', at: new Date().toISOString(), urgent: false, sessionId: null, approvalId: null };
  }
  const asks = said.kind.startsWith('approval.');
  event.waitUntil(
    worker.registration.showNotification(said.title, {
      body: said.body,
      tag: said.tag,
      timestamp: Date.parse(said.at) || Date.now(),
      icon: '/console/icon.svg',
      requireInteraction: said.urgent,
      actions: asks ? [{ action: 'decide', title: 'Decide' }] : [{ action: 'watch', title: 'Watch' }],
      data: addressOf(said),
    }),
  );
});

worker.addEventListener('notificationclick', (/** @type {any} */ event) => {
  event.notification.close();
  event.waitUntil(lead(event.notification.data));
});

/** Shows the page at an address: in a tab that is there, or in a new one. @param {string} url */
async function lead(url) {
  const tabs = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const tab = tabs.find((/** @type {any} */ { url: there }) => new URL(there).pathname === '/');
  if (!tab) return worker.clients.openWindow(url);
  await tab.focus();
  return tab.navigate(url);
}
