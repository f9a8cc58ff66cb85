// What happens to a session while a client follows it, the same for every client.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const PER_STEP = 40;

/** Waits until something is so; clients take up to three seconds to reconnect. */
export async function until(what, isSo, milliseconds = 20_000) {
  const deadline = Date.now() + milliseconds;
  while (!(await isSo())) {
    assert.ok(Date.now() < deadline, `waited in vain until ${what}`);
    await sleep(20);
  }
}

/**
 * Appends while `client` follows, kills the server in the middle, completes the session. `client` gives `seqs()`, the ids
 * of the messages so far; `ends()`, how many end events came; `statuses()`, how its connections were answered; and
 * `closed()`, whether it has given up for good.
 */
export async function tell(server, session, client) {
  let appended = 0;
  const append = async (count) => {
    for (const last = appended + count; appended < last; appended += 1) {
      const reply = await server.post(`/agents/${session}/messages`, {
        role: 'assistant',
        content: `message ${appended + 1}`,
      });
      assert.equal(reply.messages[0].seq, appended + 1);
    }
  };
  const all = () => Array.from({ length: appended }, (_, place) => place + 1);
  const seen = (count) => until(`${count} messages came`, async () => (await client.seqs()).length >= count);

  await append(PER_STEP);
  await seen(1);
  await append(PER_STEP);
  await server.killAndRestart();
  // These come while the client still waits before it reconnects.
  await append(PER_STEP);
  await seen(appended);
  await append(PER_STEP);
  await seen(appended);
  assert.deepEqual(await client.seqs(), all(), 'every message once and in order, over the restart');

  await server.post(`/agents/${session}/status`, { status: 'completed' });
  appended += 1; // the change is told in the conversation
  await until('the end was told', async () => (await client.ends()) > 0);
  await until('the client has closed for good', client.closed);
  // Longer than the longest wait before a reconnect that the server asks for.
  await sleep(3_500);
  assert.deepEqual(await client.seqs(), all());
  assert.equal(await client.ends(), 1, 'the end is told once');
  const statuses = await client.statuses();
  assert.deepEqual(statuses.slice(-2), [200, 204], 'the reconnect after the end is answered with 204, and is the last');
  assert.equal(statuses.filter((status) => status === 204).length, 1);
}
