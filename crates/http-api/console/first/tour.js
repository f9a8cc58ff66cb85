// A tour of one minute, in a place where it covers nothing. Whoever has seen it, or put it away, is not shown it again by itself.

import { button, byId, h, say } from '../kit/dom.js';

const SEEN = 'flightdeck-tour';

/**
 * @typedef {{ title: string, words: string, target: string, go?: () => void }} Stop `target` is what it is about
 */

/**
 * @param {{ go: (view: string) => void, openFirst: () => void }} page
 * @returns {Stop[]}
 */
const stops = ({ go, openFirst }) => [
  { title: 'The fleet', words: 'Every agent is a row below the one that started it. The sign says how it is, the number what it has cost, the age when it started. Arrows move, “/” filters.', target: '#tree', go: () => go('fleet') },
  { title: 'A conversation', words: 'A click or Enter opens what an agent says and does, live. With Shift it opens beside the others, up to six.', target: '.panel.active', go: openFirst },
  { title: 'Stepping in', words: 'Pause, resume, interrupt and kill are above; below you write to it. What was asked for is shown as done only when it was seen to be so.', target: '.panel.active .panel-controls' },
  { title: 'Who needs you', words: 'Requests, questions, failures, lost and silent agents, budgets that are used up. When all is well it is empty.', target: '#view-needs', go: () => go('needs') },
  { title: 'Approvals', words: 'A request says what the agent wants to do. “a” allows it once, “d” rejects it. What lasts is set apart.', target: '#view-approvals', go: () => go('approvals') },
  { title: 'The record', words: 'Who did what, to whom and why, as a chain that nobody can change unseen. “Verify” proves it.', target: '#tab-audit', go: () => go('audit') },
  { title: 'Everything by name', words: 'Ctrl-K (or ⌘K) finds every session and every deed. “?” shows all keys. That is all: back to the fleet.', target: '#palette-open', go: () => go('fleet') },
];

/** Whether the page was opened by a link that asks for the tour; the link of the demo does. */
export function wantsTour() {
  if (location.hash !== '#tour') return false;
  history.replaceState(null, '', '#fleet');
  return localStorage.getItem(SEEN) === null;
}

/** @param {{ go: (view: string) => void, openFirst: () => void }} page */
export function startTour(page) {
  document.querySelector('.tour')?.remove();
  const path = stops(page);
  let at = 0;
  const before = document.activeElement;
  const title = h('h2', {});
  const words = h('p', {});
  const place = h('span', { class: 'quiet-text' });
  const next = button({ label: 'Next', class: 'primary' }, () => show(at + 1, 1));
  const back = button({ label: 'Back' }, () => show(at - 1, -1));
  const end = button({ label: 'End the tour', class: 'quiet' }, () => finish());
  const told = h('div', { 'aria-live': 'polite' }, h('div', { class: 'tour-line' }, title, place), words);
  const element = h('section', { class: 'tour', 'aria-label': 'Tour' }, told, h('div', { class: 'tour-buttons' }, end, back, next));
  let marked = /** @type {Element | null} */ (null);

  /** @param {Stop} stop */
  const find = ({ target, go }) => {
    go?.();
    const found = document.querySelector(target);
    return found?.checkVisibility() ? found : null;
  };

  /** @param {number} wanted @param {number} step over stops that this page does not have */
  function show(wanted, step) {
    const stop = path[wanted];
    if (!stop) return wanted < 0 ? undefined : finish();
    const found = find(stop);
    if (!found) return show(wanted + step, step);
    marked?.classList.remove('tour-target');
    marked = found;
    marked.classList.add('tour-target');
    at = wanted;
    say(title, stop.title);
    say(words, stop.words);
    say(place, `${at + 1} of ${path.length}`);
    back.disabled = at === 0;
    say(next, at === path.length - 1 ? 'Done' : 'Next');
    next.focus();
    return undefined;
  }

  function finish() {
    localStorage.setItem(SEEN, 'seen');
    marked?.classList.remove('tour-target');
    element.remove();
    (before instanceof HTMLElement && before.isConnected && before !== document.body ? before : byId('tree')).focus();
  }

  element.addEventListener('keydown', (event) => {
    const act = { Escape: finish, ArrowRight: () => show(at + 1, 1), ArrowLeft: () => at > 0 && show(at - 1, -1) }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
  byId('tour').replaceChildren(element);
  show(0, 1);
}
