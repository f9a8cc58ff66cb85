// Bars over time as a drawing. A table beside it says the same in words.

import { svg } from './dom.js';

const HEIGHT = 220;
const TOP = 10;
const BOTTOM = 24;
const LEFT = 62;
const LABEL = 84;

/**
 * @typedef {{ label: string, values: number[] }} Bucket one bar, with a value for each name
 */

/**
 * Round numbers on an axis from zero on, the last at or above the most.
 *
 * @param {number} most
 */
export function steps(most) {
  const rough = Math.max(most, Number.MIN_VALUE) / 4;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((one) => one * size >= rough) ?? 10) * size;
  return Array.from({ length: Math.max(1, Math.ceil(most / step - 1e-9)) + 1 }, (_, at) => at * step);
}

/** The class of what has a place among the names. @param {number} at @param {string[]} looks */
export const lookOf = (at, looks) => `series ${looks[at] ?? `series-${at}`}`;

/**
 * @param {{ label: string, buckets: Bucket[], names: string[], format: (value: number) => string, width: number, stacked?: boolean, looks?: string[] }} about
 *   `looks`: classes in place of the colours by number; `stacked`: the values of a bar stand on each other; otherwise each begins at zero, the first behind the others
 */
export function bars({ label, buckets, names, format, width, stacked = true, looks = [] }) {
  const sum = (/** @type {number[]} */ values) => (stacked ? values.reduce((all, one) => all + one, 0) : Math.max(0, ...values));
  const axis = steps(Math.max(0, ...buckets.map(({ values }) => sum(values))) || 1);
  const top = axis.at(-1) ?? 1;
  const y = (/** @type {number} */ value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const room = (width - LEFT - 8) / Math.max(1, buckets.length);
  const drawing = svg('svg', { class: 'bars', width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-label': `${label}. The table below says the same.` });
  for (const value of axis) {
    drawing.append(svg('line', { class: 'tick', x1: LEFT, x2: width - 8, y1: y(value), y2: y(value) }), svg('text', { class: 'tick-word', x: LEFT - 6, y: y(value) + 4, 'text-anchor': 'end' }, format(value)));
  }
  const every = Math.max(1, Math.ceil(LABEL / room));
  buckets.forEach((bucket, place) => {
    const x = LEFT + place * room;
    let from = 0;
    bucket.values.forEach((value, at) => {
      if (value <= 0) return;
      const base = stacked ? from : 0;
      from += value;
      const bar = svg('rect', { class: lookOf(at, looks), x: x + room * 0.1, y: y(base + value), width: Math.max(1, room * 0.8), height: Math.max(0.5, y(base) - y(base + value)) });
      bar.append(svg('title', {}, `${bucket.label}, ${names[at]}: ${format(value)}`));
      drawing.append(bar);
    });
    if (place % every === 0 && x + LABEL - 8 < width) drawing.append(svg('text', { class: 'tick-word', x: x + room * 0.1, y: HEIGHT - 8 }, bucket.label.slice(0, 10)));
  });
  return drawing;
}
