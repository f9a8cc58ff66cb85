// A timeline as a drawing: a lane for each session. The table below it says the same in words.

import { svg } from '../kit/dom.js';
import { clock, nameOf, plain, span } from '../kit/text.js';
import { ticks, WORDS } from './model.js';

const LANE = 34;
const TOP = 26;
const INDENT = 12;
const NARROW = 600;
const WORD = 56;

/** @typedef {import('./model.js').Lane} Lane */

/** @param {string} what @param {number} from @param {number} to */
const told = (what, from, to) => svg('title', {}, `${what}, ${clock(new Date(from).toISOString())}, ${span(to - from)}`);

/**
 * @param {Lane[]} lanes
 * @param {{ from: number, to: number, width: number }} about
 * @param {(session: string) => void} open
 */
export function chart(lanes, { from, to, width }, open) {
  const names = width < NARROW ? 110 : 220;
  const room = Math.max(1, to - from);
  const x = (/** @type {number} */ moment) => names + ((Math.max(from, Math.min(to, moment)) - from) / room) * (width - names - 8);
  const height = TOP + lanes.length * LANE + 6;
  const drawing = svg('svg', { class: 'timeline-chart', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `Timeline of ${lanes.length} sessions. The table below says the same.` });
  for (const moment of ticks(from, to, Math.max(2, Math.floor((width - names) / 90)))) {
    drawing.append(svg('line', { class: 'tick', x1: x(moment), x2: x(moment), y1: TOP - 6, y2: height }));
    // A word that would be cut off at the edge is left out.
    if (x(moment) + WORD < width) drawing.append(svg('text', { class: 'tick-word', x: x(moment) + 3, y: 13 }, clock(new Date(moment).toISOString()).slice(-8)));
  }
  lanes.forEach((lane, place) => drawing.append(laneOf(lane, place, { x, names, width }, open)));
  return drawing;
}

/**
 * @param {Lane} lane
 * @param {number} place
 * @param {{ x: (moment: number) => number, names: number, width: number }} about
 * @param {(session: string) => void} open
 */
function laneOf(lane, place, { x, names, width }, open) {
  const { node } = lane;
  const y = TOP + place * LANE;
  const group = svg('g', { class: 'lane' });
  const indent = Math.min(lane.depth, 5) * INDENT;
  const room = Math.floor((names - indent - 14) / 6.6);
  const name = nameOf(node);
  const label = svg('text', { class: 'lane-name', x: 6 + indent, y: y + 20 }, name.length > room ? `${name.slice(0, Math.max(3, room - 1))}…` : name);
  label.append(svg('title', {}, name));
  label.addEventListener('click', () => open(node.id));
  group.append(svg('rect', { class: 'lane-ground', x: 0, y, width, height: LANE - 2 }), label);
  for (const { state, from, to } of lane.stretches) {
    const bar = svg('rect', { class: 'stretch', 'data-state': state, x: x(from), y: y + 6, width: Math.max(1.5, x(to) - x(from)), height: 12, rx: 2 });
    bar.append(told(WORDS[state], from, to));
    group.append(bar);
  }
  for (const { name: tool, from, to, failed } of lane.tools) {
    const bar = svg('rect', { class: failed ? 'tool-bar failed' : 'tool-bar', x: x(from), y: y + 20, width: Math.max(2, x(to) - x(from)), height: 6, rx: 1 });
    bar.append(told(`${plain(tool)}${failed ? ', failed' : ''}`, from, to));
    group.append(bar);
  }
  for (const { at, who, what } of lane.steps) {
    const mark = svg('path', { class: 'step', d: `M${x(at)} ${y + 1}l5 6-5 6-5-6z` });
    mark.append(svg('title', {}, `${plain(who)} ${plain(what)}, ${clock(new Date(at).toISOString())}`));
    group.append(mark);
  }
  return group;
}
