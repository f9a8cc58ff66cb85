// What agents used over time, by model, mission and agent; and how long requests waited.

import { get } from '../kit/api.js';
import { button, byId, h, say } from '../kit/dom.js';
import { field, select } from '../kit/fields.js';
import { brief, count, counted, money, nameOf, plain, short } from '../kit/text.js';
import { complain } from '../kit/toast.js';
import { reader } from '../manage/section.js';
import { part } from './part.js';
import { bucketsOf, DAY, dayOf, daysOf, grouped, keyOf, ranked } from './series.js';
import { byDay, closedSince, quantile, together, waited } from './waits.js';

const LOOK = 30_000;
const MOST_DAYS = 400;
const SPANS = [7, 30, 90, 365];
/** @type {[import('./series.js').By, string][]} */
const BYS = [['model', 'model'], ['mission', 'mission'], ['agent', 'agent']];

/**
 * @typedef {import('./series.js').Line} Line
 * @typedef {{ lines: Line[], truncated: boolean }} Breakdown
 * @typedef {{ agent: string, mission: string, by: import('./series.js').By, show: import('./series.js').Measure, days: number, from: string, to: string }} Asked
 *   `days` up to today, or 0 for `from` to `to`
 */

/** The days of a range that is asked for. @param {Asked} asked */
function rangeOf({ days, from, to }) {
  const today = dayOf(Date.now());
  return days ? { from: dayOf(Date.now() - (days - 1) * DAY), to: today } : { from, to };
}

/** What is asked for, as far as it makes sense. @param {URLSearchParams} params @returns {Asked} */
function askedOf(params) {
  const by = BYS.find(([value]) => value === params.get('by'))?.[0] ?? 'model';
  const day = (/** @type {string} */ name) => (/^\d{4}-\d\d-\d\d$/.test(params.get(name) ?? '') ? (params.get(name) ?? '') : '');
  const [from, to] = [day('from'), day('to')];
  const days = SPANS.find((one) => String(one) === params.get('days')) ?? (from && to ? 0 : 30);
  return { agent: params.get('agent') ?? '', mission: params.get('mission') ?? '', by, show: params.get('show') === 'tokens' ? 'tokens' : 'cost', days, from: days ? '' : from, to: days ? '' : to };
}

/** @param {Asked} asked @param {string} by */
function pathOf(asked, by) {
  const { from, to } = rangeOf(asked);
  const of = asked.agent ? `/agents/${encodeURIComponent(asked.agent)}/usage` : asked.mission ? `/missions/${encodeURIComponent(asked.mission)}` : '/fleet/usage';
  return `${of}?by=${by}&from=${from}&to=${to}`;
}

/**
 * @param {import('../fleet/fleet.js').Fleet} fleet
 * @param {{ missions: string[] | null, open: (session: string) => void, changed: () => void }} about `missions`: those that the key is
 *   bound to
 */
