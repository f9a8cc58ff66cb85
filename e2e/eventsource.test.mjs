// npm's eventsource: the usual way to follow a stream with a key from Node.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EventSource } from 'eventsource';

import { Server } from './support/server.mjs';
import { tell } from './support/story.mjs';

test('eventsource follows over a restart and stops at the end', async () => {
  const server = await Server.start();
  const session = await server.register();
  const [seqs, statuses] = [[], []];
  let ends = 0;
  const source = new EventSource(`${server.url}/agents/${session}/messages/stream`, {
    fetch: async (url, init) => {
      const response = await fetch(url, { ...init, headers: { ...init.headers, 'X-API-Key': server.key } });
      statuses.push(response.status);
      return response;
    },
  });
  source.addEventListener('message', (event) => {
    assert.equal(JSON.parse(event.data).seq, Number(event.lastEventId));
    seqs.push(Number(event.lastEventId));
  });
  source.addEventListener('end', (event) => {
    assert.equal(JSON.parse(event.data).lastSeq, seqs.at(-1));
    ends += 1;
  });
  try {
    await tell(server, session, {
      seqs: () => seqs,
      ends: () => ends,
      statuses: () => statuses,
      closed: () => source.readyState === EventSource.CLOSED,
    });
  } finally {
    source.close();
    await server.stop();
  }
});
