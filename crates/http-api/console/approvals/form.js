// A permission request can be a question with a form: its fields, and what is filled into them.

import { h, put } from '../kit/dom.js';
import { plain, reveal } from '../kit/text.js';

/**
 * @typedef {{ type?: string, title?: string, description?: string, default?: unknown, enum?: unknown[], minLength?: number,
 *   maxLength?: number, minimum?: number, maximum?: number, oneOf?: Choice[], items?: { enum?: unknown[], anyOf?: Choice[] } }} Field
 * @typedef {{ const: unknown, title?: string }} Choice
 * @typedef {{ element: HTMLElement, answer: () => Record<string, unknown> }} Form
 */

/** @param {Field} field @returns {Choice[]} */
function choices(field) {
  const from = field.type === 'array' ? (field.items ?? {}) : field;
  const titled = 'anyOf' in from && from.anyOf ? from.anyOf : 'oneOf' in from && from.oneOf ? from.oneOf : [];
  return [...(from.enum ?? []).map((value) => ({ const: value })), ...titled];
}

/** @param {Field} field @param {boolean} required */
function control(field, required) {
  const listed = choices(field);
  if (listed.length > 0) {
    const select = h('select', { class: 'wide', multiple: field.type === 'array' });
    if (!required && field.type !== 'array') put(select, h('option', { value: '' }, ''));
    listed.forEach((choice, place) => {
      const chosen = choice.const === field.default;
      put(select, h('option', { value: place, selected: chosen }, plain(choice.title ?? String(choice.const))));
    });
    return select;
  }
  if (field.type === 'boolean') return h('input', { type: 'checkbox', checked: field.default === true });
  const numeric = field.type === 'number' || field.type === 'integer';
  const given = typeof field.default === 'string' || typeof field.default === 'number' ? plain(String(field.default)) : null;
  return h('input', {
    type: numeric ? 'number' : 'text',
    class: 'wide',
    value: given,
    step: field.type === 'number' ? 'any' : null,
    min: field.minimum,
    max: field.maximum,
    minlength: field.minLength,
    maxlength: field.maxLength,
  });
}

/**
 * What is in a control; `undefined` when nothing is.
 *
 * @param {Field} field
 * @param {HTMLInputElement | HTMLSelectElement} element
 */
function filled(field, element) {
  if (element instanceof HTMLSelectElement) {
    const listed = choices(field);
    const values = [...element.selectedOptions].filter((option) => option.value !== '').map((option) => listed[Number(option.value)]?.const);
    return field.type === 'array' ? values : values[0];
  }
  if (field.type === 'boolean') return element.checked;
  if (element.value === '') return undefined;
  return field.type === 'number' || field.type === 'integer' ? Number(element.value) : element.value;
}

/**
 * The form of a request; `null` when it has none.
 *
 * @param {Record<string, unknown>} detail
 * @returns {Form | null}
 */
export function formOf(detail) {
  const form = /** @type {{ properties?: Record<string, Field>, required?: string[] } | undefined} */ (detail.form);
  if (!form?.properties || typeof form.properties !== 'object') return null;
  const required = new Set(Array.isArray(form.required) ? form.required : []);
  const fields = Object.entries(form.properties).map(([name, field]) => ({ name, field, element: control(field, required.has(name)) }));
  const rows = fields.map(({ name, field, element }) => {
    const label = h('span', { dir: 'auto' }, reveal(field.title ?? name), required.has(name) ? ' *' : '');
    const help = field.description ? h('span', { class: 'quiet-text', dir: 'auto' }, reveal(field.description)) : null;
    return h('label', { class: 'field' }, label, element, help);
  });
  const answer = () => {
    const values = fields.map(({ name, field, element }) => [name, filled(field, element)]);
    return Object.fromEntries(values.filter(([, value]) => value !== undefined));
  };
  return { element: h('div', { class: 'approval-form', role: 'group', 'aria-label': 'What it asks you to fill in' }, ...rows), answer };
}
