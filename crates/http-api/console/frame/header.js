// How the fleet is, at a glance.

import { byId, h, put, say } from '../kit/dom.js';
import { Sparkline } from '../kit/charts.js';
import { followSpend } from '../fleet/costs.js';
import { isOver, STATUSES } from '../kit/status.js';
import { clock, count, money } from '../kit/text.js';

/** A rate is the mean of so many seconds. */
const SMOOTH = 3;

/**
 * @param {string} label
 * @param {string} hint
 */
function figure(label, hint) {
  const value = h('span', { class: 'figure-value' }, '–');
  const line = new Sparkline();
  const element = h('div', { class: 'figure', title: hint }, h('span', { class: 'figure-label' }, label), value, line.element);
  return { element, line, value };
}

/** @param {import('../fleet/fleet.js').Fleet} fleet */
export function header(fleet) {
  const live = figure('At work', 'Sessions that have not ended');
  const rate = figure('Messages/s', 'Over the whole fleet');
  const spend = figure('Spend', 'What all agents have cost together, as far as they tell');
  const followers = figure('Followers', 'Open streams of this server, this page included');
  const shares = h('div', { class: 'shares', role: 'img' });
  put(byId('figures'), live.element, rate.element, followers.element, spend.element, shares);
  /** @type {Map<string, HTMLElement>} */
  const parts = new Map();
  for (const status of STATUSES) {
    const part = h('span', { class: 'share', 'data-status': status });
    parts.set(status, part);
    put(shares, part);
  }
  /** @type {number[]} */
  const heard = [];
  let streams = 0;
  /** @type {number | null} */
  let spent = null;
  followSpend((dollars) => (spent = dollars));
  const liveness = byId('liveness');
  const banner = byId('kill-switch');

  const showLive = () => {
    liveness.className = `liveness ${fleet.feed.live ? 'good' : 'bad'}`;
    say(liveness, fleet.feed.live ? 'Live' : `Not live since ${clock(new Date(fleet.feed.since).toISOString())}`);
  };
  fleet.on('live', showLive);
  fleet.on('facts', (facts) => {
    streams = facts.openStreams;
    banner.hidden = !facts.killSwitchEngaged;
  });
  fleet.on('event', (event) => {
    if (event.type === 'killswitch') banner.hidden = event.engaged !== true;
  });

  return () => {
    heard.push(fleet.heard);
    if (heard.length > SMOOTH + 1) heard.shift();
    const perSecond = (fleet.heard - (heard[0] ?? 0)) / Math.max(1, heard.length - 1);
    const all = STATUSES.filter((status) => !isOver(status)).reduce((sum, status) => sum + (fleet.counts[status] ?? 0), 0);
    say(live.value, count(all));
    live.line.push(all);
    say(rate.value, perSecond < 10 ? perSecond.toFixed(1) : count(Math.round(perSecond)));
    rate.line.push(perSecond);
    say(followers.value, count(streams));
    followers.line.push(streams);
    say(spend.value, money(spent));
    spend.line.push(spent ?? 0);
    shares.setAttribute('aria-label', STATUSES.map((status) => `${fleet.counts[status]} ${status}`).join(', '));
    for (const [status, part] of parts) part.style.flexGrow = String(fleet.counts[status] ?? 0);
    showLive();
  };
}
