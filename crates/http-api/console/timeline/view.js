// The timeline of a tree: turns, tools, waits and pauses of every session, and who stepped in.

import { get } from '../kit/api.js';
import { button, byId, h, put } from '../kit/dom.js';
import { personOf } from '../kit/people.js';
import { clock, counted, nameOf, plain, span } from '../kit/text.js';
import { complain } from '../kit/toast.js';
import { chart } from './chart.js';
import { stepsOf, stretchesOf, toolsOf, WORDS } from './model.js';

/** More sessions than this are not drawn, and of each no more than the last messages. */
const MOST = 60;
const MESSAGES = 1_000;
const LOOK = 5_000;
const AT_ONCE = 6;

/**
 * @typedef {import('./model.js').Lane} Lane
 * @typedef {import('../page').Node} Node
 */

/** The moments of a lane in words, in their order. @param {Lane} lane */
function moments(lane) {
  return [
    ...lane.stretches.map(({ state, from, to }) => ({ at: from, what: WORDS[state], lasts: to - from })),
    ...lane.tools.map(({ name, from, to, failed }) => ({ at: from, what: `tool ${plain(name)}${failed ? ', failed' : ''}`, lasts: to - from })),
    ...lane.steps.map(({ at, who, what }) => ({ at, what: `${plain(who)} ${plain(what)}`, lasts: null })),
  ].sort((one, other) => one.at - other.at);
}

/**
 * @param {import('../fleet/fleet.js').Fleet} fleet
 * @param {{ open: (session: string) => void }} about
 */
export function timelineView(fleet, { open }) {
  const [box, table, title, state] = [byId('timeline-chart'), byId('timeline-table'), byId('timeline-title'), byId('timeline-state')];
  let root = '';
  let shown = false;
  /** Which reading is the newest. */
  let run = 0;
  /** @type {Lane[]} */
  let lanes = [];
  let more = 0;

  /** @param {Node} node @param {number} depth @param {import('../types').Operation[]} operations @returns {Promise<Lane>} */
  async function lane(node, depth, operations) {
    /** @type {import('../types').History} */
    const { messages } = await get(`/agents/${node.id}/messages?before=${Number.MAX_SAFE_INTEGER}&limit=${MESSAGES}`);
    const end = node.completedAt ?? Date.now();
    const by = (/** @type {import('../types').Operation} */ operation) => personOf(operation.operator, operation.operatorName);
    return { node, depth, from: node.spawnedAt, to: end, stretches: stretchesOf(node, messages, end), tools: toolsOf(messages, end), steps: stepsOf(node, messages, operations, by) };
  }

  /** The sessions of the tree from top to bottom. @param {Node} top */
  function order(top) {
    /** @type {{ node: Node, depth: number }[]} */
    const all = [];
    const ahead = [{ node: top, depth: 0 }];
    for (let next = ahead.pop(); next; next = ahead.pop()) {
      const { node, depth } = next;
      all.push({ node, depth });
      ahead.push(...[...node.children].reverse().map((child) => ({ node: child, depth: depth + 1 })));
    }
    return all;
  }

  async function read() {
    const mine = ++run;
    const top = await fleet.find(root);
    const all = order(top);
    /** @type {{ operations: import('../types').Operation[] }} */
    const { operations } = await get('/operations?limit=200');
    /** @type {Lane[]} */
    const made = [];
    for (let at = 0; at < Math.min(all.length, MOST); at += AT_ONCE) {
      const part = all.slice(at, Math.min(at + AT_ONCE, MOST));
      made.push(...(await Promise.all(part.map(({ node, depth }) => lane(node, depth, operations)))));
      if (mine !== run || !shown) return;
    }
    lanes = made;
    more = all.length - made.length;
    title.textContent = nameOf(top);
    draw();
  }

  function draw() {
    if (!lanes.length) return;
    const from = Math.min(...lanes.map((one) => one.from));
    const to = Math.max(...lanes.map((one) => one.to), from + 1_000);
    box.replaceChildren(chart(lanes, { from, to, width: Math.max(280, box.clientWidth) }, open));
    state.textContent = `${counted(lanes.length, 'session')}, ${span(to - from)}${more ? `; ${counted(more, 'more session', 'more sessions')} not drawn` : ''}.`;
    drawTable();
  }

  function drawTable() {
    const details = /** @type {HTMLDetailsElement} */ (table.closest('details'));
    if (!details.open) return;
    table.replaceChildren();
    for (const one of lanes) {
      moments(one).forEach(({ at, what, lasts }, place) => {
        const name = place === 0 ? h('th', { scope: 'row' }, button({ label: nameOf(one.node), class: 'link' }, () => open(one.node.id))) : h('th', { scope: 'row' }, h('span', { class: 'unseen' }, nameOf(one.node)));
        put(table, h('tr', {}, name, h('td', {}, clock(new Date(at).toISOString())), h('td', { class: 'grow' }, what), h('td', {}, lasts === null ? '' : span(lasts))));
      });
    }
  }

  table.closest('details')?.addEventListener('toggle', drawTable);
  new ResizeObserver(() => shown && draw()).observe(box);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const again = () => {
    clearTimeout(timer);
    if (!shown || !root) return;
    void read().catch(complain).finally(() => (timer = setTimeout(again, LOOK)));
  };
  return {
    params: () => ({ root }),
    /** @param {boolean} visible @param {URLSearchParams | null} params */
    show(visible, params) {
      shown = visible;
      if (!visible) return;
      const wanted = params?.get('root') ?? root;
      if (wanted !== root) {
        lanes = [];
        box.replaceChildren();
      }
      root = wanted;
      state.textContent = root ? 'Reading…' : 'Choose a session in the fleet, and press t.';
      again();
    },
  };
}
