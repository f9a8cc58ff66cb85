// The current session: the one that is marked in the tree and among the panels, and that keys act on. It is held here only.

import { byId, redraw, say } from './dom.js';
import { Emitter } from './emitter.js';
import { brief, nameOf } from './text.js';

/** @extends {Emitter<{ changed: string }>} */
export class Selection extends Emitter {
  #id = '';

  /** The id of the current session; empty when there is none. It may be one that the tree does not show or hold. */
  get id() {
    return this.#id;
  }

  /** Makes a session the current one. @param {string} id empty for none */
  choose(id) {
    if (id === this.#id) return;
    this.#id = id;
    this.emit('changed', id);
  }
}

/**
 * The line below the tree that says which session keys act on, also when its row is not shown.
 *
 * @param {string} id
 * @param {import('./page').Node | undefined} node
 * @param {boolean} shown whether the tree has a row for it
 * @param {string} [name] of one that the tree does not hold
 */
export function tellCurrent(id, node, shown, name = brief(id)) {
  byId('current').hidden = id === '';
  if (id === '') return;
  redraw(/** @type {SVGElement} */ (/** @type {unknown} */ (byId('current-status'))), node?.status ?? 'lost');
  say(byId('current-name'), node ? nameOf(node) : name);
  say(byId('current-where'), shown ? '' : 'not among the rows above');
}
