// The tree of sessions: only the rows in sight are in the document.

import { byId, h, icon, redraw, say } from '../kit/dom.js';
import { isOver, MEANING, wished } from '../kit/status.js';
import { count, money, plain, short, span } from '../kit/text.js';
import { sinceStart } from './ages.js';
import { everything, isOpen, rowsOf } from './rows.js';
import { tellCurrent } from './selection.js';

const ROW = 30;
/** Rows that are kept ready above and below those in sight. */
const MARGIN = 6;
const INDENT = 14;
const DEEPEST_INDENT = 12;

/**
 * @typedef {import('../page').Node} Node
 * @typedef {import('../page').Row} Row
 * @typedef {{ element: HTMLElement, tick: HTMLElement, fold: HTMLElement, status: SVGElement, name: HTMLElement, task: HTMLElement,
 *   wish: HTMLElement, unread: HTMLElement, cost: HTMLElement, age: HTMLElement, row: Row | null, shown: string }} Slot
 */

export class Tree {
  /** @type {Row[]} */
  rows = [];
  filter = everything();
  /** @type {Set<string>} */
  folded = new Set();
  /** The sessions that are open in a panel. @type {Set<string>} */
  open = new Set();
  #box = byId('tree');
  #space = h('div', { class: 'tree-space', role: 'presentation' });
  /** @type {Slot[]} */
  #slots = [];
  #stale = true;
  #waiting = false;
  #height = 0;

