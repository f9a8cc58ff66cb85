// Everything by name: sessions and deeds, found by words of their names.

import { dialog } from '../kit/dialog.js';
import { h, icon, put } from '../kit/dom.js';
import { counted, nameOf } from '../kit/text.js';

const MOST = 60;

/**
 * @typedef {{ label: string, about?: string, keys?: string, icon?: string, act: () => void }} Deed
 */

/**
 * The entries of which every word is in the name, those that begin with the text first.
 *
 * @template {{ label: string, about?: string }} T
 * @param {T[]} entries
 * @param {string} text
 */
export function found(entries, text) {
  const wanted = text.trim().toLowerCase();
  const words = wanted.split(/\s+/).filter(Boolean);
  const hits = entries.filter(({ label, about = '' }) => {
    const name = `${label} ${about}`.toLowerCase();
    return words.every((word) => name.includes(word));
  });
  const rank = (/** @type {T} */ { label }) => Number(!label.toLowerCase().startsWith(wanted));
  return hits.map((hit, at) => ({ hit, at })).sort((a, b) => rank(a.hit) - rank(b.hit) || a.at - b.at).map(({ hit }) => hit);
}

/**
 * @param {Deed[]} deeds
 * @param {Iterable<import('../page').Node>} nodes
 * @param {(node: import('../page').Node) => void} open
 */
export function palette(deeds, nodes, open) {
  const element = dialog('Find', 'palette');
  const input = h('input', { type: 'text', class: 'wide', role: 'combobox', 'aria-expanded': 'true', 'aria-controls': 'palette-list', 'aria-autocomplete': 'list', 'aria-label': 'Find a session or a deed', placeholder: 'A session, a view, a deed…', autocomplete: 'off' });
  const list = h('ul', { id: 'palette-list', class: 'palette-list', role: 'listbox', 'aria-label': 'Found' });
  const told = h('p', { class: 'unseen', role: 'status' });
  const sessions = Array.from(nodes, (node) => ({ label: nameOf(node), about: [node.status, node.missionId].filter(Boolean).join(' · '), icon: node.status, act: () => open(node) }));
  /** @type {Deed[]} */
  let shown = [];
  let at = 0;

  function mark() {
    const { children } = list;
    for (let place = 0; place < children.length; place += 1) children[place]?.setAttribute('aria-selected', String(place === at));
    const marked = children[at];
    if (marked) input.setAttribute('aria-activedescendant', marked.id);
    else input.removeAttribute('aria-activedescendant');
    marked?.scrollIntoView({ block: 'nearest' });
  }

  function draw() {
    // Without words: what can be done. With words: that, and the sessions.
    const hits = input.value.trim() ? [...found(deeds, input.value), ...found(sessions, input.value)] : deeds;
    shown = hits.slice(0, MOST);
    at = 0;
    list.replaceChildren();
    shown.forEach((one, place) => put(list, h('li', { id: `palette-${place}`, role: 'option', onclick: () => choose(place), onpointermove: () => at !== place && ((at = place), mark()) }, one.icon ? icon(one.icon) : h('span', { class: 'icon' }), h('span', { class: 'palette-name' }, one.label), h('span', { class: 'quiet-text' }, one.about ?? ''), one.keys ? h('kbd', {}, one.keys) : null)));
    told.textContent = hits.length ? counted(hits.length, 'entry', 'entries') : 'Nothing has this name.';
    if (!hits.length) put(list, h('li', { class: 'empty', role: 'presentation' }, 'Nothing has this name.'));
    mark();
  }

  /** @param {number} place */
  function choose(place) {
    const one = shown[place];
    if (!one) return;
    element.close();
    one.act();
  }

  input.addEventListener('input', draw);
  input.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (step) at = Math.max(0, Math.min(shown.length - 1, at + step));
    else if (event.key === 'Enter') choose(at);
    else return;
    event.preventDefault();
    if (step) mark();
  });
  put(element, input, list, told);
  element.showModal();
  input.focus();
  draw();
}

/** @param {() => void} open */
export function paletteKey(open) {
  document.addEventListener('keydown', (event) => {
    if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    if (!document.querySelector('dialog[open]')) open();
  });
}
