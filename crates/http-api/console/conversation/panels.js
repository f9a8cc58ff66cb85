// One to six conversations side by side, remembered in the address of the page. That of the current session is marked.

import { byId, say } from '../kit/dom.js';
import { Panel } from './panel.js';

const MOST = 6;

/** @typedef {import('../page').Node} Node */

export class Panels {
  /** @type {Panel[]} */
  list = [];
  /** The order in which they were current, the last one at the end. @type {Panel[]} */
  #recent = [];
  #box = byId('panels');
  #empty = byId('panels-empty');

  /**
   * @param {import('../fleet/fleet.js').Fleet} fleet
   * @param {import('../fleet/selection.js').Selection} selection
   * @param {{ mayControl: boolean, control: (wish: import('../types').Wish, id: string) => void, changed: (ids: string[]) => void,
   *   pointed: (session: string, seq: number) => void, link: (session: string, seq: number) => Promise<void>,
   *   timeline: (id: string) => void, budget: (id: string) => void, again: (id: string) => void }} about
   */
  constructor(fleet, selection, about) {
    this.fleet = fleet;
    this.selection = selection;
    this.about = about;
    selection.on('changed', () => this.#mark());
  }

  /** The panel of the current session; null when it has none. */
  get active() {
    return this.of(this.selection.id);
  }

  /** The panel that was current last. */
  get recent() {
    return this.#recent.at(-1) ?? null;
  }

  /** @param {string} id @returns {Panel | null} */
  of(id) {
    return this.list.find((panel) => panel.id === id) ?? null;
  }

  /**
   * Opens a session and makes it the current one, beside the others or in the place of the one that was current last.
   *
   * @param {string} id
   * @param {boolean} beside
   */
  open(id, beside) {
    const known = this.of(id);
    if (known) return this.#choose(known);
    const panel = new Panel(this.fleet, id, {
      mayControl: this.about.mayControl,
      actions: {
        close: (closed) => this.close(closed),
        open: (child) => this.open(child, true),
        control: this.about.control,
        focused: (focused) => this.selection.choose(focused.id),
        pointed: (marked, seq) => this.about.pointed(marked.id, seq),
        link: (linked, seq) => void this.about.link(linked.id, seq),
        timeline: this.about.timeline,
        budget: this.about.budget,
        again: this.about.again,
      },
    });
    const replaced = beside && this.list.length < MOST ? null : this.recent;
    if (replaced) {
      replaced.element.before(panel.element);
      this.list[this.list.indexOf(replaced)] = panel;
      this.#forget(replaced);
    } else {
      this.list.push(panel);
      this.#box.append(panel.element);
    }
    this.#changed();
    return this.#choose(panel);
  }

  /**
   * Opens these sessions and no others. The current one stays, if it is one of them.
   *
   * @param {string[]} ids
   */
  set(ids) {
    const wanted = ids.slice(0, MOST);
    const before = this.selection.id;
    const surplus = this.list.filter((one) => !wanted.includes(one.id));
    this.list = this.list.filter((one) => wanted.includes(one.id));
    for (const panel of surplus) this.#forget(panel);
    if (surplus.length) this.#changed();
    for (const id of wanted) if (!this.of(id)) this.open(id, true);
    const current = this.of(before) ?? this.of(wanted.at(-1) ?? '');
    if (current) this.#choose(current);
  }

  /** @param {Panel} panel */
  close(panel) {
    const current = panel === this.active;
    this.list = this.list.filter((one) => one !== panel);
    this.#forget(panel);
    this.#changed();
    // What is still in sight is current: nobody is to act on a conversation that they have just put away.
    if (current && this.recent) this.#choose(this.recent);
    byId('tree').focus();
  }

  /** @param {Panel} panel */
  #forget(panel) {
    this.#recent = this.#recent.filter((one) => one !== panel);
    panel.end();
  }

  /** @param {Panel} panel */
  #choose(panel) {
    this.selection.choose(panel.id);
    this.#mark();
    panel.element.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    return panel;
  }

  /** Marks the panel of the current session, and no other. */
  #mark() {
    const { active } = this;
    for (const one of this.list) one.current = one === active;
    if (active) this.#recent = [...this.#recent.filter((one) => one !== active), active];
    // The keyboard does not stay in a conversation that is no longer the current one.
    const holder = this.list.find((one) => one.element.contains(document.activeElement));
    if (holder && holder !== active) (active ? active.transcript.element : byId('tree')).focus({ preventScroll: true });
  }

  #changed() {
    this.#empty.hidden = this.list.length > 0;
    document.body.classList.toggle('reading', this.list.length > 0);
    this.#box.dataset.count = String(this.list.length);
    say(byId('panel-count'), this.list.length ? `${this.list.length} of ${MOST} panels` : '');
    this.about.changed(this.list.map((panel) => panel.id));
  }
}