  /**
   * @param {import('./fleet.js').Fleet} fleet
   * @param {import('./selection.js').Selection} selection
   * @param {import('./marks.js').Marks} marks
   * @param {{ open: (node: Node, beside: boolean) => void, nameOf: (id: string) => string | undefined }} actions `nameOf` knows
   *   sessions that are open and not in the tree
   */
  constructor(fleet, selection, marks, actions) {
    this.fleet = fleet;
    this.selection = selection;
    this.marks = marks;
    this.actions = actions;
    this.#box.append(this.#space);
    this.#box.addEventListener('scroll', () => this.#soon(), { passive: true });
    this.#box.addEventListener('keydown', (event) => this.#key(event));
    this.#box.addEventListener('focus', () => this.#soon());
    this.#space.addEventListener('click', (event) => this.#click(event));
    new ResizeObserver(() => {
      this.#height = this.#box.clientHeight;
      this.#soon();
    }).observe(this.#box);
    selection.on('changed', () => this.#reveal());
    marks.on('changed', () => this.redraw());
    fleet.on('structure', () => this.restructure());
    fleet.on('touched', () => (this.filter.statuses.size ? this.restructure() : this.redraw()));
    fleet.on('moved', () => this.redraw());
    setInterval(() => this.redraw(), 1_000);
  }

  /** The rows are others. */
  restructure() {
    this.#stale = true;
    this.redraw();
  }

  /** The rows look different. */
  redraw() {
    this.#soon();
  }

  /** However much happens, it is drawn once a frame. */
  #soon() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.#draw();
    });
  }

  /** @param {Partial<import('./rows.js').Filter>} change */
  narrow(change) {
    Object.assign(this.filter, change);
    this.#box.scrollTop = 0;
    this.restructure();
  }

  /** The sessions whose rows are in the document. @returns {Node[]} */
  get inSight() {
    return this.#slots.flatMap((slot) => (slot.row ? [slot.row.node] : []));
  }

  /** The id of the current session, which may have no row here. */
  get selected() {
    return this.selection.id;
  }

  /** @returns {Node | undefined} */
  get current() {
    return this.fleet.nodes.get(this.selected);
  }

  #arrange() {
    this.#stale = false;
    const top = Math.floor(this.#box.scrollTop / ROW);
    const anchor = this.#box.scrollTop > 0 ? this.rows[top]?.node.id : undefined;
    this.rows = rowsOf(this.fleet.roots, this.filter, this.folded);
    this.#space.style.height = `${this.rows.length * ROW}px`;
    // What is looked at stays where it is when rows come above it.
    const now = anchor ? this.rows.findIndex((row) => row.node.id === anchor) : -1;
    if (now >= 0 && now !== top) this.#box.scrollTop += (now - top) * ROW;
    const all = this.fleet.nodes.size;
    const hits = isOpen(this.filter) ? all : this.rows.filter((row) => row.hit).length;
    const more = this.fleet.cut ? '+' : '';
    say(byId('tree-count'), hits === all ? `${count(all)}${more}` : `${count(hits)} of ${count(all)}${more}`);
    byId('tree-empty').hidden = this.rows.length > 0;
    say(byId('tree-empty'), all ? 'No session matches the filter.' : 'No sessions yet. They appear here as they start.');
  }

  #draw() {
    if (this.#stale) this.#arrange();
    const first = Math.max(0, Math.floor(this.#box.scrollTop / ROW) - MARGIN);
    const wanted = Math.ceil(this.#height / ROW) + 2 * MARGIN;
    while (this.#slots.length < wanted) this.#slots.push(this.#slot());
    const now = Date.now();
    for (let at = 0; at < this.#slots.length; at += 1) {
      // Each row has its slot, so that scrolling fills only those that come into sight.
      const size = this.#slots.length;
      const place = first + ((at - (first % size) + size) % size);
      this.#fill(/** @type {Slot} */ (this.#slots[at]), place, now);
    }
    const shown = this.rows.some((row) => row.node.id === this.selected);
    this.#box.setAttribute('aria-activedescendant', shown ? `row-${this.selected}` : '');
    tellCurrent({ id: this.selected, node: this.current, shown, name: this.actions.nameOf(this.selected), marked: this.marks.size });
  }

  /** @returns {Slot} */
  #slot() {
    const parts = {
      tick: h('span', { class: 'tick-box', title: 'Mark (m)' }),
      fold: h('span', { class: 'fold' }),
      status: icon('running', 'running'),
      name: h('span', { class: 'row-name' }),
      task: h('span', { class: 'row-task' }),
      wish: h('span', { class: 'row-wish' }),
      unread: h('span', { class: 'row-unread' }),
      cost: h('span', { class: 'row-cost' }),
      age: h('span', { class: 'row-age' }),
    };
    const { tick, fold, status, name, task, wish, unread, cost, age } = parts;
    const element = h('div', { class: 'row', role: 'treeitem' }, tick, fold, status, name, task, wish, unread, cost, age);
    this.#space.append(element);
    return { element, ...parts, row: null, shown: '' };
  }

  /** @param {Slot} slot @param {number} place @param {number} now */
  #fill(slot, place, now) {
    const row = this.rows[place];
    const { element } = slot;
    if (!row) {
      element.hidden = true;
      element.removeAttribute('id');
      element.classList.remove('selected');
      slot.row = null;
      slot.shown = '';
      return;
    }
    const { node } = row;
    // How long ago it started, also of one that has ended: a column means one thing.
    const age = span(now - node.spawnedAt);
    const unread = node.lastSeq - node.seen;
    const state = `${node.id} ${place} ${row.depth} ${row.hit} ${node.status} ${node.desired} ${unread} ${age} ${node.costUsd} ${node.subtreeUsd}
      ${this.marks.has(node.id)} ${this.selected === node.id} ${this.open.has(node.id)} ${this.folded.has(node.id)} ${node.children.length} ${this.rows.length}`;
    if (slot.shown === state) return;
    slot.shown = state;
    slot.row = row;
    element.hidden = false;
    element.id = `row-${node.id}`;
    element.style.transform = `translateY(${place * ROW}px)`;
    element.style.paddingLeft = `${6 + Math.min(row.depth, DEEPEST_INDENT) * INDENT}px`;
    element.classList.toggle('selected', this.selected === node.id);
    element.classList.toggle('opened', this.open.has(node.id));
    element.classList.toggle('ticked', this.marks.has(node.id));
    element.classList.toggle('way', !row.hit);
    element.classList.toggle('over', isOver(node.status));
    element.dataset.status = node.status;
    this.#describe(slot, row, { place, age, unread });
  }

  /** @param {Slot} slot @param {Row} row @param {{ place: number, age: string, unread: number }} about */
  #describe(slot, { node, depth }, { place, age, unread }) {
    const { element } = slot;
    const isFolded = this.folded.has(node.id) && isOpen(this.filter);
    const branch = node.children.length > 0;
    element.setAttribute('aria-level', String(depth + 1));
    element.setAttribute('aria-setsize', String(this.rows.length));
    element.setAttribute('aria-posinset', String(place + 1));
    element.setAttribute('aria-selected', String(this.selected === node.id));
    element.setAttribute('aria-checked', String(this.marks.has(node.id)));
    if (branch) element.setAttribute('aria-expanded', String(!isFolded));
    else element.removeAttribute('aria-expanded');
    const wish = wished(node.status, node.desired);
    const name = plain(node.agentType);
    const task = plain(node.taskId);
    element.title = `${name} · ${task}\n${node.status}: ${MEANING[node.status]}${node.missionId ? `\n${plain(node.missionId)}` : ''}\n${sinceStart(node)}`;
    slot.fold.className = `fold ${branch ? (isFolded ? 'folded' : 'unfolded') : ''}`;
    redraw(slot.status, node.status);
    slot.status.setAttribute('aria-label', node.status);
    say(slot.name, name);
    say(slot.task, isFolded ? `${task} · ${count(this.fleet.subtree(node).length - 1)} below` : task);
    say(slot.wish, wish);
    slot.unread.title = unread > 0 ? `${unread} unread` : '';
    say(slot.unread, unread > 0 ? short(unread) : '');
    // A folded session stands for all below it.
    const cost = isFolded ? node.subtreeUsd : node.costUsd;
    say(slot.cost, cost === null ? '' : money(cost));
    say(slot.age, age);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const target = /** @type {Element} */ (event.target);
    const element = target.closest('.row');
    const row = this.#slots.find((slot) => slot.element === element)?.row;
    if (!row) return;
    if (target.closest('.tick-box')) return this.marks.toggle(row.node.id);
    this.selection.choose(row.node.id);
    if (target.closest('.fold') && row.node.children.length) this.fold(row.node, !this.folded.has(row.node.id));
    else this.actions.open(row.node, event.ctrlKey || event.metaKey || event.shiftKey);
    return undefined;
  }

  /** The sessions that match the filter, in sight or not. @returns {string[]} */
  get hits() {
    if (this.#stale) this.#arrange();
    return this.rows.filter((row) => row.hit).map((row) => row.node.id);
  }

  /** Marks the current session, or takes the mark away, and goes on to the next. @param {boolean} below whether all below it, too */
  mark(below) {
    const { current } = this;
    if (!current) return;
    const nodes = below ? this.fleet.subtree(current) : [current];
    this.marks.set(nodes.map((node) => node.id), !this.marks.has(current.id));
    if (!below) this.#go(this.rows.findIndex((row) => row.node === current) + 1);
  }

  /** @param {Node} node @param {boolean} fold */
  fold(node, fold) {
    if (fold) this.folded.add(node.id);
    else this.folded.delete(node.id);
    this.restructure();
  }

  /** Scrolls to the current session, if it has a row. */
  #reveal() {
    if (this.#stale) this.#arrange();
    const place = this.rows.findIndex((row) => row.node.id === this.selected);
    if (place >= 0) {
      const top = place * ROW;
      if (top < this.#box.scrollTop) this.#box.scrollTop = top;
      else if (top + ROW > this.#box.scrollTop + this.#box.clientHeight) this.#box.scrollTop = top + ROW - this.#box.clientHeight;
    }
    this.redraw();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const place = this.rows.findIndex((row) => row.node.id === this.selected);
    const page = Math.max(1, Math.floor(this.#height / ROW) - 1);
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowDown: () => this.#go(place + 1),
      ArrowUp: () => this.#go(place < 0 ? 0 : place - 1),
      PageDown: () => this.#go(place + page),
      PageUp: () => this.#go(place - page),
      Home: () => this.#go(0),
      End: () => this.#go(this.rows.length - 1),
      ArrowRight: () => this.#inward(place),
      ArrowLeft: () => this.#outward(place),
      Enter: () => this.current && this.actions.open(this.current, event.shiftKey),
      ' ': () => this.current && this.actions.open(this.current, true),
      m: () => this.mark(false),
      M: () => this.mark(true),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** @param {number} place */
  #go(place) {
    const row = this.rows[Math.max(0, Math.min(place, this.rows.length - 1))];
    if (row) this.selection.choose(row.node.id);
  }

  /** @param {number} place */
  #inward(place) {
    const row = this.rows[place];
    if (!row) return this.#go(0);
    if (!row.node.children.length) return undefined;
    return this.folded.has(row.node.id) ? this.fold(row.node, false) : this.#go(place + 1);
  }

  /** @param {number} place */
  #outward(place) {
    const row = this.rows[place];
    if (!row) return this.#go(0);
    if (row.node.children.length && !this.folded.has(row.node.id)) return this.fold(row.node, true);
    const parent = this.rows.findIndex(({ node }) => node.id === row.node.parentId);
    return parent >= 0 ? this.#go(parent) : undefined;
  }
}
