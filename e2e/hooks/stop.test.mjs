// The real Claude Code, stopped while Flightdeck holds its tool call: the tool never runs. FLIGHTDECK_TIMES repeats each.
// It is installed outside of this folder, for its package is large: FLIGHTDECK_TEST_CLAUDE is its program.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { agent, bash, Desk, until } from './desk.mjs';

const TIMES = Number(process.env.FLIGHTDECK_TIMES ?? 2);
const WHY = 'the wrong branch';

let desk;

before(async () => {
  desk = await Desk.start();
});
after(() => desk.stop());

/** Pauses it before its first call, waits until that is held, and steps in. */
const heldThen = (action) => async (id, begin) => {
  await desk.post(`/agents/${id}/pause?wait=0s`, { reason: 'a look' });
  begin();
  await until(async () => (await desk.messages(id)).some((message) => message.content.startsWith('Bash:')));
  await until(async () => (await desk.status(id)) === 'paused');
  await desk.post(`/agents/${id}/${action}?wait=0s`, { reason: WHY });
};

for (const action of ['kill', 'interrupt']) {
  test(`a held call never runs after ${action}`, async () => {
    for (let time = 0; time < TIMES; time += 1) {
      const { id, files, done } = await desk.run([[bash('touch first')], [bash('touch second')]], heldThen(action));
      assert.deepEqual(files, [], done.stdout);
      const told = (await desk.messages(id)).map((message) => message.content);
      const words = action === 'kill' ? 'Stopped' : 'Interrupted';
      assert.ok(told.includes(`denied: ${words} by an operator: ${WHY}`), told.join('\n'));
      assert.equal(await desk.status(id), action === 'kill' ? 'killed' : 'completed', told.join('\n'));
    }
  });

  test(`no call of one answer of the model runs after ${action}`, async () => {
    for (let time = 0; time < TIMES; time += 1) {
      const calls = ['touch first', 'touch second', 'touch third'].map((command) => bash(command));
      const { id, files, done } = await desk.run([calls, [bash('touch fourth')]], heldThen(action));
      assert.deepEqual(files, [], done.stdout);
      // The conversation of one who is killed is closed.
      const denied = (await desk.messages(id)).filter((message) => message.content.startsWith('denied:')).length;
      assert.equal(denied, action === 'kill' ? 1 : 3);
    }
  });
}

test('a call that was let through has ended when its session is said to be killed', async () => {
  for (let time = 0; time < TIMES; time += 1) {
    const { files, id } = await desk.run([[bash('sleep 1; touch first')], [bash('touch second')]], async (session, begin) => {
      begin();
      await until(async () => (await desk.messages(session)).some((message) => message.content.startsWith('Bash:')));
      await desk.post(`/agents/${session}/kill?wait=0s`, { reason: WHY });
    });
    assert.deepEqual(files, ['first']);
    const all = await desk.messages(id);
    const [result, killed] = [
      all.findIndex((message) => message.metadata.type === 'tool_result'),
      all.findIndex((message) => message.metadata.to === 'killed'),
    ];
    assert.ok(result >= 0 && killed > result, all.map((message) => message.content).join('\n'));
  }
});

test('a shell in the background has ended when its session is said to be killed', async () => {
  const background = bash('sleep 2; touch background', { run_in_background: true });
  const { files, id } = await desk.run([[background], [bash('touch first')]], async (session, begin) => {
    begin();
    await until(async () => (await desk.messages(session)).some((message) => message.metadata.background));
    await desk.post(`/agents/${session}/kill?wait=0s`, { reason: WHY });
  });
  assert.ok(files.includes('background'), 'nothing stops a shell in the background');
  const all = await desk.messages(id);
  const [notice, killed] = [
    all.findIndex((message) => message.content.startsWith('<task-notification>')),
    all.findIndex((message) => message.metadata.to === 'killed'),
  ];
  assert.ok(notice >= 0 && killed > notice, all.map((message) => message.content).join('\n'));
});

test('sub-agents are stopped with their session', async () => {
  for (const more of [{}, { run_in_background: false }]) {
    const script = [[agent([[bash('touch a')], [bash('touch b')]], more)], [bash('touch c')]];
    const { files, id } = await desk.run(script, async (session, begin) => {
      begin();
      await until(async () => (await desk.get(`/agents/tree?root=${session}`)).length > 1);
      await desk.post(`/agents/${session}/kill?scope=subtree&wait=0s`, { reason: WHY });
    });
    const tree = await desk.get(`/agents/tree?root=${id}`);
    assert.ok(tree.every((entry) => ['killed', 'completed'].includes(entry.status)), JSON.stringify(tree));
    assert.ok(!files.includes('b'), files.join());
  }
});

test('what was used is counted for each session, and once', async () => {
  const script = [[agent([[bash('true')]], { run_in_background: false })], [bash('true'), bash('true')]];
  const { id } = await desk.run(script);
  const usage = await desk.get(`/agents/${id}/usage`);
  // Three answers of the model for the session, two for its sub-agent; each has 100 + 10 tokens, and 45 of the cache.
  const { own, subtree } = usage;
  const counted = [own, subtree].map((sums) => [sums.inputTokens, sums.outputTokens, sums.cacheReadTokens, sums.cacheWriteTokens]);
  assert.deepEqual(counted, [[300, 30, 120, 15], [500, 50, 200, 25]], JSON.stringify(usage));
  assert.ok(subtree.costUsd > 0, JSON.stringify(usage));
});
