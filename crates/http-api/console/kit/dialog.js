// A dialog over the page.

import { h } from './dom.js';

/**
 * A dialog over the page. It is gone when it is closed.
 *
 * @param {string} title
 * @param {string} [look]
 */
export function dialog(title, look = '') {
  const heading = h('h2', { id: 'dialog-title' }, title);
  const element = h('dialog', { class: `dialog ${look}`, 'aria-labelledby': 'dialog-title' }, heading);
  element.addEventListener('close', () => element.remove());
  element.addEventListener('click', (event) => event.target === element && element.close());
  document.body.append(element);
  return element;
}
