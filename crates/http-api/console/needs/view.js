// The board of what needs a person. It is empty when all is well.

import { button, byId, h, icon, put } from '../kit/dom.js';
import { brief, counted, nameOf, reveal, span } from '../kit/text.js';
import { KINDS } from './needs.js';

/**
 * @typedef {import('./needs.js').Need} Need
 * @typedef {import('./needs.js').Kind} Kind
 * @typedef {{
 *   mayControl: boolean,
 *   open: (session: string) => void,
 *   decide: (approval: string) => void,
 *   budget: (need: Need) => void,
 *   again: (session: string) => void,
 *   stop: (wish: import('../types').Wish, session: string) => void,
 * }} Deeds
 */

/** @type {Record<Kind, { title: string, icon: string }>} */
const GROUPS = {
  question: { title: 'Questions', icon: 'waiting' },
  approval: { title: 'Approvals', icon: 'waiting' },
  budget: { title: 'Over budget', icon: 'paused' },
  failed: { title: 'Failed', icon: 'failed' },
  lost: { title: 'Lost', icon: 'lost' },
  stuck: { title: 'Perhaps stuck', icon: 'clock' },
};

/**
 * @param {import('./needs.js').Needs} needs
 * @param {Deeds} deeds
 */
export function needsView(needs, deeds) {
  const box = byId('needs-groups');
  /** Whether it is shown, and what it showed last. */
  let shown = false;
  let drawn = '';

  /** @param {Need} need */
  function buttons(need) {
    const { mayControl } = deeds;
    const put = mayControl || need.kind === 'failed' ? button({ label: 'Put away', class: 'quiet', hint: 'Not shown again in this browser' }, () => needs.putAway([need])) : null;
    switch (need.kind) {
      case 'approval':
      case 'question':
        return [button({ label: need.kind === 'question' ? 'Answer' : 'Decide', class: 'primary' }, () => deeds.decide(need.approval))];
      case 'budget':
        return [mayControl && button({ label: 'Change the budget' }, () => deeds.budget(need)), need.session && mayControl && button({ label: 'Resume', icon: 'resume' }, () => deeds.stop('resume', need.session)), put];
      case 'failed':
        return [mayControl && button({ label: 'Start again', hint: 'Another one like it' }, () => deeds.again(need.session)), put];
      case 'lost':
        return [mayControl && button({ label: 'Kill', icon: 'kill', class: 'danger' }, () => deeds.stop('kill', need.session)), put];
      default:
        return [mayControl && button({ label: 'Interrupt', icon: 'interrupt' }, () => deeds.stop('interrupt', need.session)), mayControl && button({ label: 'Kill', icon: 'kill', class: 'danger' }, () => deeds.stop('kill', need.session)), put];
    }
  }

  /** @param {Need} need */
  function line(need) {
    const node = needs.fleet.nodes.get(need.session);
    const name = node ? nameOf(node) : need.session ? brief(need.session) : need.mission;
    const who = need.session ? button({ label: name, class: 'link' }, () => deeds.open(need.session)) : h('strong', {}, name);
    const since = h('time', { class: 'quiet-text', datetime: new Date(need.since).toISOString() });
    return h('li', { class: 'need', 'data-key': need.key }, icon(GROUPS[need.kind].icon), h('div', { class: 'need-words' }, h('div', { class: 'need-line' }, who, since), h('p', { dir: 'auto' }, reveal(need.what))), h('div', { class: 'need-buttons' }, ...buttons(need)));
  }

  function draw() {
    if (!shown) return;
    const state = needs.list.map(({ key, what, session }) => `${key} ${what} ${needs.fleet.nodes.has(session)}`).join('\n');
    if (state !== drawn) {
      drawn = state;
      const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.closest('.need')?.getAttribute('data-key');
      const at = [...box.querySelectorAll('.need')].findIndex((one) => one.getAttribute('data-key') === focused);
      box.replaceChildren();
      for (const kind of KINDS) {
        const those = needs.list.filter((need) => need.kind === kind);
        if (!those.length) continue;
        const all = those.length > 1 && !['approval', 'question'].includes(kind) ? button({ label: 'Put all away', class: 'link' }, () => needs.putAway(those)) : null;
        const head = h('div', { class: 'need-head' }, h('h3', { id: `need-${kind}` }, `${GROUPS[kind].title} · ${those.length}`), all);
        put(box, h('section', { 'aria-labelledby': `need-${kind}` }, head, h('ul', { class: 'needs' }, ...those.map(line))));
      }
      // What had the focus may be done with: the next one has it.
      const next = [...box.querySelectorAll('.need')][Math.max(0, at)]?.querySelector('.need-buttons button');
      if (at >= 0 && next instanceof HTMLElement) next.focus();
      byId('needs-none').hidden = needs.list.length > 0;
      byId('needs-told').textContent = needs.list.length ? `${counted(needs.list.length, 'thing needs', 'things need')} you.` : '';
    }
    for (const time of box.querySelectorAll('time')) time.textContent = `for ${span(Date.now() - Date.parse(time.dateTime))}`;
  }

  needs.on('changed', draw);
  setInterval(draw, 1_000);
  return {
    /** @param {boolean} visible */
    show(visible) {
      shown = visible;
      if (!visible) return;
      drawn = '?';
      draw();
      void needs.look();
    },
    focus() {
      const first = box.querySelector('.need-buttons button');
      if (first instanceof HTMLElement) first.focus();
    },
  };
}
