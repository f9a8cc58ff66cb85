// Web Push, read as a browser would: npm's web-push-testing is the push service, and http_ece decrypts what comes.

import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { test } from 'node:test';

import { Server } from './support/server.mjs';

const require = createRequire(import.meta.url);
const { PushApiModel } = require('web-push-testing/src/PushApiModel.js');
const PushService = require('web-push-testing/src/server.js');

const base64url = (/** @type {ArrayBuffer} */ bytes) => Buffer.from(bytes).toString('base64url');

/** A port that is free. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  return port;
}

/** What the page does in a browser: a key of its own, a subscription, and the server told of both. */
async function subscribed(server, service) {
  const pair = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const [publicKey, serverKey] = await Promise.all([
    webcrypto.subtle.exportKey('raw', pair.publicKey),
    webcrypto.subtle.exportKey('pkcs8', pair.privateKey),
  ]);
  const options = { userVisibleOnly: 'true', applicationServerKey: base64url(publicKey) };
  const response = await fetch(`${service}/subscribe`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(options) });
  const { data } = await response.json();
  const body = { endpoint: data.endpoint, keys: data.keys, serverKey: base64url(serverKey) };
  return { body, clientHash: data.clientHash, told: await call(server, 'POST', '/push/subscriptions', body) };
}

async function call(server, method, path, body) {
  const headers = { 'X-API-Key': server.key, 'Content-Type': 'application/json' };
  const response = await fetch(server.url + path, { method, headers, body: body && JSON.stringify(body) });
  return { status: response.status, body: response.status === 204 ? null : await response.json() };
}

async function until(what, ready) {
  for (const began = Date.now(); ; ) {
    const found = await ready();
    if (found) return found;
    assert.ok(Date.now() - began < 60_000, what);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('a browser is told what needs a person, over a restart, until it ends its subscription', async () => {
  const port = await freePort();
  const model = new PushApiModel();
  const push = new PushService(model, port);
  push.startServer();
  const service = `http://localhost:${port}`;
  const server = await Server.start(['--sinks-allow-private', 'on']);
  try {
    const { body, clientHash, told } = await subscribed(server, service);
    assert.equal(told.status, 201, JSON.stringify(told.body));
    assert.equal((await call(server, 'POST', '/push/subscriptions', body)).status, 200, 'the same browser again');
    const { body: listed } = await call(server, 'GET', '/push/subscriptions');
    assert.deepEqual(listed.subscriptions.map(({ endpoint }) => endpoint), [body.endpoint]);
    assert.ok(!JSON.stringify(listed).includes(body.keys.auth) && !JSON.stringify(listed).includes(body.serverKey));

    const agent = await server.register();
    const asked = await call(server, 'POST', `/agents/${agent}/approvals`, { title: 'rm -rf /' });
    assert.equal(asked.status, 201);
    const messages = () => model.getNotifications({ clientHash }).messages.map((text) => JSON.parse(text));
    const [first] = await until('the request came', () => messages().length && messages());
    assert.equal(first.kind, 'approval.opened');
    assert.deepEqual([first.sessionId, first.approvalId, first.urgent], [agent, asked.body.id, true]);
    assert.ok(!JSON.stringify(first).includes('rm -rf'), 'no words of agents');

    await server.killAndRestart();
    await call(server, 'POST', `/agents/${agent}/status`, { status: 'failed' });
    const all = await until('the failure came', () => (messages().some(({ kind }) => kind === 'session.failed') ? messages() : null));
    assert.equal(new Set(all.map(({ tag }) => tag)).size, 2, 'each event has its tag');

    // The browser is gone: the push service says so, and nobody is told any more.
    model.expireSubscription(clientHash);
    const other = await server.register();
    await call(server, 'POST', `/agents/${other}/status`, { status: 'failed' });
    await until('the subscription is forgotten', async () => (await call(server, 'GET', '/push/subscriptions')).body.subscriptions.length === 0);
    const { body: audit } = await call(server, 'GET', '/audit?action=sink_remove');
    assert.equal(audit.entries[0].reason, 'the browser has ended its subscription');

    const again = await subscribed(server, service);
    const end = { endpoint: again.body.endpoint };
    assert.equal((await call(server, 'DELETE', '/push/subscriptions', end)).status, 204);
    assert.equal((await call(server, 'DELETE', '/push/subscriptions', end)).status, 404);
  } finally {
    await server.stop();
    push._server.closeAllConnections();
    push._server.close();
  }
});
