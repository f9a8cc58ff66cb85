// The types that the page is checked against are those of the API.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { Server } from '../support/server.mjs';
import { FILE, described, pageTypes } from './page-types.mjs';

test('the committed types are those of the running server', async () => {
  const server = await Server.start();
  try {
    assert.equal(await readFile(FILE, 'utf8'), await described(server), 'run `npm run types:write` in e2e, and look at what changed');
    const document = await server.get('/openapi.json');
    document.components.schemas.SessionStatus.enum.push('asleep');
    assert.notEqual(await readFile(FILE, 'utf8'), await pageTypes(document), 'a change of the description is not seen');
  } finally {
    await server.stop();
  }
});
