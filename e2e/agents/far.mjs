// The checks of an agent at `flightdeck runner`: what works at the server works there, and outlives a restart of the server.

import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Fleet, processes } from '../support/fleet.mjs';
import { startRunner } from '../support/runner.mjs';
import { Server } from '../support/server.mjs';

/** What an agent at a runner is given and tells. */
const TOKEN = 'far-away-0123456789';

/**
 * @param {{ agent: any, command: Record<string, unknown>, folder: string, check: Function }} about
 *   `command` are the settings of the kind `acp`
 */
export async function checkAtRunner({ agent, command, folder, check }) {
  const server = await Server.start();
  const fleet = new Fleet(server);
  const runner = await startRunner(server, folder);
  try {
    await server.post('/providers', {
      name: `far-${agent.name}`,
      kind: 'acp',
      settings: command,
      labels: ['far'],
      credentials: { FAR_TOKEN: TOKEN },
    });
    const begin = async (prompt) => {
      const about = { taskId: 'FD-1', agentType: agent.name, provider: `far-${agent.name}`, prompt };
      return (await fleet.post('/agents/spawn', about)).agentId;
    };
    await check('at a runner: prompt, permission, inject', () => turns(fleet, begin));
    await check('at a runner: its credential is not in the transcript', () => credential(fleet, begin, folder));
    await check('at a runner: what it changed', () => changed(server, fleet, begin, command.cwd));
    await check('at a runner: cancel', () => cancelled(fleet, begin));
    await check('at a runner: the server restarts within a turn', () => restarted(server, fleet, begin));
    await check('at a runner: killed: no process is left', () => killed(fleet, begin));
  } finally {
    await runner.stop();
    await server.stop();
  }
}

async function turns(fleet, begin) {
  const agent = await begin("run touch made; printf 'runner-%d\\n' 42");
  await allowing(fleet, agent);
  // Not every agent tells the output of a command; its model hears it.
  await fleet.says(agent, 'assistant', 'runner-42');
  const { seq } = await fleet.post(`/agents/${agent}/inject`, { message: 'hello from far away', delivery: 'queue' });
  const receipt = await fleet.receipt(agent, seq);
  if (receipt !== 'consumed') throw new Error(`the message is ${receipt}`);
  await fleet.says(agent, 'assistant', 'hello from far away');
  const { placement } = await fleet.status(agent);
  await fleet.post(`/agents/${agent}/kill?wait=30s`);
  if (placement?.runner !== 'far') throw new Error(`it is at ${JSON.stringify(placement)}`);
  return { seen: 'yes', note: 'a call with permission, and a message into the next turn' };
}

async function credential(fleet, begin, folder) {
  const agent = await begin('run touch made; echo "key=$FAR_TOKEN."');
  await allowing(fleet, agent);
  await fleet.says(agent, 'tool', 'key=');
  const told = JSON.stringify(await fleet.messages(agent));
  await fleet.post(`/agents/${agent}/kill?wait=30s`);
  if (!told.includes('key=[credential FAR_TOKEN].')) throw new Error(`it was not told its credential: ${told}`);
  if (told.includes(TOKEN)) throw new Error('the transcript has it');
  for (const file of await readdir(join(folder, 'runner'), { recursive: true, withFileTypes: true })) {
    const path = join(file.parentPath ?? file.path, file.name);
    // The states of its folder go while this looks.
    const text = file.isFile() ? await readFile(path).catch(() => '') : '';
    if (text.includes(TOKEN)) throw new Error(`${path} has it`);
  }
  return { seen: 'yes', note: 'it is replaced by its name' };
}

/** Which files it changed is told by the runner: the server sees none of them. */
async function changed(server, fleet, begin, work) {
  execFileSync('git', ['init', '-q'], { cwd: work });
  const agent = await begin('run touch far-away');
  await allowing(fleet, agent);
  const tells = async () => {
    const { files } = await server.get(`/agents/${agent}/changes?turn=1`).catch(() => ({ files: [] }));
    return files.some(({ path, status }) => path.endsWith('far-away') && status === 'added');
  };
  for (let tries = 0; !(await tells()); tries += 1) {
    if (tries === 100) throw new Error(JSON.stringify(await server.get(`/agents/${agent}/changes`)));
    await sleep(200);
  }
  await fleet.post(`/agents/${agent}/kill?wait=30s`);
  return { seen: 'yes', note: 'a new file, told at the end of its turn' };
}

async function cancelled(fleet, begin) {
  const agent = await begin('slowly count');
  await fleet.becomes(agent, 'running');
  await sleep(2_000);
  await fleet.post(`/agents/${agent}/interrupt?wait=25s`);
  await fleet.becomes(agent, 'idle');
  const { statusReason } = await fleet.status(agent);
  await fleet.post(`/agents/${agent}/kill?wait=30s`);
  return { seen: statusReason === 'cancelled' ? 'yes' : 'no', note: `the turn ended: ${statusReason}` };
}

/** The model talks for twenty seconds; the server is gone for two of them. */
async function restarted(server, fleet, begin) {
  const agent = await begin('slowly count');
  await fleet.becomes(agent, 'running');
  await sleep(1_000);
  await server.kill();
  await sleep(2_000);
  await server.revive();
  await fleet.becomes(agent, 'idle');
  const said = await fleet.says(agent, 'assistant', 'word0 ');
  const words = said.content.trim().split(/\s+/);
  const whole = words.every((word, at) => word === `word${at}`) && words.length > 100;
  await fleet.post(`/agents/${agent}/kill?wait=30s`);
  return { seen: whole ? 'yes' : 'no', note: `${words.length} words, ${whole ? 'each once and in order' : said.content}` };
}

async function killed(fleet, begin) {
  const agent = await begin('run touch made; tail -f /dev/null');
  const asked = await fleet.until(agent, 'it asks', () => fleet.asked(agent));
  await fleet.decide(asked, 'allow_once');
  const runs = async () => (await processes(agent)).some((line) => line.endsWith('tail -f /dev/null'));
  await fleet.until(agent, 'its command runs', runs);
  await fleet.post(`/agents/${agent}/kill?wait=30s`, { reason: 'seen enough' });
  const { status } = await fleet.status(agent);
  const left = await processes(agent);
  if (status !== 'killed' || left.length > 0) throw new Error(`it is ${status}; still there: ${left.join('; ')}`);
  return { seen: 'yes', note: 'the agent and its command' };
}

/** Allows whatever is asked until the turn has ended. */
export async function allowing(fleet, agent) {
  await fleet.until(agent, 'its turn ends', async () => {
    const asked = await fleet.asked(agent);
    if (asked) await fleet.decide(asked, 'allow_once');
    return (await fleet.status(agent)).status === 'idle';
  });
}
