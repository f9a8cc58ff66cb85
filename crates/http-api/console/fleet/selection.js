// The current session: the one that is marked in the tree and among the panels, and that keys act on. It is held here only.

import { byId, redraw, say } from '../kit/dom.js';
import { Emitter } from '../kit/emitter.js';
import { brief, counted, nameOf } from '../kit/text.js';

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
 * @param {{ id: string, node: import('../page').Node | undefined, shown: boolean, name: string | undefined, marked: number }} about
 *   `shown`: whether the tree has a row for it; `name` of one that the tree does not hold
 */
export function tellCurrent({ id, node, shown, name = brief(id), marked }) {
  byId('current').hidden = id === '' && marked === 0;
  if (byId('current').hidden) return;
  redraw(/** @type {SVGElement} */ (/** @type {unknown} */ (byId('current-status'))), marked ? 'completed' : (node?.status ?? 'lost'));
  say(byId('current-name'), marked ? counted(marked, 'marked session') : node ? nameOf(node) : name);
  say(byId('current-where'), shown || marked ? '' : 'not among the rows above');
}
