// The checks of Claude Code by hooks.

import { exists, Fleet } from '../../support/fleet.mjs';
import { charged, compare } from '../../support/ledger.mjs';
import { Server } from '../../support/server.mjs';
import { ClaudeCode } from './claude-code.mjs';
import { control } from './control.mjs';
import { held } from './held.mjs';
import { Kit, must } from './kit.mjs';

export async function checkHooks({ bin, folder, model, check, times }) {
  const server = await Server.start();
  const claude = await ClaudeCode.connect({ bin, folder, server, model });
  const kit = new Kit({ claude, fleet: new Fleet(server), model, times });
  try {
    await check('prompt', () => prompt(kit));
    await check('resume an earlier session', () => resume(kit));
    await tool(kit, check);
    await check('rejected call is closed', () => rejected(kit));
    await check('sub-agent in the tree', () => subAgent(kit));
    await held(kit, check);
    await control(kit, check);
  } finally {
    claude.stop();
    await server.stop();
  }
}

async function prompt(kit) {
  const { id, ended } = kit.claude.ask('hello');
  const { code, output } = await ended;
  must(code === 0, `it ended with ${code}: ${output}`);
  const agent = await kit.session(id);
  const { status, statusReason } = await kit.fleet.status(agent);
  const transcript = await kit.transcript(agent);
  must(transcript.includes('prompt: hello'), `the prompt is not in the transcript: ${transcript}`);
  must(transcript.includes('answer: You asked: hello'), `the answer is not in the transcript: ${transcript}`);
  must(status === 'completed', `it has ended, and its session is ${status}`);
  return { seen: 'yes', note: `completed (${statusReason})` };
}

async function resume(kit) {
  const first = kit.claude.ask('hello');
  await first.ended;
  const before = await kit.session(first.id);
  await kit.claude.ask('hello again', { resume: first.id }).ended;
  const again = await kit.session(first.id, [before]);
  await kit.fleet.says(again, 'assistant', 'You asked: hello again');
  return { seen: 'yes', note: 'a new session in the tree with the same providerSessionId' };
}

/** One call that has to be permitted, which several checks look at. */
async function tool(kit, check) {
  const tag = 'tokens-claude-code';
  const since = kit.model.ledger.length;
  let agent;
  await check('tool and permission', async () => {
    const file = kit.file();
    const begun = await kit.begin(`run touch ${file}; printf 'conformance-%d\\n' 42 #${tag}`);
    agent = begun.agent;
    begun.open();
    const asked = await kit.fleet.until(agent, 'it asks', () => kit.fleet.asked(agent));
    must(!(await exists(file)), 'it ran before it was permitted');
    await kit.fleet.decide(asked, 'allow_once');
    await begun.ended;
    must(await exists(file), `it was permitted, and did not run: ${await kit.transcript(agent)}`);
    return { seen: 'yes', note: 'asked once, and went on when it was allowed' };
  });
  await check('command output in the transcript', async () => {
    const results = (await kit.results(agent)).map(({ content }) => content);
    must(results.some((text) => text.includes('conformance-42')), `it is not there, but: ${results.join('; ')}`);
    return { seen: 'yes', note: 'conformance-42' };
  });
  await check('tokens counted', async () => {
    const { totalTokens } = await kit.fleet.usage(agent);
    must(totalTokens > 0, 'no tokens were counted in a turn with a tool call');
    return { seen: 'yes', note: `${totalTokens} tokens` };
  });
  await check('tokens as the model reported them', async () => compare(await kit.fleet.usage(agent), charged(kit.model.ledger, tag, since)));
}

async function rejected(kit) {
  const file = kit.file();
  const { agent, ended } = await kit.held('permission', file);
  await kit.fleet.decide(await kit.fleet.asked(agent), 'reject_once');
  await ended;
  must(!(await exists(file)), 'it ran, although it was rejected');
  const results = await kit.results(agent);
  must(results.length > 0, `the call that was rejected has no end: ${await kit.transcript(agent)}`);
  return { seen: 'yes', note: results.at(-1).content };
}

async function subAgent(kit) {
  const { agent, ended, open } = await kit.begin('delegate run touch made; echo out-of-the-child', { allowed: true });
  open();
  const child = await kit.child(agent);
  await ended;
  const results = (await kit.results(child)).map(({ content }) => content);
  must(results.some((text) => text.includes('out-of-the-child')), `its call is not in its transcript, but: ${await kit.transcript(child)}`);
  const inParent = await kit.transcript(agent);
  must(!inParent.includes('echo out-of-the-child'), `its call is in the transcript of its parent: ${inParent}`);
  return { seen: 'yes', note: `with its calls, ${(await kit.fleet.status(child)).status}` };
}
