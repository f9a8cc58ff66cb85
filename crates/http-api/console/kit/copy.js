// Putting a text where it can be pasted.

import { h } from './dom.js';
import { toast } from './toast.js';

/**
 * @param {string} text
 * @param {string} what was copied, for people
 */
export async function copy(text, what) {
  try {
    // Not there for a page that came without TLS from another machine.
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else byHand(text);
    toast(`${what} is on the clipboard.`);
  } catch {
    toast(`The browser does not let the page copy. ${what}: ${text}`, 'bad');
  }
}

/** @param {string} text */
function byHand(text) {
  const field = h('textarea', { class: 'unseen', readonly: true });
  const before = document.activeElement;
  field.value = text;
  (document.querySelector('dialog[open]') ?? document.body).append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  if (!done) throw new Error('not copied');
}
