// What keys do wherever they are pressed, unless something is being written.

import { button, h, put } from '../kit/dom.js';
import { dialog } from '../kit/dialog.js';

/**
 * @typedef {{ keys: string[], label: string, act?: () => void }} Shortcut without `act` it is only told: another part of
 *   the page listens
 */

/** @param {Shortcut[]} shortcuts */
export function keyboard(shortcuts) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = /** @type {HTMLElement} */ (event.target);
    // What a dialog asks about does not change behind it, wherever the focus is.
    if (target.closest('input, textarea, select') || document.querySelector('dialog[open]')) return;
    const shortcut = shortcuts.find((one) => one.act && one.keys.includes(event.key));
    if (!shortcut) return;
    event.preventDefault();
    shortcut.act?.();
  });
}

/**
 * @param {Shortcut[]} shortcuts
 * @param {{ tour: () => void, notifications: () => void, sound: () => void }} more
 */
export function help(shortcuts, { tour, notifications, sound }) {
  const element = dialog('Keys');
  const list = h('dl', { class: 'keys' });
  for (const { keys, label } of shortcuts) {
    const names = keys.map((key) => h('kbd', {}, key));
    put(list, h('dt', {}, ...names), h('dd', {}, label));
  }
  const first = (/** @type {() => void} */ act) => () => {
    element.close();
    act();
  };
  const others = h('div', { class: 'dialog-buttons' }, button({ label: 'Notifications' }, first(notifications)), button({ label: 'Sound' }, first(sound)), button({ label: 'Tour' }, first(tour)), button({ label: 'Close', class: 'primary' }, () => element.close()));
  put(element, h('div', { class: 'keys-box', tabindex: '0', 'aria-label': 'Keys' }, list), others);
  element.showModal();
}
