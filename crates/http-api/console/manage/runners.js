// Runners: the programs on other machines that start agents, and the agents that wait for one.

import { call, get, post } from '../kit/api.js';
import { byId, button, h } from '../kit/dom.js';
import { confirmDialog } from '../kit/fields.js';
import { brief, count, plain, span } from '../kit/text.js';
import { toast } from '../kit/toast.js';
import { fill, reader, ways } from './section.js';

const LOOK = 3_000;
/** Clocks that differ by so many milliseconds are told. */
const DIFFER = 2_000;

/**
 * @typedef {import('../types').Runner} Runner
 * @typedef {import('../types').WaitingAgent} WaitingAgent
 */

/** @param {number} ahead */
function clockOf(ahead) {
  if (Math.abs(ahead) <= DIFFER) return 'same';
  return `${span(Math.abs(ahead))} ${ahead > 0 ? 'ahead' : 'behind'}`;
}

/** @param {Runner} runner @param {HTMLElement | null} deeds */
function row(runner, deeds) {
  const seen = Math.max(0, Date.now() - Date.parse(runner.lastSeenAt));
  return h(
    'tr',
    { class: runner.state === 'gone' ? 'refused' : '', 'data-key': runner.name },
    h('td', {}, h('strong', {}, plain(runner.name))),
    h('td', {}, runner.state),
    h('td', { class: 'number' }, `${count(runner.load)} of ${count(runner.capacity)}`),
    h('td', {}, plain(runner.offers.join(', '))),
    h('td', { class: 'grow' }, plain(runner.labels.join(', '))),
    h('td', { title: runner.lastSeenAt }, `${span(seen)} ago`),
    h('td', {}, plain(runner.version)),
    h('td', {}, clockOf(runner.clockAheadMs)),
    h('td', {}, deeds),
  );
}

/**
 * What an admin can do about a runner.
 *
 * @param {Runner} runner
 * @param {() => void} done
 */
function deedsOf(runner, done) {
  const path = `/runners/${encodeURIComponent(runner.name)}`;
  const name = plain(runner.name);
  const drain = () => confirmDialog({ title: `Drain ${name}`, verb: 'Drain', means: 'It takes no more agents. Those at work go on to their end.', danger: false }, async (why, once) => {
    await post(`${path}/drain`, why, once);
    done();
  });
  const undrain = () => confirmDialog({ title: `Let ${name} take agents again`, verb: 'Let it', means: 'It takes agents that wait for it.', danger: false }, async (why, once) => {
    await post(`${path}/undrain`, why, once);
    done();
  });
  const remove = () => confirmDialog({ title: `Remove ${name}`, verb: 'Remove', means: 'It is forgotten. Its agents count as lost.' }, async (why) => {
    await call('DELETE', path, { body: why });
    toast(`${name} is removed.`);
    done();
  });
  const turn = runner.state === 'draining' ? button({ label: 'Undrain', class: 'link' }, undrain) : runner.state === 'active' ? button({ label: 'Drain', class: 'link' }, drain) : null;
  // One that is there may have agents: it is drained and stopped first.
  return h('div', { class: 'deeds' }, turn, ['active', 'draining'].includes(runner.state) ? null : button({ label: 'Remove', class: 'link' }, remove));
}

/**
 * @param {import('../fleet/fleet.js').Fleet} fleet
 * @param {(id: string) => void} open
 * @param {import('./section.js').Ways} to
 * @param {{ admin: boolean }} about
 */
export function runnersView(fleet, open, to, { admin }) {
  byId('runners-head').after(ways('runners', to));

  /** @param {WaitingAgent} agent */
  function waitingRow(agent) {
    const node = fleet.nodes.get(agent.agentId);
    const name = node ? `${plain(node.agentType)} · ${plain(node.taskId)}` : brief(agent.agentId);
    return h(
      'tr',
      {},
      h('td', {}, button({ label: name, class: 'link' }, () => open(agent.agentId))),
      h('td', {}, plain(agent.configuration)),
      h('td', {}, span(Math.max(0, Date.now() - Date.parse(agent.since)))),
      h('td', { class: 'grow' }, plain(agent.reason)),
    );
  }

  async function read() {
    /** @type {[{ runners: Runner[] }, { waiting: WaitingAgent[] }]} */
    const [{ runners }, { waiting }] = await Promise.all([get('/runners'), get('/waiting-agents')]);
    fill(byId('runners-list'), runners.map((runner) => row(runner, admin ? deedsOf(runner, again) : null)));
    fill(byId('runners-waiting'), waiting.map(waitingRow));
    byId('runners-none').hidden = runners.length > 0;
    byId('runners-waiting-box').hidden = waiting.length === 0;
  }

  const { show, again } = reader(read, LOOK);
  return { show };
}
