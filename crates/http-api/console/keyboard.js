// What keys do wherever they are pressed, unless something is being written.

import { button, h, put } from './dom.js';
import { dialog } from './stepin.js';

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

/** @param {Shortcut[]} shortcuts */
export function help(shortcuts) {
  const element = dialog('Keys');
  const list = h('dl', { class: 'keys' });
  for (const { keys, label } of shortcuts) {
    const names = keys.map((key) => h('kbd', {}, key));
    put(list, h('dt', {}, ...names), h('dd', {}, label));
  }
  put(element, list, h('div', { class: 'dialog-buttons' }, button({ label: 'Close', class: 'primary' }, () => element.close())));
  element.showModal();
}
