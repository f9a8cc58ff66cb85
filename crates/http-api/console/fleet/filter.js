// What narrows the tree.

import { byId, h, icon, put, say } from '../kit/dom.js';
import { plain, short } from '../kit/text.js';

/**
 * The field, the statuses and the missions that narrow the tree.
 *
 * @param {import('./tree.js').Tree} tree
 * @param {string[]} statuses
 * @param {() => void} changed
 */
export function filterBar(tree, statuses, changed) {
  /** @param {Partial<import('./rows.js').Filter>} change */
  const narrow = (change) => {
    tree.narrow(change);
    changed();
  };
  const text = /** @type {HTMLInputElement} */ (byId('filter-text'));
  const mission = /** @type {HTMLSelectElement} */ (byId('filter-mission'));
  text.addEventListener('input', () => narrow({ text: text.value.trim() }));
  text.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' && event.key !== 'Enter' && event.key !== 'ArrowDown') return;
    event.preventDefault();
    if (event.key === 'Escape') narrow({ text: (text.value = '') });
    byId('tree').focus();
  });
  mission.addEventListener('change', () => narrow({ mission: mission.value }));
  tree.fleet.on('structure', () => {
    const names = tree.fleet.missions();
    const chosen = tree.filter.mission;
    if (chosen && !names.includes(chosen)) names.push(chosen);
    if (names.length === mission.options.length - 1 && mission.value === chosen) return;
    mission.replaceChildren(h('option', { value: '' }, 'All missions'));
    for (const name of names) put(mission, h('option', { value: name }, plain(name)));
    mission.value = chosen;
  });
  const chips = byId('filter-statuses');
  for (const status of statuses) {
    const number = h('span', { class: 'chip-count' }, '0');
    const chip = h('button', { type: 'button', class: 'chip', 'aria-pressed': 'false', 'data-status': status });
    put(chip, icon(status), h('span', {}, status), number);
    chip.addEventListener('click', () => {
      const on = chip.getAttribute('aria-pressed') !== 'true';
      chip.setAttribute('aria-pressed', String(on));
      if (on) tree.filter.statuses.add(status);
      else tree.filter.statuses.delete(status);
      narrow({});
    });
    put(chips, chip);
  }
  return {
    /** What the address is to say of it. */
    get params() {
      const { text: q, mission: one, statuses: some } = tree.filter;
      return { q, mission: one, status: [...some].join(',') };
    },
    /** Narrows the tree as an address says. @param {URLSearchParams} params */
    set(params) {
      const some = (params.get('status') ?? '').split(',').filter((one) => statuses.includes(one));
      text.value = params.get('q') ?? '';
      const chosen = params.get('mission') ?? '';
      if (chosen && ![...mission.options].some((option) => option.value === chosen)) put(mission, h('option', { value: chosen }, plain(chosen)));
      mission.value = chosen;
      for (const chip of chips.children) chip.setAttribute('aria-pressed', String(some.includes(/** @type {HTMLElement} */ (chip).dataset.status ?? '')));
      tree.narrow({ text: text.value.trim(), mission: chosen, statuses: new Set(some) });
    },
    /** Shows how many sessions have each status. */
    recount() {
      for (const chip of chips.children) {
        const number = tree.fleet.counts[/** @type {HTMLElement} */ (chip).dataset.status ?? ''] ?? 0;
        const shown = chip.querySelector('.chip-count');
        if (shown) say(shown, short(number));
        chip.classList.toggle('none', number === 0);
      }
    },
  };
}
