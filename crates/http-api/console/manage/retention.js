// The rules of retention: after how many days what has ended goes to the archive, and what would go now.

import { call, get, post, told } from '../kit/api.js';
import { button, h, say } from '../kit/dom.js';
import { amount, area, field, formDialog, given, number, reasonField } from '../kit/fields.js';
import { personOf } from '../kit/people.js';
import { clock, count, counted, plain } from '../kit/text.js';
import { toast } from '../kit/toast.js';
import { fill, reader, section } from './section.js';

/**
 * @typedef {import('../types').Retention} Retention
 * @typedef {import('../types').RetentionPlan} Plan
 * @typedef {{ sessionDays: number | null, missions: Record<string, number | null>, feedDays: number | null }} Rules
 */

/** @param {number | null | undefined} days */
const after = (days) => (typeof days === 'number' ? `after ${counted(days, 'day')}` : 'kept for ever');

/** The rules of missions as they are written: one a line. @param {Rules['missions']} missions */
const written = (missions) => Object.entries(missions).map(([name, days]) => `${name} = ${days ?? 'for ever'}`).join('\n');

/** The rules of missions that were written. Throws with the line at fault. @param {string} text */
function readMissions(text) {
  /** @type {Rules['missions']} */
  const missions = {};
  for (const line of text.split('\n').map((one) => one.trim()).filter(Boolean)) {
    const [, name = '', days = ''] = /^(.*\S)\s*=\s*(\d+|for ?ever)$/i.exec(line) ?? [];
    if (!name) throw new Error(`“${line}” is not a mission with its days, such as: apollo = 30, or: apollo = for ever`);
    missions[name] = /^\d/.test(days) ? Number(days) : null;
  }
  return missions;
}

/** What would go, in words. @param {Plan} plan */
function planned({ missions, sessions, messages, complete, archive }) {
  const all = missions.map(({ missionId, sessions: some }) => `${missionId === null ? 'no mission' : plain(missionId)}: ${count(some)}`).slice(0, 20);
  const sum = sessions ? `${complete ? '' : 'At least '}${counted(sessions, 'conversation')} with ${counted(messages, 'message')} would go now (${all.join(', ')}${missions.length > all.length ? ', …' : ''}).` : `No conversation would go now${complete ? '' : ', as far as the 10,000 sessions tell that ended first'}.`;
  return archive ? sum : `${sum} There is no archive, so nothing goes: the setting archive_url says where it is.`;
}

/** @param {Retention} now @param {() => void} done */
function changeDialog(now, done) {
  const sessions = number({ min: 1, max: 36_500, step: 1, placeholder: 'for ever', value: now.sessionDays });
  const missions = area(written(now.missions), { rows: 3, placeholder: 'apollo = 30\npayroll = for ever' });
  const feed = number({ min: 1, max: 36_500, step: 1, placeholder: 'for ever', value: now.feedDays });
  const reason = reasonField();
  const outcome = h('p', { role: 'status' });
  const rules = () => ({ sessionDays: amount(sessions) ?? null, missions: readMissions(missions.value), feedDays: amount(feed) ?? null });
  const look = button({ label: 'What would go now?' }, () => {
    say(outcome, 'Looking…');
    Promise.resolve()
      .then(() => post('/retention/plan', rules()))
      .then((/** @type {Plan} */ plan) => say(outcome, planned(plan)))
      .catch((error) => say(outcome, told(error)));
  });
  const means = 'Conversations of ended sessions go to the archive and are read from there, more slowly. Entries of the fleet feed are removed. The audit log is never cut. The server follows the rules at its next look.';
  const dialog = formDialog({ title: 'Change the rules of retention', verb: 'Change', means }, [
    field('Conversations, days after the end', sessions),
    field('Missions with a rule of their own, one a line', missions),
    field('Entries of the fleet feed, days', feed),
    field('Reason', reason),
    h('div', {}, look, outcome),
  ], async () => {
    await call('PUT', '/retention', { body: { ...rules(), ...(given(reason) ? { reason: given(reason) } : {}) }, match: now.revision });
    toast('The rules of retention are changed.');
    done();
  });
  dialog.addEventListener('input', () => say(outcome, ''));
}

/**
 * @param {import('./section.js').Ways} to
 * @param {{ admin: boolean }} about
 */
export function retentionView(to, { admin }) {
  /** @type {Retention | null} */
  let now = null;
  const add = admin ? { label: 'Change the rules', act: () => now && changeDialog(now, () => again()) } : null;
  const { view, body } = section({ name: 'retention', title: 'Retention', about: 'When what has ended goes to the archive.', heads: ['What', 'Goes', 'Would go now', 'Messages'], none: '', add }, to);
  const state = h('p', { class: 'quiet-text', role: 'status' });
  view.append(state);
  const read = async () => {
    /** @type {Retention} */
    const rules = await get('/retention');
    now = rules;
    const { sessionDays, missions, feedDays } = rules;
    /** @type {Plan} */
    const plan = await post('/retention/plan', { sessionDays, missions, feedDays });
    const of = new Map(plan.missions.map((one) => [one.missionId, one]));
    /** @param {string} key @param {string} what @param {number | null} days @param {{ sessions: number, messages: number } | null} due */
    const row = (key, what, days, due) => h('tr', { 'data-key': key }, h('td', { class: 'grow' }, what), h('td', {}, after(days)), h('td', { class: 'number' }, due ? count(due.sessions) : '–'), h('td', { class: 'number' }, due ? count(due.messages) : '–'));
    const own = Object.entries(missions);
    const others = plan.missions.filter(({ missionId }) => missionId === null || !(missionId in missions));
    const sum = (/** @type {'sessions' | 'messages'} */ what) => others.reduce((all, one) => all + one[what], 0);
    fill(body, [
      row('others', own.length ? 'Conversations of all other sessions' : 'Conversations of ended sessions', sessionDays, { sessions: sum('sessions'), messages: sum('messages') }),
      ...own.map(([mission, days]) => row(`mission ${mission}`, `Conversations of mission ${plain(mission)}`, days, of.get(mission) ?? { sessions: 0, messages: 0 })),
      row('feed', 'Entries of the fleet feed', feedDays, null),
    ]);
    const who = rules.changedAt ? `Changed at ${clock(rules.changedAt)} by ${personOf(rules.changedBy ?? '', rules.changedByName)}.` : 'Never changed.';
    say(state, `${planned(plan)} ${who}`);
  };
  const { show, again } = reader(read, 30_000);
  return { show };
}
