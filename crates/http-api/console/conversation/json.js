// JSON as a tree that is made as far as it is unfolded.

import { button, h, put } from '../kit/dom.js';
import { count } from '../kit/text.js';
import { fit, words } from './words.js';

/** So many members are shown at once. */
const MANY = 100;
/** A longer text of a member is shown in part. */
const LONG = 2_000;

/** What a text has as JSON that is worth a tree. @param {string} text @returns {object | undefined} */
export function jsonIn(text) {
  const head = text.trimStart()[0];
  if (head !== '{' && head !== '[') return undefined;
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @param {unknown} value */
function leaf(value) {
  if (typeof value !== 'string') return h('span', { class: `json-value ink-${typeof value === 'number' ? 'number' : 'keyword'}` }, String(value));
  const box = h('span', { class: 'json-value ink-string', dir: 'auto' });
  /** @param {number} most */
  const show = (most) => {
    const room = { left: most, short: false };
    const shown = words(fit(value, room));
    box.replaceChildren(value.includes('\n') ? h('pre', { class: 'json-text' }, shown) : shown);
    if (room.short) put(box, button({ label: `Show ${count(Math.min(value.length, most * 25))} of ${count(value.length)} characters`, class: 'link' }, () => show(most * 25)));
  };
  show(LONG);
  return box;
}

/** @param {object} value */
function gist(value) {
  if (Array.isArray(value)) return `[${count(value.length)}]`;
  const names = Object.keys(value);
  const head = names.slice(0, 4).join(', ').slice(0, 80);
  return `{${head}${names.length > 4 ? ', …' : ''}}`;
}

/** @param {HTMLElement} box @param {[string, unknown][]} members @param {number} from */
function fillIn(box, members, from) {
  for (const [name, value] of members.slice(from, from + MANY)) box.append(member(name, value));
  const next = from + MANY;
  if (next >= members.length) return;
  const more = button({ label: `Show more of ${count(members.length)}`, class: 'link' }, () => {
    more.remove();
    fillIn(box, members, next);
  });
  box.append(more);
}

/** @param {string} name @param {unknown} value */
function member(name, value) {
  const key = h('span', { class: 'json-name' }, words(name.slice(0, 200)), ': ');
  if (typeof value !== 'object' || value === null) return h('div', { class: 'json-member' }, key, leaf(value));
  const details = h('details', { class: 'json-member' }, h('summary', {}, key, h('span', { class: 'quiet-text' }, words(gist(value)))));
  details.addEventListener('toggle', () => {
    if (!details.open || details.childElementCount > 1) return;
    const inside = h('div', { class: 'json-inside' });
    details.append(inside);
    fillIn(inside, Object.entries(value), 0);
  });
  return details;
}

/**
 * @param {unknown} value
 * @returns {HTMLElement}
 */
export function jsonTree(value) {
  const box = h('div', { class: 'json code' });
  if (typeof value !== 'object' || value === null) put(box, leaf(value));
  else fillIn(box, Object.entries(value), 0);
  return box;
}
