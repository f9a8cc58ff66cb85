// A drawing with its legend, and the same as a table.

import { h, put, svg } from '../kit/dom.js';
import { bars, lookOf } from '../kit/bars.js';

/**
 * @typedef {{ label: string, names: string[], buckets: import('../kit/bars.js').Bucket[], format: (value: number) => string, stacked?: boolean, looks?: string[] }} Drawn
 */

/** @param {string} title */
export function part(title) {
  const box = h('div', { class: 'chart-box' });
  const legend = h('ul', { class: 'legend', 'aria-label': `${title}: what the colours mean` });
  const table = h('table', { class: 'table' });
  const more = h('details', { class: 'more' }, h('summary', {}, `${title} as a table`), h('div', { class: 'table-box', tabindex: '0', 'aria-label': title }, table));
  const element = h('section', { class: 'usage-part', 'aria-label': title }, h('h3', {}, title), box, legend, more);
  /** @type {Drawn | null} */
  let drawn = null;

  const heads = (/** @type {string[]} */ words) => h('thead', {}, h('tr', {}, ...words.map((word, at) => h('th', { scope: 'col', class: at ? 'number' : null }, word))));
  function drawTable() {
    if (!more.open || !drawn) return;
    const { names, buckets, format } = drawn;
    table.replaceChildren(heads(['Days', ...names]), h('tbody', {}, ...buckets.map(({ label, values }) => h('tr', {}, h('th', { scope: 'row' }, label), ...names.map((_, at) => h('td', { class: 'number' }, format(values[at] ?? 0)))))));
  }
  function draw() {
    if (!drawn || !box.clientWidth) return;
    box.replaceChildren(bars({ ...drawn, width: Math.max(260, box.clientWidth) }));
  }
  more.addEventListener('toggle', drawTable);
  new ResizeObserver(draw).observe(box);
  return {
    element,
    /** @param {Drawn} what */
    show(what) {
      drawn = what;
      legend.replaceChildren();
      what.names.forEach((name, at) => put(legend, h('li', {}, svg('svg', { viewBox: '0 0 14 12', 'aria-hidden': 'true' }, svg('rect', { class: lookOf(at, what.looks ?? []), width: 14, height: 12, rx: 2 })), name)));
      draw();
      drawTable();
    },
    /** How many bars there is room for. */
    get room() {
      return Math.max(10, Math.floor((box.clientWidth - 70) / 7));
    },
  };
}
