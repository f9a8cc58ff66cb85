// Pictures that agents send as data. Only known types, of a bounded size; a picture that is elsewhere is never loaded.

import { h } from '../kit/dom.js';

/** What a file of a type begins with, in base64. @type {[string, string][]} */
const TYPES = [
  ['image/png', 'iVBORw0KGgo'],
  ['image/jpeg', '/9j/'],
  ['image/gif', 'R0lGOD'],
  ['image/webp', 'UklGR'],
];
/** The most characters of base64. */
const LARGEST = 4_000_000;
/** The most pictures of a message. */
const MANY = 8;
/** So much is looked through for them. */
const PARTS = 2_000;
/** The most pixels a side: a small file may be a picture that fills the memory. */
const WIDEST = 8_192;

/** The size of a picture where its type says it at a known place. @param {string} type @param {Uint8Array} bytes */
function isTooWide(type, bytes) {
  const view = new DataView(bytes.buffer);
  if (type === 'image/png' && bytes.length > 24) return view.getUint32(16) > WIDEST || view.getUint32(20) > WIDEST;
  if (type === 'image/gif' && bytes.length > 10) return view.getUint16(6, true) > WIDEST || view.getUint16(8, true) > WIDEST;
  return false;
}

/** @param {unknown} text @returns {{ type: string, data: string } | null} */
function picture(text) {
  if (typeof text !== 'string' || text.length < 40 || text.length > LARGEST) return null;
  const data = text.startsWith('data:image/') ? text.slice(text.indexOf(',') + 1) : text;
  const known = TYPES.find(([, head]) => data.startsWith(head));
  return known ? { type: known[0], data } : null;
}

/**
 * The pictures in what an agent sent.
 *
 * @param {unknown} value
 * @returns {{ type: string, data: string }[]}
 */
export function picturesIn(value) {
  const found = [];
  const left = [value];
  for (let parts = 0; left.length && parts < PARTS && found.length < MANY; parts += 1) {
    const one = left.shift();
    const shown = picture(one);
    if (shown) found.push(shown);
    else if (typeof one === 'object' && one !== null) left.push(...Object.values(one).slice(0, 200));
  }
  return found;
}

/**
 * @param {{ type: string, data: string }} picture
 * @returns {HTMLElement}
 */
export function pictureView({ type, data }) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  } catch {
    return h('p', { class: 'quiet-text' }, `A picture (${type}) that cannot be read.`);
  }
  if (isTooWide(type, bytes)) return h('p', { class: 'quiet-text' }, `A picture (${type}) that is too large to be shown.`);
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  const image = h('img', { class: 'picture', src: url, alt: `a picture that the agent sent (${type})`, decoding: 'async' });
  const forget = () => URL.revokeObjectURL(url);
  image.addEventListener('load', forget);
  image.addEventListener('error', () => {
    forget();
    image.replaceWith(h('p', { class: 'quiet-text' }, `A picture (${type}) that cannot be read.`));
  });
  return image;
}
