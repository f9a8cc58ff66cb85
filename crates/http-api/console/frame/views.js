// The views: one is shown, its tab is marked.

import { byId, say } from '../kit/dom.js';
import { complain } from '../kit/toast.js';

/**
 * @typedef {{
 *   show: (visible: boolean, params: URLSearchParams | null) => void,
 *   params?: () => Record<string, string>,
 *   focus?: () => void,
 *   tab?: string,
 * }} View `show` gets what the address says, or null where nobody said anything; `params` is what the address is to say of it;
 *   `tab` is the tab that leads to it when that has another name
 * @typedef {{ load: () => Promise<View>, tab?: string }} Later one whose modules are fetched when it is first looked at
 */

export class Views {
  /** The name of the view that is shown. */
  current = 'fleet';
  /** @type {Map<string, View | Later>} */
  #views = new Map();
  /** What was said of a view that is being fetched. @type {URLSearchParams | null} */
  #said = null;
  /** The views that are being fetched. @type {Set<string>} */
  #fetching = new Set();
  /** For each tab the view that it leads to: the one of its group that was shown last. @type {Map<string, string>} */
  #of = new Map();

  /** @param {Record<string, View | Later>} views */
  constructor(views) {
    for (const [name, view] of Object.entries(views)) {
      this.#views.set(name, view);
      const tab = view.tab ?? name;
      if (!this.#of.has(tab)) this.#of.set(tab, name);
    }
  }

  get names() {
    return [...this.#views.keys()];
  }

  get tabs() {
    return [...this.#of.keys()];
  }

  /** The view that a tab leads to: the one of its name, or the one of its group that was shown last. @param {string} tab */
  behind(tab) {
    return this.#views.has(tab) ? tab : (this.#of.get(tab) ?? tab);
  }

  /** What the address is to say of the view that is shown. */
  get params() {
    const view = this.#views.get(this.current);
    if (view && 'load' in view) return Object.fromEntries(this.#said ?? []);
    return view?.params?.() ?? {};
  }

  /** Fetches the modules of a view, and shows it if it is still wanted. @param {string} name @param {Later} later */
  #fetch(name, { load, tab }) {
    // Whoever asks twice while it is on its way gets one view.
    if (this.#fetching.has(name)) return;
    this.#fetching.add(name);
    load()
      .then((view) => {
        this.#views.set(name, tab ? { tab, ...view } : view);
        if (this.current === name) this.show(name, this.#said);
      })
      .catch((error) => {
        say(byId('fetched-told'), 'It could not be fetched. Go there again when the server is back.');
        complain(error);
      })
      .finally(() => this.#fetching.delete(name));
  }

  /** @param {string} name @param {URLSearchParams | null} params */
  show(name, params) {
    if (name !== this.current || params) this.#said = params;
    this.current = name;
    const shown = this.#views.get(name);
    const marked = shown?.tab ?? name;
    this.#of.set(marked, name);
    for (const tab of this.tabs) {
      const button = document.getElementById(`tab-${tab}`);
      if (tab === marked) {
        button?.setAttribute('aria-current', 'page');
        button?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
      } else button?.removeAttribute('aria-current');
    }
    document.body.dataset.view = name;
    for (const [one, view] of this.#views) {
      const element = document.getElementById(`view-${one}`);
      // What cannot be used yet is not shown.
      if (element) element.hidden = one !== name || 'load' in view;
      if (!('load' in view)) view.show(one === name, one === name ? params : null);
    }
    const here = shown && 'load' in shown ? null : shown;
    byId('view-fetched').hidden = Boolean(here);
    if (!here) {
      say(byId('fetched-told'), 'Fetching…');
      if (shown && 'load' in shown) this.#fetch(name, shown);
      return;
    }
    document.getElementById(`view-${name}`)?.querySelector('.ways [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    here.focus?.();
  }
}
