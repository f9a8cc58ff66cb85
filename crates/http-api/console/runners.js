// Runners: the programs on other machines that start agents, and the agents that wait for one.

import { get } from './api.js';
import { byId, button, h, put } from './dom.js';
import { brief, count, plain, span } from './text.js';
import { complain } from './toast.js';

const LOOK = 3_000;
/** Clocks that differ by so many milliseconds are told. */
const DIFFER = 2_000;

/**
 * @typedef {import('./types').Runner} Runner
 * @typedef {import('./types').WaitingAgent} WaitingAgent
 */

/** @param {number} ahead */
function clockOf(ahead) {
  if (Math.abs(ahead) <= DIFFER) return 'same';
  return `${span(Math.abs(ahead))} ${ahead > 0 ? 'ahead' : 'behind'}`;
}

/** @param {Runner} runner */
function row(runner) {
  const seen = Math.max(0, Date.now() - Date.parse(runner.lastSeenAt));
  return h(
    'tr',
    { class: runner.state === 'gone' ? 'refused' : '' },
    h('td', {}, h('strong', {}, plain(runner.name))),
    h('td', {}, runner.state),
    h('td', { class: 'number' }, `${count(runner.load)} of ${count(runner.capacity)}`),
    h('td', {}, plain(runner.offers.join(', '))),
    h('td', { class: 'grow' }, plain(runner.labels.join(', '))),
    h('td', { title: runner.lastSeenAt }, `${span(seen)} ago`),
    h('td', {}, plain(runner.version)),
    h('td', {}, clockOf(runner.clockAheadMs)),
  );
}

/**
 * @param {import('./fleet.js').Fleet} fleet
 * @param {(id: string) => void} open
 */
export function runnersView(fleet, open) {
  let shown = false;

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
    byId('runners-list').replaceChildren();
    byId('runners-waiting').replaceChildren();
    for (const runner of runners) put(byId('runners-list'), row(runner));
    for (const agent of waiting) put(byId('runners-waiting'), waitingRow(agent));
    byId('runners-none').hidden = runners.length > 0;
    byId('runners-waiting-box').hidden = waiting.length === 0;
  }

  const again = () => {
    if (!shown) return;
    void read().catch(complain).finally(() => setTimeout(again, LOOK));
  };
  return {
    /** @param {boolean} visible */
    show(visible) {
      const begins = visible && !shown;
      shown = visible;
      if (begins) again();
    },
  };
}
