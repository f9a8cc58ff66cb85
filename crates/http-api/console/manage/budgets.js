// Missions with what they used and may use.

import { get } from '../kit/api.js';
import { button, h } from '../kit/dom.js';
import { count, money, plain } from '../kit/text.js';
import { budgetDialog, missionPath } from './budget.js';
import { fill, reader, section } from './section.js';

const PAGE = 200;

/** @typedef {import('../types').Mission} Mission */

/** @param {Mission} mission */
function used({ budget, usage }) {
  if (!budget) return h('td', { class: 'quiet-text' }, 'none');
  const shares = [budget.maxCostUsd ? usage.costUsd / budget.maxCostUsd : 0, budget.maxTokens ? usage.totalTokens / budget.maxTokens : 0];
  const share = Math.min(1, Math.max(...shares));
  const words = [budget.maxCostUsd === undefined ? '' : money(budget.maxCostUsd), budget.maxTokens === undefined ? '' : `${count(budget.maxTokens)} tokens`].filter(Boolean).join(', ');
  return h('td', {}, words, budget.exhaustedAt ? h('span', { class: 'fault' }, ' used up') : '', h('progress', { max: 1, value: share, class: share >= 1 ? 'full' : '', 'aria-label': `${Math.round(100 * share)} % used` }));
}

/**
 * @param {import('./section.js').Ways} to
 * @param {{ mayControl: boolean, filter: (mission: string) => void, usage: (mission: string) => void }} about
 */
export function budgetsView(to, { mayControl, filter, usage }) {
  const { body, none } = section({ name: 'budgets', title: 'Budgets', about: 'What missions used and may use. The budget of one agent is set from its conversation or the palette.', heads: ['Mission', 'Sessions', 'Cost', 'Tokens', 'Budget', ''], none: 'No session belongs to a mission.' }, to);
  const read = async () => {
    /** @type {{ missions: Mission[] }} */
    const { missions } = await get(`/missions?limit=${PAGE}`);
    fill(body, missions.map((mission) => h(
      'tr',
      { 'data-key': mission.missionId },
      h('td', { class: 'grow' }, button({ label: plain(mission.missionId), class: 'link', hint: 'Its sessions' }, () => filter(mission.missionId))),
      h('td', { class: 'number' }, count(mission.sessions.total)),
      h('td', { class: 'number' }, button({ label: mission.usage.pricedReports ? money(mission.usage.costUsd) : '–', class: 'link', hint: 'By day, model and agent' }, () => usage(mission.missionId))),
      h('td', { class: 'number' }, count(mission.usage.totalTokens)),
      used(mission),
      h('td', {}, mayControl ? button({ label: mission.budget ? 'Change' : 'Set', class: 'link' }, () => budgetDialog({ path: missionPath(mission.missionId), name: plain(mission.missionId), budget: mission.budget }, again)) : null),
    )));
    none.hidden = missions.length > 0;
  };
  const { show, again } = reader(read);
  return { show };
}
