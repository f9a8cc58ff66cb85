// Jumps within a conversation: to what went wrong, to where the agent asked, to what was not read.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { clean, open, say, stage, visit } from './support.mjs';

let on;
before(async () => (on = await stage()));
after(() => on.end());

test('errors one after the other, questions, and the first unread message', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'JUMP' });
  const path = `/agents/${session}/messages`;
  await say(server, session, 1, 300);
  await server.post(path, { role: 'tool', content: 'no', metadata: { type: 'tool_error', toolUseId: 'a' } });
  await say(server, session, 302, 300);
  await server.post(path, { role: 'tool', content: 'no', metadata: { type: 'tool_result', toolUseId: 'b', exitCode: 3 } });
  await say(server, session, 603, 50);
  const page = await visit(on);
  await say(server, session, 653, 20);
  const shown = await open(page, session);
  await shown.getByRole('button', { name: 'Search and jump' }).click();
  const jump = (name) => shown.getByRole('button', { name }).click();
  const marked = (seq) => shown.locator(`.message.marked[data-seq="${seq}"]`).waitFor();
  await jump('Next error');
  await marked(301);
  await jump('Next error');
  await marked(602);
  await jump('Next error');
  await marked(301);
  await jump('Next approval');
  await shown.getByText('No approval in this session.').waitFor();
  await server.post(`/agents/${session}/status`, { status: 'running' });
  await server.post(`/agents/${session}/approvals`, { title: 'May I?' });
  await jump('Next approval');
  await shown.getByText(/^#\d+: approval\.$/).waitFor();
  assert.match(await shown.locator('.message.marked').textContent(), /waiting/);
  await jump('First unread');
  await shown.getByText(/the first that was not read/).waitFor();
  await clean(page);
});
