// Filters with a name, kept in this browser.

import { button, byId, h, put } from '../kit/dom.js';
import { field, formDialog, text } from '../kit/fields.js';

const KEPT = 'flightdeck-filters';
const MOST = 20;

/** @typedef {{ name: string, query: string }} Saved */

/** @returns {Saved[]} */
export function saved() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? '[]');
    return Array.isArray(kept) ? kept.filter((one) => typeof one?.name === 'string' && typeof one?.query === 'string') : [];
  } catch {
    return [];
  }
}

/**
 * The saved filters as buttons, and one that saves what the tree is narrowed to now.
 *
 * @param {{ params: Record<string, string> }} filter
 * @param {(params: URLSearchParams) => void} apply
 */
export function savedFilters(filter, apply) {
  const box = byId('filter-saved');
  const save = button({ label: 'Save this filter', class: 'link' }, () => {
    const name = text({ required: true, maxlength: 60 });
    const query = now();
    formDialog({ title: 'Save the filter', verb: 'Save' }, [field('Name', name, 'It is kept in this browser. The address of the page is a link to the same.')], async () => {
      keep([...saved().filter((one) => one.name !== name.value.trim()), { name: name.value.trim(), query }].slice(-MOST));
    });
  });
  const now = () => new URLSearchParams(Object.entries(filter.params).filter(([, value]) => value)).toString();

  /** @param {Saved[]} all */
  function keep(all) {
    localStorage.setItem(KEPT, JSON.stringify(all));
    draw();
  }

  function draw() {
    const current = now();
    const all = saved();
    box.replaceChildren();
    for (const { name, query } of all) {
      const use = button({ label: name, class: 'chip' }, () => apply(new URLSearchParams(query)));
      use.setAttribute('aria-pressed', String(query === current));
      const forget = button({ label: `Forget the filter ${name}`, icon: 'close', short: true, class: 'quiet forget' }, () => {
        keep(saved().filter((one) => one.name !== name));
        byId('filter-text').focus();
      });
      put(box, h('span', { class: 'saved' }, use, forget));
    }
    if (current && !all.some(({ query }) => query === current)) put(box, save);
    box.hidden = box.childElementCount === 0;
  }
  draw();
  return { draw };
}
