// Elements are made here, from words of this code only; what agents say goes in as text and nothing else.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @typedef {string | number | boolean | null | undefined | ((event: any) => void)} Prop
 * @typedef {Node | string | number | null | undefined | false} Child
 */

/**
 * Makes an element. `on…` adds a listener, `true` an empty attribute; `false`, `null` and `undefined` add none.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, Prop>} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  put(element, ...children);
  return element;
}

/**
 * @param {Element | DocumentFragment} parent
 * @param {...Child} children
 */
export function put(parent, ...children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(typeof child === 'number' ? String(child) : child);
  }
}

/**
 * Makes an element of a drawing.
 *
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number>} props
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, props, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, String(value));
  put(element, ...children);
  return element;
}

/**
 * A drawing of the sprite in the page.
 *
 * @param {string} name
 * @param {string} [label] for those who do not see it; without one it is passed over
 */
export function icon(name, label) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('viewBox', '0 0 16 16');
  if (label) {
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
  } else {
    svg.setAttribute('aria-hidden', 'true');
  }
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Points an icon to another drawing.
 *
 * @param {SVGElement} svg
 * @param {string} name
 */
export function redraw(svg, name) {
  svg.setAttribute('class', `icon icon-${name}`);
  svg.firstElementChild?.setAttribute('href', `#i-${name}`);
}

/**
 * A button with a word, an icon, or both.
 *
 * @param {{ label: string, icon?: string, class?: string, hint?: string, short?: boolean, disabled?: boolean }} about
 *   `short`: the word is only for those who do not see the icon
 * @param {(event: MouseEvent) => void} onclick
 */
export function button(about, onclick) {
  const { label, short = false, hint = short ? label : undefined } = about;
  const props = { type: 'button', class: about.class, title: hint, disabled: about.disabled, onclick };
  const word = short ? h('span', { class: 'unseen' }, label) : label;
  return h('button', props, about.icon ? icon(about.icon) : null, word);
}

/**
 * Finds an element that the page is sure to have.
 *
 * @param {string} id
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * Sets a text only when it is another.
 *
 * @param {Node} node
 * @param {string} text
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
