// What the views of things that are managed have in common: a place in the page, the way between them, a table.

import { byId, button, h, put } from '../kit/dom.js';
import { complain } from '../kit/toast.js';

/** How often a view that is looked at is read again. */
const LOOK = 5_000;

/** The views, with their words. */
const VIEWS = { providers: 'Providers', runners: 'Runners', budgets: 'Budgets', retention: 'Retention', sinks: 'Sinks', keys: 'Keys' };

/** @typedef {{ go: (view: string) => void, may: (view: string) => boolean }} Ways */

/**
 * The way from one view to another. @param {string} here @param {Ways} ways
 */
export function ways(here, { go, may }) {
  const nav = h('nav', { class: 'segments', 'aria-label': 'What is managed' });
  for (const [view, words] of Object.entries(VIEWS)) {
    if (!may(view)) continue;
    const to = button({ label: words }, () => go(view));
    if (view === here) to.setAttribute('aria-current', 'page');
    put(nav, to);
  }
  return h('div', { class: 'ways' }, nav);
}

/**
 * A view with a table, in the page.
 *
 * @param {{ name: string, title: string, about: string, heads: string[], none: string, add?: { label: string, act: () => void } | null }} what
 * @param {Ways} to
 */
export function section(what, to) {
  const body = h('tbody', {});
  const none = h('p', { class: 'empty', hidden: true }, what.none);
  const head = h('thead', {}, h('tr', {}, ...what.heads.map((word) => h('th', { scope: 'col' }, word || h('span', { class: 'unseen' }, 'Deeds')))));
  const { add } = what;
  const view = h(
    'main',
    { id: `view-${what.name}`, class: 'view', hidden: true },
    h('div', { class: 'view-head' }, h('h2', {}, what.title), h('p', { class: 'quiet-text' }, what.about), add ? h('div', { class: 'view-tools' }, button({ label: add.label, class: 'primary' }, add.act)) : null),
    ways(what.name, to),
    h('div', { class: 'table-box', tabindex: '0', 'aria-label': what.title }, h('table', { class: 'table' }, head, body)),
    none,
  );
  byId('dock').before(view);
  return { view, body, none };
}

/**
 * Reads a view while it is looked at.
 *
 * @param {() => Promise<void>} read
 * @param {number} [every]
 */
export function reader(read, every = LOOK) {
  let shown = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const again = () => {
    clearTimeout(timer);
    if (!shown) return;
    // Once a dialog that was just done with is gone. What somebody is about to press does not move away from under them.
    timer = setTimeout(() => {
      const held = document.querySelector('dialog[open]') !== null;
      void (held ? Promise.resolve() : read()).catch(complain).finally(() => (timer = setTimeout(again, every)));
    });
  };
  return {
    again,
    /** @param {boolean} visible */
    show(visible) {
      shown = visible;
      again();
    },
  };
}

/**
 * Replaces the rows of a table, and keeps the focus on the deed that had it.
 *
 * @param {HTMLElement} body
 * @param {HTMLElement[]} rows
 */
export function fill(body, rows) {
  const held = document.activeElement instanceof HTMLElement && body.contains(document.activeElement) ? document.activeElement : null;
  const row = held?.closest('tr')?.dataset.key;
  const word = held?.textContent;
  body.replaceChildren(...rows);
  if (!held) return;
  const next = row ? body.querySelector(`tr[data-key="${CSS.escape(row)}"]`) : null;
  const same = [...(next ?? body).querySelectorAll('button')].find((one) => one.textContent === word);
  if (same instanceof HTMLElement) same.focus();
}
