// Marked sessions: while there are some, pause, resume and kill act on all of them, and on nothing else.

import { byId, say } from '../kit/dom.js';
import { Emitter } from '../kit/emitter.js';
import { counted } from '../kit/text.js';

/** @extends {Emitter<{ changed: void }>} */
export class Marks extends Emitter {
  /** @type {Set<string>} */
  ids = new Set();

  get size() {
    return this.ids.size;
  }

  /** @param {string} id */
  has(id) {
    return this.ids.has(id);
  }

  /** @param {Iterable<string>} ids @param {boolean} on */
  set(ids, on) {
    for (const id of ids) {
      if (on) this.ids.add(id);
      else this.ids.delete(id);
    }
    this.emit('changed', undefined);
  }

  /** @param {string} id */
  toggle(id) {
    this.set([id], !this.ids.has(id));
  }

  clear() {
    this.ids.clear();
    this.emit('changed', undefined);
  }
}

/**
 * The bar with what can be done with the marked ones.
 *
 * @param {Marks} marks
 * @param {{ shown: () => string[], act: (wish: import('../types').Wish) => void }} about `shown` are the sessions that match the filter
 */
export function marksBar(marks, { shown, act }) {
  const bar = byId('marks');
  const show = () => {
    bar.hidden = marks.size === 0;
    say(byId('marks-count'), marks.size ? `${counted(marks.size, 'session')} marked` : '');
  };
  for (const wish of /** @type {const} */ (['pause', 'resume', 'kill'])) byId(`marks-${wish}`).addEventListener('click', () => act(wish));
  byId('marks-all').addEventListener('click', () => marks.set(shown(), true));
  byId('marks-none').addEventListener('click', () => {
    marks.clear();
    byId('tree').focus();
  });
  marks.on('changed', show);
  show();
}
