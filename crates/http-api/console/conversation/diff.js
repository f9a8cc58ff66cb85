// A diff: a column for what was and one for what is where there is room for both, else one below the other. Signs, words for
// those who do not see, and lines at the side tell them apart, not the colour alone.

import { button, h, put } from '../kit/dom.js';
import { copy } from '../kit/copy.js';
import { fit, words } from './words.js';

/**
 * @typedef {import('../types').RenderedDiff} Diff
 * @typedef {import('../types').RenderedLine} Line
 * @typedef {import('./words.js').Room} Room
 * @typedef {(line: Line, place: HTMLElement) => void} OnLine what the number of a line does
 */

/** What the elements of a line cost, in characters. */
export const LINE = 24;

/** @type {Record<Line['op'], string>} */
const SIGNS = { same: ' ', removed: '−', added: '+', about: ' ' };

/** How many lines came and went: `+3 −1`. @param {number | undefined} added @param {number | undefined} removed */
export function changes(added, removed) {
  if (added === undefined || removed === undefined) return null;
  return h('span', { class: 'changes', 'aria-label': `${added} lines added, ${removed} removed` }, h('span', { class: 'added' }, `+${added}`), ' ', h('span', { class: 'removed' }, `−${removed}`));
}

/** @param {Line} line @param {Room} room @param {OnLine} [onLine] */
function lineView(line, room, onLine) {
  const number = line.op === 'added' ? line.new : (line.old ?? line.new);
  const word = line.op === 'added' ? 'added: ' : line.op === 'removed' ? 'removed: ' : '';
  const text = h('span', { class: 'diff-text', dir: 'auto' }, word && h('span', { class: 'unseen' }, word), words(fit(line.text, room)));
  if (line.op === 'about') return h('div', { class: 'diff-line about' }, text);
  const sign = h('span', { class: 'diff-sign', 'aria-hidden': 'true' }, SIGNS[line.op]);
  if (!onLine || !number) return h('div', { class: `diff-line ${line.op}` }, h('span', { class: 'diff-number', 'aria-hidden': 'true' }, number ?? ''), sign, text);
  const name = `Comment on ${line.op === 'removed' ? 'removed ' : ''}line ${number}`;
  const comment = h('button', { type: 'button', class: 'diff-comment', 'aria-label': name, title: name, onclick: () => onLine(line, whole) }, number);
  const whole = h('div', { class: `diff-line ${line.op}` }, comment, sign, text);
  return whole;
}

/** As it would be in a file. @param {Diff} diff */
const asText = (diff) => diff.lines.map(({ op, text }) => ({ same: ' ', removed: '-', added: '+', about: '' })[op] + text).join('\n');

/** @param {Diff} diff @param {Room} room @param {OnLine} [onLine] */
export function diffView(diff, room, onLine) {
  const body = h('div', { class: 'diff-lines', tabindex: '0' });
  const { lines } = diff;
  let at = 0;
  while (at < lines.length && room.left > 0) {
    const line = /** @type {Line} */ (lines[at]);
    room.left -= LINE;
    if (line.op === 'same' || line.op === 'about') {
      body.append(lineView(line, room, onLine));
      at += 1;
      continue;
    }
    // What was and what is in its place stand beside each other.
    const [old, now] = [h('div', { class: 'diff-side' }), h('div', { class: 'diff-side' })];
    for (; lines[at]?.op === 'removed' && room.left > 0; at += 1, room.left -= LINE) old.append(lineView(/** @type {Line} */ (lines[at]), room, onLine));
    for (; lines[at]?.op === 'added' && room.left > 0; at += 1, room.left -= LINE) now.append(lineView(/** @type {Line} */ (lines[at]), room, onLine));
    body.append(h('div', { class: 'diff-change' }, old, now));
  }
  if (at < lines.length) room.short = true;
  const name = h('span', { class: 'code-name' }, words(diff.path.slice(0, 300)));
  const head = h('div', { class: 'code-head' }, name, changes(diff.added, diff.removed), button({ label: 'Copy the diff', icon: 'copy', short: true, class: 'quiet' }, () => void copy(asText(diff), 'The diff')));
  const box = h('div', { class: 'diff', role: 'group', 'aria-label': 'Diff' });
  put(box, head, body);
  return box;
}
