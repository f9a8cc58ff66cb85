// The real Claude Code, stopped while Flightdeck holds its tool call: the tool never runs. FLIGHTDECK_TIMES repeats each.
// It is installed outside of this folder, for its package is large: see .ci/steps/agents.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { Server } from '../support/server.mjs';
import { runClaude } from './claude.mjs';
import { startModel } from './model.mjs';

const BINARY = process.env.FLIGHTDECK_BIN ?? new URL('../../target/debug/flightdeck', import.meta.url).pathname;
const TIMES = Number(process.env.FLIGHTDECK_TIMES ?? 2);
const WHY = 'the wrong branch';

let server;
let folder;

before(async () => {
  server = await Server.start();
  folder = await mkdtemp(join(tmpdir(), 'flightdeck-hooks-'));
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const bash = (command, more = {}) => ({ name: 'Bash', input: { command, description: 'as asked', ...more } });
const agent = (script, more = {}) => ({
  name: 'Agent',
  input: { description: 'a part', subagent_type: 'general-purpose', prompt: `SCRIPT ${JSON.stringify(script)}`, ...more },
});
const messages = async (id) => (await server.get(`/agents/${id}/messages?after=0&limit=1000`)).messages;
const status = async (id) => (await server.get(`/agents/${id}/status`)).status;

async function until(look) {
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    await sleep(20);
  }
}

async function settings() {
  const { stdout } = await promisify(execFile)(BINARY, ['connect', 'claude-code', '--url', server.url], { env: {} });
  return JSON.parse(stdout);
}

/** Runs a script; `meanwhile` gets the session and its mission as soon as the model is asked, which waits for it. */
async function run(script, meanwhile) {
  const place = await mkdtemp(join(folder, 'run-'));
  const task = place.split('/').at(-1);
  let found;
  const model = await startModel(async () => {
    if (found) return found.begun;
    const [session] = await server.get(`/agents?taskId=${task}&limit=1`);
    let begin;
    found = { id: session.agentId, begun: new Promise((resolve) => (begin = resolve)) };
    found.rest = meanwhile(found.id, begin);
    return found.begun;
  });
  const hooks = JSON.parse(JSON.stringify(await settings()).replaceAll('hold=50s', `hold=50s&taskId=${task}`)
    .replaceAll('--hold 50', `--hold 50 --task ${task}`));
  const prompt = `SCRIPT ${JSON.stringify(script)}`;
  const claude = await runClaude({ folder: place, model: model.url, settings: hooks, prompt, env: { FLIGHTDECK_API_KEY: server.key } });
  const done = await claude.done;
  await found?.rest;
  model.stop();
  assert.ok(found, `it never asked its model: ${done.stdout} ${done.stderr}`);
  return { id: found.id, files: await readdir(claude.work), done };
}

/** Pauses it before its first call, waits until that is held, and steps in. */
const heldThen = (action) => async (id, begin) => {
  await server.post(`/agents/${id}/pause?wait=0s`, { reason: 'a look' });
  begin();
  await until(async () => (await messages(id)).some((message) => message.content.startsWith('Bash:')));
  await until(async () => (await status(id)) === 'paused');
  await server.post(`/agents/${id}/${action}?wait=0s`, { reason: WHY });
};

for (const action of ['kill', 'interrupt']) {
  test(`a held call never runs after ${action}`, async () => {
    for (let time = 0; time < TIMES; time += 1) {
      const { id, files, done } = await run([[bash('touch first')], [bash('touch second')]], heldThen(action));
      assert.deepEqual(files, [], done.stdout);
      const told = (await messages(id)).map((message) => message.content);
      const words = action === 'kill' ? 'Stopped' : 'Interrupted';
      assert.ok(told.includes(`denied: ${words} by an operator: ${WHY}`), told.join('\n'));
      assert.equal(await status(id), action === 'kill' ? 'killed' : 'completed', told.join('\n'));
    }
  });

  test(`no call of one answer of the model runs after ${action}`, async () => {
    for (let time = 0; time < TIMES; time += 1) {
      const calls = ['touch first', 'touch second', 'touch third'].map((command) => bash(command));
      const { id, files, done } = await run([calls, [bash('touch fourth')]], heldThen(action));
      assert.deepEqual(files, [], done.stdout);
      // The conversation of one who is killed is closed.
      const denied = (await messages(id)).filter((message) => message.content.startsWith('denied:')).length;
      assert.equal(denied, action === 'kill' ? 1 : 3);
    }
  });
}

test('a call that was let through has ended when its session is said to be killed', async () => {
  for (let time = 0; time < TIMES; time += 1) {
    const { files, id } = await run([[bash('sleep 1; touch first')], [bash('touch second')]], async (session, begin) => {
      begin();
      await until(async () => (await messages(session)).some((message) => message.content.startsWith('Bash:')));
      await server.post(`/agents/${session}/kill?wait=0s`, { reason: WHY });
    });
    assert.deepEqual(files, ['first']);
    const all = await messages(id);
    const [result, killed] = [
      all.findIndex((message) => message.metadata.type === 'tool_result'),
      all.findIndex((message) => message.metadata.to === 'killed'),
    ];
    assert.ok(result >= 0 && killed > result, all.map((message) => message.content).join('\n'));
  }
});

test('a shell in the background has ended when its session is said to be killed', async () => {
  const background = bash('sleep 2; touch background', { run_in_background: true });
  const { files, id } = await run([[background], [bash('touch first')]], async (session, begin) => {
    begin();
    await until(async () => (await messages(session)).some((message) => message.metadata.background));
    await server.post(`/agents/${session}/kill?wait=0s`, { reason: WHY });
  });
  assert.ok(files.includes('background'), 'nothing stops a shell in the background');
  const all = await messages(id);
  const [notice, killed] = [
    all.findIndex((message) => message.content.startsWith('<task-notification>')),
    all.findIndex((message) => message.metadata.to === 'killed'),
  ];
  assert.ok(notice >= 0 && killed > notice, all.map((message) => message.content).join('\n'));
});

test('sub-agents are stopped with their session', async () => {
  for (const more of [{}, { run_in_background: false }]) {
    const script = [[agent([[bash('touch a')], [bash('touch b')]], more)], [bash('touch c')]];
    const { files, id } = await run(script, async (session, begin) => {
      begin();
      await until(async () => (await server.get(`/agents/tree?root=${session}`)).length > 1);
      await server.post(`/agents/${session}/kill?scope=subtree&wait=0s`, { reason: WHY });
    });
    const tree = await server.get(`/agents/tree?root=${id}`);
    assert.ok(tree.every((entry) => ['killed', 'completed'].includes(entry.status)), JSON.stringify(tree));
    assert.ok(!files.includes('b'), files.join());
  }
});
