// npm's standardwebhooks: the official way to verify a webhook in Node.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { Webhook } from 'standardwebhooks';

import { Server } from './support/server.mjs';

const [SECRET, PREVIOUS, FOREIGN] = ['n', 'o', 'x'].map((letter) => `whsec_${Buffer.from(letter.repeat(32)).toString('base64')}`);

/** Calls the API. */
async function call(server, method, path, body) {
  const headers = { 'X-API-Key': server.key, 'Content-Type': 'application/json' };
  const response = await fetch(server.url + path, { method, headers, body: JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
  return response.json();
}

test('standardwebhooks verifies what a sink sends, with each of two secrets, over a restart', async () => {
  const got = [];
  const receiver = createServer(async (request, response) => {
    const body = (await request.toArray()).join('');
    got.push({ body, headers: request.headers });
    // Now and then it does not accept what it has seen.
    response.writeHead(got.length % 3 === 0 ? 500 : 204).end();
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const server = await Server.start(['--sinks-allow-private', 'on']);
  try {
    const url = `http://127.0.0.1:${receiver.address().port}/hook`;
    const credentials = { secret: SECRET, previous_secret: PREVIOUS };
    await call(server, 'POST', '/sinks', { name: 'ops', form: 'webhook', settings: { url }, credentials, from: 'start' });
    for (let count = 0; count < 3; count += 1) await server.register();
    await server.killAndRestart();
    for (let count = 0; count < 2; count += 1) await server.register();
    const ids = () => new Set(got.map(({ headers }) => headers['webhook-id']));
    for (const began = Date.now(); ids().size < 5; ) {
      assert.ok(Date.now() - began < 60_000, `${ids().size} of 5 events came`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const { body, headers } of got) {
      for (const secret of [SECRET, PREVIOUS]) {
        const verified = /** @type {{ type: string }} */ (new Webhook(secret).verify(body, headers));
        assert.equal(verified.type, 'session.spawned');
      }
      assert.throws(() => new Webhook(FOREIGN).verify(body, headers));
      assert.throws(() => new Webhook(SECRET).verify(`${body} `, headers));
      assert.throws(() => new Webhook(SECRET).verify(body, { ...headers, 'webhook-id': 'another' }));
    }
    const places = got.map(({ body }) => JSON.parse(body).data.event.position);
    assert.deepEqual([...new Set(places)], [1, 2, 3, 4, 5], 'each event, for the first time in order');
  } finally {
    await server.stop();
    receiver.closeAllConnections();
    receiver.close();
  }
});