export function usageView(fleet, { missions, open, changed }) {
  const of = select([]);
  const by = select(BYS.map(([value, words]) => [value, words]));
  const show = select([['cost', 'cost'], ['tokens', 'tokens']]);
  const [from, to] = [h('input', { type: 'date', required: true }), h('input', { type: 'date', required: true })];
  const spans = h('div', { class: 'segments', role: 'group', 'aria-label': 'Days up to today' }, ...SPANS.map((days) => button({ label: days === 365 ? '1 year' : `${days} days` }, () => ask({ days, from: '', to: '' }))));
  const fault = h('p', { class: 'fault', role: 'alert' });
  const told = h('p', { class: 'quiet-text', role: 'status' });
  const used = part('Used');
  const rows = h('tbody', {});
  const totals = h('div', { class: 'table-box', tabindex: '0', 'aria-label': 'Used in all' }, h('table', { class: 'table' }, h('thead', {}, h('tr', {}, ...['', 'Cost', 'Tokens', 'In', 'Out', 'From a cache', 'Into a cache', 'Reports'].map((word) => h('th', { scope: 'col', class: word ? 'number' : null }, word || h('span', { class: 'unseen' }, 'Of'))))), rows));
  const decided = part('Requests decided');
  const waits = part('How long they waited');
  const waitsTold = h('p', { class: 'quiet-text', role: 'status' });
  const form = h('form', { class: 'usage-filter', onsubmit: (/** @type {Event} */ event) => event.preventDefault() }, field('Of', of), field('By', by), field('Show', show), spans, field('From', from), field('To', to));
  const view = h('main', { id: 'view-usage', class: 'view', hidden: true }, h('div', { class: 'view-head' }, h('h2', {}, 'Usage'), h('p', { class: 'quiet-text' }, 'What agents say that they used, by days in UTC.')), form, fault, told, used.element, totals, h('div', { class: 'view-head' }, h('h2', {}, 'Approvals'), waitsTold), decided.element, waits.element);
  byId('dock').before(view);
  let asked = askedOf(new URLSearchParams());
  /** Which reading is the newest. */
  let run = 0;

  /** @param {Partial<Asked>} more */
  function ask(more) {
    asked = { ...asked, ...more };
    draw();
    changed();
    again();
  }

  /** The names of what the lines are of. @param {string} key */
  function named(key) {
    if (asked.by === 'agent') {
      const node = fleet.nodes.get(key);
      return node ? `${nameOf(node)} (${brief(key)})` : brief(key);
    }
    return key ? plain(key) : asked.by === 'model' ? 'no model named' : 'no mission';
  }

  function draw() {
    const choices = /** @type {[string, string][]} */ (missions ? [] : [['', 'the whole fleet']]);
    for (const mission of new Set([...(missions ?? fleet.missions()), ...(asked.mission ? [asked.mission] : [])])) choices.push([`m:${mission}`, `mission ${plain(mission)}`]);
    if (asked.agent) choices.push([`a:${asked.agent}`, `${fleet.nodes.has(asked.agent) ? nameOf(/** @type {any} */ (fleet.nodes.get(asked.agent))) : brief(asked.agent)} and all below`]);
    const chosen = asked.agent ? `a:${asked.agent}` : asked.mission ? `m:${asked.mission}` : '';
    if ([...of.options].map(({ value }) => value).join('\n') !== choices.map(([value]) => value).join('\n')) of.replaceChildren(...choices.map(([value, words]) => h('option', { value }, words)));
    of.value = chosen;
    by.value = asked.by;
    show.value = asked.show;
    const range = rangeOf(asked);
    [from.value, to.value] = [range.from, range.to];
    SPANS.forEach((days, at) => spans.children[at]?.setAttribute('aria-pressed', String(days === asked.days)));
  }

  /** @param {Breakdown} lines @param {Breakdown} sums */
  function drawUsed(lines, sums) {
    const range = rangeOf(asked);
    const { keys, others } = ranked(sums.lines, asked.by, asked.show);
    const groups = grouped(daysOf(range.from, range.to), used.room);
    const names = [...keys.map(named), ...(others ? [counted(others, 'other')] : [])];
    const format = (/** @type {number} */ value) => (asked.show === 'cost' ? (value && value < 0.01 ? `$${value.toPrecision(1)}` : money(value)) : short(Math.round(value)));
    used.show({ label: `${asked.show === 'cost' ? 'Cost' : 'Tokens'} by ${asked.by}, ${range.from} to ${range.to}`, names, buckets: bucketsOf(lines.lines, groups, keys, asked.by, asked.show), format });
    const size = groups[0]?.length ?? 1;
    const all = (/** @type {(line: Line) => number} */ value) => sums.lines.reduce((total, line) => total + value(line), 0);
    const priced = all(({ pricedReports }) => pricedReports) < all(({ reports }) => reports) ? ' Some reports name no cost.' : '';
    say(told, sums.lines.length ? `${money(all(({ costUsd }) => costUsd))} and ${count(all(({ totalTokens }) => totalTokens))} tokens from ${range.from} to ${range.to}.${size > 1 ? ` A bar is ${size} days.` : ''}${priced}${lines.truncated || sums.truncated ? ' There is more than the server tells at once: choose fewer days.' : ''}` : `Nobody said that anything was used from ${range.from} to ${range.to}.`);
    const order = [...sums.lines].sort((one, other) => (asked.show === 'cost' ? other.costUsd - one.costUsd : other.totalTokens - one.totalTokens)).slice(0, 100);
    rows.replaceChildren(...order.map((line) => {
      const key = keyOf(line, asked.by);
      const name = asked.by === 'agent' ? button({ label: named(key), class: 'link' }, () => open(key)) : named(key);
      const cells = [line.pricedReports ? money(line.costUsd) : '–', ...[line.totalTokens, line.inputTokens, line.outputTokens, line.cacheReadTokens, line.cacheWriteTokens, line.reports].map(count)];
      return h('tr', {}, h('th', { scope: 'row' }, name), ...cells.map((cell) => h('td', { class: 'number' }, cell)));
    }));
  }

  /** @param {Awaited<ReturnType<typeof closedSince>>} closed */
  function drawWaits({ approvals, complete }) {
    const range = rangeOf(asked);
    const groups = grouped(daysOf(range.from, range.to), used.room);
    const days = new Map(byDay(approvals, groups.flat()).map((one) => [one.day, one]));
    const all = groups.map((group) => together(group.flatMap((day) => days.get(day) ?? [])));
    const whole = together(all);
    const number = (/** @type {number} */ value) => short(Math.round(value * 10) / 10);
    decided.show({ label: 'Requests by what became of them', names: ['allowed', 'rejected', 'nobody decided'], looks: ['allowed', 'rejected', 'others'], format: number, buckets: all.map(({ day, allowed, rejected, expired }) => ({ label: day, values: [allowed, rejected, expired] })) });
    waits.show({ label: 'How long requests waited for a decision', names: ['19 of 20 at most', 'half at most'], looks: ['slow', 'series-0'], format: waited, stacked: false, buckets: all.map(({ day, waits: some }) => ({ label: day, values: [quantile(some, 0.95) ?? 0, quantile(some, 0.5) ?? 0] })) });
    const scope = asked.mission ? ' Of all missions: requests are not told apart by mission.' : '';
    say(waitsTold, `${whole.waits.length ? `${counted(whole.waits.length, 'request was', 'requests were')} decided, half of them within ${waited(quantile(whole.waits, 0.5))}, 19 of 20 within ${waited(quantile(whole.waits, 0.95))}.` : 'No request was decided.'}${scope}${complete ? '' : ' These are the newest thousand alone.'}`);
  }

  async function read() {
    const mine = ++run;
    draw();
    const range = rangeOf(asked);
    const wrong = Date.parse(range.to) < Date.parse(range.from) ? 'The last day is before the first.' : daysOf(range.from, range.to).length > MOST_DAYS ? `At most ${MOST_DAYS} days at once.` : '';
    say(fault, wrong);
    if (wrong) return;
    /** @type {[{ breakdown: Breakdown }, { breakdown: Breakdown }, Awaited<ReturnType<typeof closedSince>>]} */
    const [lines, sums, closed] = await Promise.all([get(pathOf(asked, `day,${asked.by}`)), get(pathOf(asked, asked.by)), closedSince(range.from, asked.agent)]);
    if (mine !== run) return;
    drawUsed(lines.breakdown, sums.breakdown);
    drawWaits(closed);
  }

  of.addEventListener('change', () => ask({ mission: of.value.startsWith('m:') ? of.value.slice(2) : '', agent: of.value.startsWith('a:') ? of.value.slice(2) : '' }));
  by.addEventListener('change', () => ask({ by: /** @type {import('./series.js').By} */ (by.value) }));
  show.addEventListener('change', () => ask({ show: /** @type {import('./series.js').Measure} */ (show.value) }));
  for (const day of [from, to]) day.addEventListener('change', () => from.value && to.value && ask({ days: 0, from: from.value, to: to.value }));
  const { show: look, again } = reader(() => read().catch(complain), LOOK);
  return {
    params: () => ({ agent: asked.agent, mission: asked.mission, by: asked.by === 'model' ? '' : asked.by, show: asked.show === 'cost' ? '' : asked.show, days: asked.days && asked.days !== 30 ? String(asked.days) : '', from: asked.from, to: asked.to }),
    /** @param {boolean} visible @param {URLSearchParams | null} params */
    show(visible, params) {
      if (visible && params) asked = askedOf(params);
      if (missions?.length && !asked.mission && !asked.agent) asked.mission = missions[0] ?? '';
      if (visible) draw();
      look(visible);
    },
  };
}
