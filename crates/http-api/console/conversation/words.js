// An agent's words in the document: as text, and never so many at once that the page stands still.

import { button, h, put } from '../kit/dom.js';
import { count, plain, reveal } from '../kit/text.js';

/** A longer text is shown in part until it is asked for. */
export const LONG = 6_000;
/** How many more are shown at once when they are asked for. */
const MORE = 50_000;
/** The most hidden characters of a text with an element each. */
const MARKS = 200;
/** How much longer a hidden character becomes when it is shown by its code. */
const CODE = 7;

/** How much may still be shown. @typedef {{ left: number, short: boolean }} Room */

/**
 * A foreign text as nodes, with hidden characters made visible; in plain words when there are very many of them.
 *
 * @param {string} text
 * @returns {Node}
 */
export function words(text) {
  const shown = plain(text);
  return shown.length - text.length > MARKS * CODE ? document.createTextNode(shown) : reveal(text);
}

/**
 * As much of a text as there is room for.
 *
 * @param {string} text
 * @param {Room} room
 */
export function fit(text, room) {
  const piece = text.length > room.left ? cut(text, room.left) : text;
  if (piece.length < text.length) room.short = true;
  room.left -= piece.length;
  return piece;
}

/** Never between the halves of a character. @param {string} text @param {number} at */
function cut(text, at) {
  const code = text.charCodeAt(at - 1);
  return text.slice(0, code >= 0xd800 && code < 0xdc00 ? at - 1 : at);
}

/**
 * What is long, its beginning first; a button shows more of it.
 *
 * @param {number} length how many characters there are
 * @param {(room: Room) => Node} render makes as much of it as there is room for
 */
export function unfolding(length, render) {
  const box = h('div', { class: 'body' });
  /** @param {number} most */
  const show = (most) => {
    const room = { left: most, short: false };
    box.replaceChildren(render(room));
    if (!room.short) return;
    const next = Math.min(length, Math.max(MORE, 4 * most));
    const label = next >= length ? `Show all ${count(length)} characters` : `Show ${count(next)} of ${count(length)} characters`;
    put(box, button({ label, class: 'link' }, () => show(next >= length ? Infinity : next)));
  };
  show(LONG);
  return box;
}

/** A text as it is written. @param {string} text */
export const written = (text) => unfolding(text.length, (room) => h('pre', { class: 'code', dir: 'auto' }, words(fit(text, room))));

/** A text of a person or an agent before it was read: with its lines, and nothing else. @param {string} text */
export const prose = (text) => unfolding(text.length, (room) => h('div', { class: 'prose', dir: 'auto' }, words(fit(text, room))));
