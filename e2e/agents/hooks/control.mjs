// What reaches Claude Code in the middle of a turn.

import { exists } from '../../support/fleet.mjs';
import { must } from './kit.mjs';

export async function control(kit, check) {
  await check('pause and resume', () => pause(kit));
  await check('inject queue while busy', () => inject(kit, 'queue'));
  await check('inject steer while busy', () => inject(kit, 'steer'));
  await check('inject interrupt while busy', () => interrupt(kit));
  await check('cancel', () => cancel(kit));
  await check('kill while busy', () => kill(kit));
}

async function pause(kit) {
  const file = kit.file();
  const { agent, ended } = await kit.held('pause', file);
  must(!(await exists(file)), 'it ran while it was paused');
  await kit.fleet.post(`/agents/${agent}/resume`);
  await ended;
  must(await exists(file), `it was resumed, and did not run: ${await kit.transcript(agent)}`);
  return { seen: 'yes', note: 'the call that was held ran when it was resumed' };
}

/** A message that is there before the next tool call comes with it, as context. */
async function inject(kit, delivery) {
  const file = kit.file();
  const message = `the word is ${file.slice(-12)}`;
  const { agent, ended, open } = await kit.begin(`run touch ${file}`, { allowed: true });
  const { seq } = await kit.fleet.post(`/agents/${agent}/inject`, { message, delivery });
  open();
  const state = await kit.fleet.receipt(agent, seq);
  await ended;
  must(state === 'consumed', `it is ${state}`);
  must(kit.model.heard(message), 'it is consumed, and the model has not heard it');
  return { seen: 'yes', note: 'consumed, and the model has heard it' };
}

/** A message that interrupts has the next call denied, with the message as the reason. */
async function interrupt(kit) {
  const file = kit.file();
  const message = `stop at ${file.slice(-12)}`;
  const { agent, ended, open } = await kit.begin(`run touch ${file}`, { allowed: true });
  const { seq } = await kit.fleet.post(`/agents/${agent}/inject`, { message, delivery: 'interrupt' });
  open();
  const state = await kit.fleet.receipt(agent, seq);
  await ended;
  must(!(await exists(file)), `the call ran all the same: ${await kit.transcript(agent)}`);
  must(state === 'consumed', `it is ${state}`);
  must(kit.model.heard(message), 'it is consumed, and the model has not heard it');
  return { seen: 'yes', note: 'the next call was denied with it as the reason' };
}

async function cancel(kit) {
  const file = kit.file();
  const { agent, ended, open } = await kit.begin(`run touch ${file}`, { allowed: true });
  await kit.fleet.post(`/agents/${agent}/interrupt`);
  open();
  const { output } = await ended;
  must(!(await exists(file)), `the next call ran all the same: ${await kit.transcript(agent)}`);
  must(!output.includes('The tool said'), `the turn went on: ${output}`);
  return { seen: 'yes', note: 'at the next call, which does not run' };
}

/** A call that was let through runs on: `killed` is said when it has ended, and nothing comes after it. */
async function kill(kit) {
  const [started, finished] = [kit.file(), kit.file()];
  const { agent, ended, open } = await kit.begin(`run touch ${started}; sleep 2; touch ${finished}`, { allowed: true });
  open();
  await kit.seen('the command has begun', () => exists(started));
  await kit.fleet.post(`/agents/${agent}/kill`, { reason: 'seen enough' });
  await kit.seen('it is killed', async () => {
    const { status } = await kit.fleet.status(agent);
    return status === 'killed' || status === 'completed';
  });
  const ran = await exists(finished);
  const { output } = await ended;
  const { status } = await kit.fleet.status(agent);
  must(status === 'killed', `it is ${status}`);
  must(ran, 'it was said to be killed while the call that was let through still ran');
  must(!output.includes('The tool said'), `the turn went on: ${output}`);
  return { seen: 'yes', note: 'after the call that ran' };
}
