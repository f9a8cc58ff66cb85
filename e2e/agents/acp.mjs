// The checks of an agent that speaks ACP: all of `flightdeck conformance`, those that need a server or the model's ledger, and
// those of an agent at a runner.

import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { Fleet, processes } from '../support/fleet.mjs';
import { charged, compare } from '../support/ledger.mjs';
import { BINARY, Server } from '../support/server.mjs';
import { agentTable } from '../support/toml.mjs';
import { allowing, checkAtRunner } from './far.mjs';

// Some agents ask nobody for a command that only reads.
const PROMPTS = {
  say: 'hello',
  tool: "run touch made; printf 'conformance-%d\\n' 42",
  output: 'conformance-42',
  write: 'run touch {file}',
  busy: 'slowly count',
};

/**
 * @param {{ agent: any, bin: string, folder: string, model: any, check: Function, row: Function }} about
 */
export async function checkAcp({ agent, bin, folder, model, check, row }) {
  const [home, work] = [join(folder, 'home'), join(folder, 'work')];
  for (const path of [home, work]) await mkdir(path, { recursive: true });
  const { command, args, env, more } = await agent.settings({ home, work, model: model.url });
  const about = { command: join(bin, command), args, cwd: work, ...more, env: { HOME: home, PATH: process.env.PATH, ...env } };
  const table = agentTable(agent.name, about);
  await writeFile(join(folder, 'flightdeck.toml'), table);
  await conformance(agent, folder, row);

  const server = await Server.start([], async () => table);
  const fleet = new Fleet(server);
  const start = async (prompt, parentAgentId) =>
    (await fleet.post('/agents/spawn', { taskId: 'FD-1', agentType: agent.name, prompt, parentAgentId })).agentId;
  try {
    await check('tokens as the model reported them', () => tokens(fleet, model, start, agent.name));
    await check('subtree killed: no process is left', () => subtree(fleet, start));
  } finally {
    await server.stop();
  }
  await checkAtRunner({ agent, command: about, folder, check });
}

/** Its own checks, each of which it prints as soon as it is known. */
async function conformance(agent, folder, row) {
  const prompts = Object.entries(PROMPTS).flatMap(([name, text]) => [`--${name}`, text]);
  const args = ['conformance', '--agent', agent.name, '--json', '--limit', '60', ...prompts];
  const child = spawn(BINARY, args, { cwd: folder, env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (part) => (complaint += part));
  let rows = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const { check, seen, millis, note } = JSON.parse(line);
    rows += 1;
    row({ check, seen, note, millis });
  }
  if (rows === 0) throw new Error(`flightdeck conformance printed nothing: ${complaint}`);
}

/** Two turns, one of them with a tool call: three answers of the model. */
async function tokens(fleet, model, start, name) {
  const tag = `tokens-${name}`;
  const since = model.ledger.length;
  const agent = await start(`run touch made; echo counted #${tag}`);
  await allowing(fleet, agent);
  const { seq } = await fleet.post(`/agents/${agent}/inject`, { message: `hello again #${tag}`, delivery: 'queue' });
  await fleet.receipt(agent, seq);
  await fleet.becomes(agent, 'idle');
  const seen = compare(await fleet.usage(agent), charged(model.ledger, tag, since));
  await fleet.post(`/agents/${agent}/kill?wait=30s`);
  return seen;
}

/** A parent and its child, each with a command of its own that runs for longer than any test. */
async function subtree(fleet, start) {
  const sleeper = async (parent) => {
    const agent = await start('run touch made; tail -f /dev/null', parent);
    const asked = await fleet.until(agent, 'it asks', () => fleet.asked(agent));
    await fleet.decide(asked, 'allow_once');
    const runs = async () => (await processes(agent)).some((line) => line.endsWith('tail -f /dev/null'));
    await fleet.until(agent, 'its command runs', runs);
    return agent;
  };
  const parent = await sleeper();
  const child = await sleeper(parent);
  await fleet.post(`/agents/${parent}/kill?scope=subtree&wait=30s`, { reason: 'seen enough' });
  for (const agent of [parent, child]) {
    const { status } = await fleet.status(agent);
    if (status !== 'killed') throw new Error(`it is ${status}`);
    const left = await processes(agent);
    if (left.length > 0) throw new Error(`still there: ${left.join('; ')}`);
  }
  return { seen: 'yes', note: 'a parent, its child, and a command of each' };
}
