// One to six conversations side by side, remembered in the address of the page.

import { byId, say } from './dom.js';
import { Panel } from './panel.js';

const MOST = 6;

/** @typedef {import('./types').Node} Node */

export class Panels {
  /** @type {Panel[]} */
  list = [];
  /** The one that was touched last. @type {Panel | null} */
  active = null;
  #box = byId('panels');
  #empty = byId('panels-empty');

  /**
   * @param {import('./fleet.js').Fleet} fleet
   * @param {{ mayControl: boolean, control: (wish: import('./types').Wish, node: Node) => void, changed: (ids: string[]) => void }} about
   */
  constructor(fleet, about) {
    this.fleet = fleet;
    this.about = about;
  }

  /**
   * Opens a session, beside the others or in the place of the one that was touched last.
   *
   * @param {string} id
   * @param {boolean} beside
   */
  open(id, beside) {
    const known = this.list.find((panel) => panel.id === id);
    if (known) return this.#activate(known);
    const panel = new Panel(this.fleet, id, {
      mayControl: this.about.mayControl,
      actions: {
        close: (closed) => this.close(closed),
        open: (child) => this.open(child, true),
        control: this.about.control,
        focused: (focused) => this.#activate(focused, false),
      },
    });
    const replaced = beside && this.list.length < MOST ? null : (this.active ?? this.list.at(-1) ?? null);
    if (replaced) {
      replaced.element.before(panel.element);
      this.list[this.list.indexOf(replaced)] = panel;
      replaced.end();
    } else {
      this.list.push(panel);
      this.#box.append(panel.element);
    }
    this.#changed();
    return this.#activate(panel);
  }

  /** @param {Panel} panel */
  close(panel) {
    panel.end();
    this.list = this.list.filter((one) => one !== panel);
    if (this.active === panel) this.active = this.list.at(-1) ?? null;
    this.#changed();
    byId('tree').focus();
  }

  /** @param {Panel} panel @param {boolean} [show] */
  #activate(panel, show = true) {
    this.active = panel;
    for (const one of this.list) one.element.classList.toggle('active', one === panel && this.list.length > 1);
    if (show) panel.element.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    return panel;
  }

  #changed() {
    this.#empty.hidden = this.list.length > 0;
    document.body.classList.toggle('reading', this.list.length > 0);
    this.#box.dataset.count = String(this.list.length);
    say(byId('panel-count'), this.list.length ? `${this.list.length} of ${MOST} panels` : '');
    this.about.changed(this.list.map((panel) => panel.id));
  }
}
