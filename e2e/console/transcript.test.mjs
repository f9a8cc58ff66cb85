// Transcripts: live, exact over a restart, endless backwards, tool calls folded, jumped in and searched.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../support/story.mjs';
import { clean, open, panel, row, say, seqs, stage, upTo, visit } from './support.mjs';

let on;
before(async () => (on = await stage()));
after(() => on.end());

test('six panels are live over one stream, and exact over a restart of the server', async () => {
  const { server } = on;
  const sessions = [];
  for (let n = 0; n < 6; n += 1) sessions.push(await server.register({ taskId: `T-${n}` }));
  const page = await visit(on);
  await page.locator('#liveness.good').waitFor();
  const streams = [];
  page.on('request', (request) => request.resourceType() === 'eventsource' && streams.push(new URL(request.url()).pathname));
  await page.reload();
  for (const session of sessions) await open(page, session, true);
  assert.equal(await page.locator('.panel').count(), 6);

  let last = 0;
  const add = async (count) => {
    await Promise.all(sessions.map((session) => say(server, session, last + 1, count)));
    last += count;
  };
  const complete = () => until(`each has ${last}`, async () => {
    const counts = await Promise.all(sessions.map((session) => panel(page, session).locator('.message').count()));
    return counts.every((count) => count >= last);
  });
  await add(30);
  await complete();
  assert.deepEqual(streams, ['/agents/events'], 'one stream for all');

  await server.kill();
  const first = panel(page, sessions[0]);
  await first.getByText(/Not live since/).waitFor();
  await page.locator('#liveness.bad').waitFor();
  await server.revive();
  await add(30);
  await complete();
  await first.locator('.liveness.good').waitFor();
  await add(5);
  await complete();
  for (const session of sessions) assert.deepEqual(await seqs(panel(page, session)), upTo(last), 'each once and in order');

  // The address remembers what is open.
  await page.reload();
  await panel(page, sessions[5]).getByText('message 65', { exact: true }).waitFor();
  assert.equal(await page.locator('.panel').count(), 6);
  await page.keyboard.press('x');
  assert.equal(await page.locator('.panel').count(), 5);
  await clean(page);
});

test('it scrolls back to the beginning with little in the document', async () => {
  const { server } = on;
  const LAST = 3_000;
  const session = await server.register({ taskId: 'LONG' });
  await say(server, session, 1, LAST);
  const page = await visit(on);
  const shown = await open(page, session);
  const box = shown.locator('.transcript');
  await shown.getByText(`message ${LAST}`, { exact: true }).waitFor();

  // What is looked at does not move when more comes above it.
  const reached = async () => Number(await shown.locator('.message').first().getAttribute('data-seq'));
  for (let before = await reached(); before > 1; before = await reached()) {
    await box.evaluate((element) => element.scrollTo(0, 300));
    await until(`it reads before ${before}`, async () => (await reached()) < before);
    const dense = await seqs(shown);
    assert.deepEqual(dense, upTo(dense.at(-1), dense[0]));
    assert.ok(dense.length <= 500, `${dense.length} in the document`);
  }
  await shown.getByText('The beginning.').waitFor();

  // New ones do not pull the reader away, and are told.
  await say(server, session, LAST + 1, 2);
  await shown.getByRole('button', { name: /messages below/ }).waitFor();
  assert.equal(await reached(), 1);
  await shown.getByRole('button', { name: /messages below/ }).click();
  await shown.getByText(`message ${LAST + 2}`, { exact: true }).waitFor();
  await say(server, session, LAST + 3, 1);
  await shown.getByText(`message ${LAST + 3}`, { exact: true }).waitFor();

  // And forwards again, from a place in the middle.
  await page.keyboard.press('f');
  await shown.locator('.jump').fill('#1200');
  await shown.locator('.jump').press('Enter');
  await shown.locator('.message.marked[data-seq="1200"]').waitFor();
  await until('it reads on downwards', async () => {
    await box.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    return (await seqs(shown)).at(-1) > 1_600;
  });
  await clean(page);
});

test('it jumps to a time, and finds words as far back as they are', async () => {
  const { server } = on;
  const session = await server.register({ taskId: 'FIND' });
  const start = Date.parse('2026-03-01T10:00:00Z');
  const batch = upTo(900).map((n) => ({
    role: 'assistant',
    content: n === 7 ? 'A Needle in the hay' : `hay ${n}`,
    createdAt: new Date(start + n * 60_000).toISOString(),
  }));
  await server.post(`/agents/${session}/messages`, batch);
  const page = await visit(on, { timezoneId: 'UTC' });
  const shown = await open(page, session);
  await shown.getByRole('button', { name: 'Search and jump' }).click();
  await shown.locator('.jump').fill('2026-03-01 14:05');
  await shown.locator('.jump').press('Enter');
  await shown.locator('.message.marked[data-seq="245"]').waitFor();
  await shown.locator('input[type="search"]').fill('needle');
  await shown.locator('input[type="search"]').press('Enter');
  await shown.getByText('1 match, the whole session was searched.').waitFor();
  await shown.locator('.match').click();
  const found = shown.locator('.message.marked[data-seq="7"]');
  await found.waitFor();
  assert.match(await found.textContent(), /A Needle in the hay/);
  await shown.locator('.jump').fill('soon');
  await shown.locator('.jump').press('Enter');
  await shown.getByText(/Give a seq such as/).waitFor();
  await clean(page);
});

test('a tool call is folded, with its output in it', async () => {
  const { server } = on;
  const session = await server.spawn([
    { tool: { name: 'bash', input: { cmd: 'make test' }, output: 'all 12 passed', ms: 1 } },
    { tool: { name: 'bash', input: { cmd: 'make lint' }, output: '3 warnings', failed: true, ms: 1 } },
    { idle: true },
  ]);
  const page = await visit(on);
  const shown = await open(page, session);
  const calls = shown.locator('details.tool');
  await until('both calls are done', async () => (await shown.locator('.tool-state.done, .tool-state.failed').count()) === 2);
  assert.equal(await calls.count(), 2, 'a result is no entry of its own');
  assert.match(await calls.nth(0).locator('summary').textContent(), /bash.*make test.*done/);
  assert.match(await calls.nth(1).locator('summary').textContent(), /make lint.*failed/);
  assert.equal(await shown.getByText('all 12 passed').isVisible(), false);
  await calls.nth(0).locator('summary').click();
  await shown.getByText('all 12 passed').waitFor();
  await clean(page);
});

test('a session that nobody knows says so', async () => {
  const page = await visit(on, { hash: '#fleet?open=0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11' });
  await page.getByText('Not live: There is no such session.').waitFor();
  assert.equal(await row(page, '0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11').count(), 0);
  await clean(page);
});
