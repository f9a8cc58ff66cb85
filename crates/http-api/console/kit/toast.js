// Short words about what was done or went wrong.

import { byId, button, h } from './dom.js';
import { told } from './api.js';

const STAYS = 6_000;

/**
 * @param {string} words
 * @param {'good' | 'bad'} [kind]
 */
export function toast(words, kind = 'good') {
  const box = h('div', { class: `toast ${kind}`, role: kind === 'bad' ? 'alert' : 'status' }, h('span', {}, words));
  box.append(button({ label: 'Dismiss', icon: 'close', short: true, class: 'quiet' }, () => box.remove()));
  byId('toasts').append(box);
  setTimeout(() => box.remove(), kind === 'bad' ? 3 * STAYS : STAYS);
}

/** @param {unknown} error */
export const complain = (error) => toast(told(error), 'bad');
