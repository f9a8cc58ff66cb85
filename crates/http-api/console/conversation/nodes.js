// What the server read in a text, as elements. Each kind of node has an element of its own; all words go in as text.

import { button, h, put } from '../kit/dom.js';
import { copy } from '../kit/copy.js';
import { diffView, LINE } from './diff.js';
import { fit, words } from './words.js';

/**
 * @typedef {import('../types').RenderedNode} RenderedNode
 * @typedef {import('../types').RenderedKind} Kind
 * @typedef {import('./words.js').Room} Room
 */

/** What an element costs, in characters. */
const COST = 6;

/** The styles that there are; no other name becomes a class. */
const STYLES = new Set([
  ...['keyword', 'string', 'number', 'comment', 'function', 'type'],
  ...['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'],
  ...['on-black', 'on-red', 'on-green', 'on-yellow', 'on-blue', 'on-magenta', 'on-cyan', 'on-white'],
  ...['bold', 'dim', 'italic', 'underline', 'inverse', 'strike'],
]);

/** @param {string} style */
const classes = (style) => style.split(' ').filter((name) => STYLES.has(name)).map((name) => `ink-${name}`).join(' ');

/**
 * Where a link may lead. The browser's own reading of it decides.
 *
 * @param {string | undefined} href
 * @returns {URL | null}
 */
export function followed(href) {
  const url = href ? URL.parse(href) : null;
  return url && ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url : null;
}

/** A link with where it leads; what cannot be followed is words. @param {RenderedNode} node @param {Room} room */
function link(node, room) {
  const target = node.target ?? '';
  const url = followed(node.href);
  const inside = h('span', { class: 'link-words' });
  const image = node.kind === 'image';
  if (image) put(inside, 'image: ');
  fill(inside, node.children, room);
  const says = inside.textContent;
  if (!url) return h('span', { class: 'link-not' }, inside, target ? h('span', { class: 'link-target', dir: 'ltr' }, ' (', words(fit(target, room)), ')') : '');
  const anchor = h('a', { href: url.href, target: '_blank', rel: 'noopener noreferrer nofollow', referrerpolicy: 'no-referrer' }, inside);
  if (says === target || says === url.href) return anchor;
  // The words may name another place than the one it leads to.
  const place = url.protocol === 'mailto:' ? url.pathname : url.host + (url.pathname === '/' ? '' : url.pathname) + url.search;
  const short = place.length > 80 ? `${place.slice(0, 80)}…` : place;
  return h('span', {}, anchor, h('span', { class: 'link-target', dir: 'ltr', title: words(url.href).textContent ?? '' }, ' (', words(short), ')'));
}

/** @param {RenderedNode} node @param {Room} room */
function pieces(node, room) {
  const pre = h('pre', { class: 'code', dir: 'auto', tabindex: '0' });
  for (const { text, style = '' } of node.spans ?? []) {
    if (room.left <= 0) {
      room.short = true;
      break;
    }
    const shown = words(fit(text, room));
    const name = classes(style);
    room.left -= COST;
    pre.append(name ? h('span', { class: name }, shown) : shown);
  }
  return pre;
}

/** @param {RenderedNode} node @param {Room} room */
function code(node, room) {
  const whole = () => (node.spans ?? []).map(({ text }) => text).join('');
  const name = h('span', { class: 'code-name' }, words((node.language ?? '').slice(0, 40)));
  const head = h('div', { class: 'code-head' }, name, button({ label: 'Copy the code', icon: 'copy', short: true, class: 'quiet' }, () => void copy(whole(), 'The code')));
  return h('div', { class: 'code-box' }, head, pieces(node, room));
}

/** @param {RenderedNode} node @param {Room} room */
function list(node, room) {
  return typeof node.number === 'number' ? fill(h('ol', { start: node.number }), node.children, room) : fill(h('ul'), node.children, room);
}

/** @param {RenderedNode} node @param {Room} room */
function item(node, room) {
  if (node.checked === undefined) return fill(h('li'), node.children, room);
  const box = h('input', { type: 'checkbox', disabled: true, checked: node.checked, 'aria-label': node.checked ? 'done' : 'to be done' });
  return fill(h('li', { class: 'task' }, box), node.children, room);
}

/** @param {RenderedNode} node @param {Room} room */
function table(node, room) {
  const box = h('table');
  for (const row of node.children ?? []) {
    if (room.left <= 0) {
      room.short = true;
      break;
    }
    const line = h('tr');
    for (const cell of row.children ?? []) line.append(fill(row.header ? h('th', { scope: 'col' }) : h('td'), cell.children, room));
    box.append(line);
  }
  return h('div', { class: 'cells', tabindex: '0' }, box);
}

/** @type {Record<Kind, (node: RenderedNode, room: Room) => Node>} */
const MAKERS = {
  text: (node, room) => words(fit(node.text ?? '', room)),
  plain: (node, room) => h('div', { class: 'plain' }, h('p', { class: 'quiet-text' }, 'The rest is too long to be read as Markdown.'), words(fit(node.text ?? '', room))),
  paragraph: (node, room) => fill(h('p'), node.children, room),
  heading: (node, room) => fill(h('div', { class: `heading level-${node.number ?? 6}`, role: 'heading', 'aria-level': 3 }), node.children, room),
  quote: (node, room) => fill(h('blockquote'), node.children, room),
  list,
  item,
  emphasis: (node, room) => fill(h('em'), node.children, room),
  strong: (node, room) => fill(h('strong'), node.children, room),
  strikethrough: (node, room) => fill(h('s'), node.children, room),
  inlineCode: (node, room) => h('code', {}, words(fit(node.text ?? '', room))),
  code,
  output: pieces,
  link,
  image: link,
  table,
  row: (node, room) => fill(h('tr'), node.children, room),
  cell: (node, room) => fill(h('td'), node.children, room),
  rule: () => h('hr'),
  diff: (node, room) => (node.diff ? diffView(node.diff, room) : h('span')),
};

/**
 * Puts nodes into an element, as far as there is room.
 *
 * @template {Element | DocumentFragment} T
 * @param {T} parent
 * @param {RenderedNode[] | undefined} nodes
 * @param {Room} room
 * @returns {T}
 */
export function fill(parent, nodes, room) {
  for (const node of nodes ?? []) {
    if (room.left <= 0) {
      room.short = true;
      break;
    }
    room.left -= COST;
    const make = MAKERS[node.kind];
    if (make) parent.append(make(node, room));
  }
  return parent;
}

/** @param {RenderedNode[] | undefined} nodes @returns {number} how many characters they have */
export function lengthOf(nodes) {
  let length = 0;
  for (const node of nodes ?? []) {
    length += COST + (node.text?.length ?? 0) + (node.target?.length ?? 0) + lengthOf(node.children);
    for (const span of node.spans ?? []) length += span.text.length + COST;
    for (const line of node.diff?.lines ?? []) length += line.text.length + LINE;
  }
  return length;
}
