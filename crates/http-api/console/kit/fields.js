// Fields of forms, and dialogs with a form.

import { callName, told } from './api.js';
import { dialog } from './dialog.js';
import { button, h, put, say } from './dom.js';

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */

let numbered = 0;

/**
 * A control with its label, and a word of help below it.
 *
 * @param {string} label
 * @param {Control} control
 * @param {string} [help]
 */
export function field(label, control, help) {
  if (!help) return h('label', { class: 'field' }, label, control);
  const id = `help-${(numbered += 1)}`;
  control.setAttribute('aria-describedby', id);
  return h('div', { class: 'field' }, h('label', { class: 'field' }, label, control), h('span', { id, class: 'quiet-text' }, help));
}

/** @param {Record<string, import('./dom.js').Prop>} [props] */
export const text = (props = {}) => h('input', { type: 'text', class: 'wide', autocomplete: 'off', ...props });

/** @param {Record<string, import('./dom.js').Prop>} [props] */
export const number = (props = {}) => h('input', { type: 'number', class: 'wide', min: 0, step: 'any', ...props });

/** @param {string} value @param {Record<string, import('./dom.js').Prop>} [props] */
export function area(value, props = {}) {
  const control = h('textarea', { class: 'wide', rows: 3, spellcheck: 'false', ...props });
  control.value = value;
  return control;
}

/** @param {[string, string][]} choices value and words @param {string} [chosen] @param {Record<string, import('./dom.js').Prop>} [props] */
export function select(choices, chosen = '', props = {}) {
  return h('select', { class: 'wide', ...props }, ...choices.map(([value, words]) => h('option', { value, selected: value === chosen }, words)));
}

/** @param {string} label @param {boolean} checked */
export function check(label, checked) {
  const control = h('input', { type: 'checkbox', checked });
  return { control, element: h('label', { class: 'choice' }, control, label) };
}

/** A field that is filled, or nothing. @param {Control} control */
export const given = (control) => control.value.trim() || undefined;

/** A number that is filled in, or nothing. @param {Control} control */
export const amount = (control) => (control.value.trim() === '' ? undefined : Number(control.value));

/**
 * A field with JSON in it. Throws with the name of the field when it is none.
 *
 * @param {Control} control
 * @param {string} name
 */
export function json(control, name) {
  if (!control.value.trim()) return undefined;
  try {
    return JSON.parse(control.value);
  } catch (error) {
    throw new Error(`${name} is no JSON: ${told(error)}`, { cause: error });
  }
}

/** For the audit log. */
export const reasonField = () => text({ maxlength: 2_000, placeholder: 'for the audit log' });

/**
 * A dialog with fields, that is closed when what it asks for is done.
 *
 * @param {{ title: string, verb: string, means?: string, danger?: boolean, wide?: boolean }} about
 * @param {(HTMLElement | null | false)[]} fields
 * @param {(once: string) => Promise<void | (() => void)>} act `once` names the call, the same for each try; what it gives is done
 *   when the dialog is closed and the focus is where it was
 */
export function formDialog({ title, verb, means = '', danger = false, wide = false }, fields, act) {
  const element = dialog(title, wide ? 'wide-dialog' : '');
  const fault = h('p', { class: 'fault', role: 'alert' });
  const submit = h('button', { type: 'submit', class: danger ? 'danger solid' : 'primary' }, verb);
  const buttons = h('div', { class: 'dialog-buttons' }, button({ label: 'Cancel' }, () => element.close()), submit);
  const form = h('form', { method: 'dialog', class: 'dialog-form' }, h('div', { class: 'dialog-fields' }, ...fields), fault, buttons);
  let once = callName();
  form.addEventListener('input', () => (once = callName()));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit.disabled = true;
    say(fault, '');
    Promise.resolve()
      .then(() => act(once))
      .then((then) => {
        element.close();
        then?.();
      })
      .catch((error) => say(fault, told(error)))
      .finally(() => (submit.disabled = false));
  });
  put(element, means ? h('p', { class: 'quiet-text' }, means) : null, form);
  element.showModal();
  const first = form.querySelector('input, select, textarea');
  if (first instanceof HTMLElement) first.focus();
  return element;
}

/**
 * Asks before something is done that cannot be undone, and why.
 *
 * @param {{ title: string, verb: string, means: string, danger?: boolean }} about
 * @param {(body: { reason?: string }, once: string) => Promise<void>} act
 */
export function confirmDialog(about, act) {
  const reason = reasonField();
  const body = () => (given(reason) ? { reason: given(reason) } : {});
  return formDialog({ danger: true, ...about }, [field('Reason', reason)], (once) => act(body(), once));
}
