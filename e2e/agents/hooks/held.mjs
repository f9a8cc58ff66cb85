// A call that waits at a hook, by a pause or for a permission, while its session is stopped: it never runs.

import { exists } from '../../support/fleet.mjs';
import { must } from './kit.mjs';

export async function held(kit, check) {
  await check('held call, interrupted: no trace', () => stopped(kit, 'interrupt'));
  await check('held call, killed: no trace', () => stopped(kit, 'kill'));
  await check('held call of a sub-agent, killed with its parent: no trace', () => child(kit));
}

async function stopped(kit, how) {
  const seen = [];
  const wrong = [];
  for (const by of ['pause', 'permission request']) {
    let longest = 0;
    for (let n = 0; n < kit.times; n += 1) {
      const begun = await kit.held(by, kit.file());
      const asked = Date.now();
      const problem = await ended(kit, how, begun);
      longest = Math.max(longest, Date.now() - asked);
      if (problem) wrong.push(`held by a ${by}, ${problem} (${await kit.transcript(begun.agent)})`);
    }
    seen.push(`held by a ${by}, ended after ${(longest / 1000).toFixed(1)} s`);
  }
  must(wrong.length === 0, `${wrong.length} of ${2 * kit.times}: ${wrong[0]}`);
  return { seen: 'yes', note: `${seen.join('; ')}${kit.times > 1 ? ` at most, ${kit.times} times each` : ''}` };
}

/** Stops a session whose call is held; gives back what is wrong with what came of it. */
async function ended(kit, how, { agent, file, ended: end }) {
  await kit.fleet.post(`/agents/${agent}/${how}`, { reason: 'seen enough' });
  const { output } = await end;
  const { status, statusReason } = await kit.fleet.status(agent);
  if (await exists(file)) return 'the call ran all the same';
  if (output.includes('The tool said')) return `the turn went on: ${output.slice(0, 80)}`;
  if (how === 'kill' && status !== 'killed') return `it is ${status}: ${statusReason}`;
  return undefined;
}

async function child(kit) {
  const file = kit.file();
  // The sub-agent's own answer is the one that is held.
  const gate = `child-${file.slice(-8)}`;
  const { agent, ended, open } = await kit.begin(`delegate when ${gate}, run touch ${file}`, { allowed: true });
  open();
  const below = await kit.child(agent);
  await kit.fleet.post(`/agents/${agent}/pause?scope=subtree`);
  kit.model.open(gate);
  await kit.fleet.becomes(below, 'paused');
  await kit.fleet.post(`/agents/${agent}/kill?scope=subtree`, { reason: 'seen enough' });
  await ended;
  must(!(await exists(file)), `the call ran all the same: ${await kit.transcript(below)}`);
  const { status } = await kit.fleet.status(below);
  must(status === 'killed', `it is ${status}`);
  return { seen: 'yes', note: 'paused, held and killed with the subtree' };
}
