// A real agent: opencode, started by the server, against a model of ours that plays a script. Nothing leaves the machine.
// It is installed outside of this folder, for its package is large: see .ci/steps/agents.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startModel } from '../support/model.mjs';
import { agentTable } from '../support/opencode.mjs';
import { Server } from '../support/server.mjs';

let model;
let server;

before(async () => {
  model = await startModel();
  server = await Server.start([], (folder) => agentTable(folder, model.url));
});
after(async () => {
  await server.stop();
  model.stop();
});

const spawn = async (prompt, parentAgentId = undefined) =>
  (await server.post('/agents/spawn', { taskId: 'FD-1', agentType: 'opencode', prompt, parentAgentId })).agentId;
const status = (agent) => server.get(`/agents/${agent}/status`);
const messages = async (agent) => (await server.get(`/agents/${agent}/messages?after=0&limit=1000`)).messages;

/** Looks until there is something to see; the test runner's limit is the deadline. */
async function until(agent, look) {
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    const { status: now, statusReason } = await status(agent);
    if (['failed', 'killed', 'completed'].includes(now)) {
      assert.fail(`${now}: ${statusReason}\n${JSON.stringify(await messages(agent), null, 1)}`);
    }
    await sleep(100);
  }
}
const becomes = (agent, wanted) => until(agent, async () => (await status(agent)).status === wanted);
const says = (agent, role, text) =>
  until(agent, async () => (await messages(agent)).find((m) => m.role === role && m.content.includes(text)));
const receipt = (agent, seq) =>
  until(agent, async () => {
    const injected = (await messages(agent)).find((message) => message.seq === seq);
    return ['consumed', 'refused'].includes(injected.receipt.state) && injected.receipt.state;
  });

/** The command lines of the processes that bear the mark of a session. */
async function processes(agent) {
  const found = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (!environment.includes(`#${agent}`)) continue;
    found.push((await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim());
  }
  return found;
}

test('a permission is asked for, decided, and the tool runs', async () => {
  const agent = await spawn('run echo from-the-shell');
  const asked = await until(agent, async () => (await server.get(`/approvals?status=open&agentId=${agent}`)).approvals?.[0]);
  assert.equal((await status(agent)).status, 'waiting');
  await server.post(`/approvals/${asked.id}/decide`, { option: 'allow_once' });
  await says(agent, 'tool', 'from-the-shell');
  await says(agent, 'assistant', 'The tool said: from-the-shell');
  await becomes(agent, 'idle');
  await server.post(`/agents/${agent}/kill`, {});
});

test('messages reach a busy agent in each mode, and it is paused and goes on', async () => {
  const agent = await spawn('slowly count');
  await becomes(agent, 'running');
  const inject = (message, delivery) => server.post(`/agents/${agent}/inject`, { message, delivery });
  await assert.rejects(inject('steered', 'steer'), /409.*running turn/);
  const queued = await inject('what was queued', 'queue');
  const interrupted = await inject('what was urgent', 'interrupt');
  assert.equal(await receipt(agent, interrupted.seq), 'consumed');
  assert.equal(await receipt(agent, queued.seq), 'consumed');
  await says(agent, 'assistant', 'You asked: what was urgent');
  await says(agent, 'assistant', 'You asked: what was queued');
  await becomes(agent, 'idle');
  const paused = await server.post(`/agents/${agent}/pause?wait=10s`, {});
  assert.match(paused.message, /paused/);
  const held = await inject('while it stood still', 'queue');
  await server.post(`/agents/${agent}/resume?wait=10s`, {});
  assert.equal(await receipt(agent, held.seq), 'consumed');
  await says(agent, 'assistant', 'You asked: while it stood still');
  await server.post(`/agents/${agent}/kill`, {});
});

/** Spawns an agent whose tool runs for longer than any test. */
async function spawnSleeper(seconds, parent = undefined) {
  const agent = await spawn(`run sleep ${seconds}`, parent);
  const asked = await until(agent, async () => (await server.get(`/approvals?status=open&agentId=${agent}`)).approvals?.[0]);
  await server.post(`/approvals/${asked.id}/decide`, { option: 'allow_once' });
  await until(agent, async () => (await processes(agent)).some((line) => line.endsWith(`sleep ${seconds}`)));
  return agent;
}

test('a kill of a parent leaves nothing of it, of its running child, and of what their tools run', async () => {
  const parent = await spawnSleeper(987);
  const child = await spawnSleeper(988, parent);
  await server.post(`/agents/${parent}/kill?scope=subtree&wait=30s`, { reason: 'seen enough' });
  for (const agent of [parent, child]) {
    assert.equal((await status(agent)).status, 'killed');
    assert.deepEqual(await processes(agent), []);
  }
});
