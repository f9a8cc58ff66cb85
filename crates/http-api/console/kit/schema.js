// Fields for settings that a JSON Schema describes: plain values as fields, lists of words a line each, the rest as JSON.

import { area, check, field, json, number, select, text } from './fields.js';
import { plain } from './text.js';

/**
 * @typedef {{ type?: string | string[], enum?: unknown[], default?: unknown, description?: string, minLength?: number,
 *   maxLength?: number, minimum?: number, maximum?: number, items?: { type?: string } }} Field
 * @typedef {{ properties?: Record<string, Field>, required?: string[] }} Schema
 * @typedef {{ name: string, element: HTMLElement, read: () => unknown }} Part
 */

/** @param {string} name @param {Field} schema @param {unknown} value @param {boolean} required @returns {Part} */
function part(name, schema, value, required) {
  const label = `${name}${required ? ' *' : ''}`;
  const help = schema.description ? plain(schema.description) : undefined;
  const hint = schema.default === undefined ? '' : String(schema.default);
  if (schema.enum) {
    const choices = schema.enum.map((one) => /** @type {[string, string]} */ ([String(one), String(one)]));
    const control = select(required ? choices : [['', hint ? `${hint}, unless chosen` : ''], ...choices], value === undefined ? '' : String(value));
    return { name, element: field(label, control, help), read: () => schema.enum?.find((one) => String(one) === control.value) };
  }
  if (schema.type === 'boolean') {
    const { control, element } = check(help ? `${name}: ${help}` : name, value === true);
    return { name, element, read: () => (control.checked || value !== undefined ? control.checked : undefined) };
  }
  if (schema.type === 'integer' || schema.type === 'number') {
    const control = number({ min: schema.minimum, max: schema.maximum, step: schema.type === 'integer' ? 1 : 'any', placeholder: hint, value: value === undefined ? null : String(value), required });
    return { name, element: field(label, control, help), read: () => (control.value === '' ? undefined : Number(control.value)) };
  }
  if (schema.type === 'array' && schema.items?.type === 'string') {
    const control = area(Array.isArray(value) ? value.join('\n') : '', { required });
    return { name, element: field(`${label}, one a line`, control, help), read: () => (control.value.trim() ? control.value.split('\n').map((line) => line.trim()).filter(Boolean) : undefined) };
  }
  if (schema.type === 'string' || Array.isArray(schema.type)) {
    const control = text({ placeholder: hint, minlength: schema.minLength, maxlength: schema.maxLength, value: value === undefined ? null : String(value), required });
    return { name, element: field(label, control, help), read: () => control.value.trim() || undefined };
  }
  const control = area(value === undefined ? '' : JSON.stringify(value, null, 2), { class: 'wide mono' });
  return { name, element: field(`${label}, as JSON`, control, help), read: () => json(control, name) };
}

/**
 * The fields of a schema, filled with what is there, and what is in them.
 *
 * @param {Schema | null | undefined} schema
 * @param {Record<string, unknown>} [values]
 */
export function schemaFields(schema, values = {}) {
  const required = new Set(schema?.required ?? []);
  const named = Object.entries(schema?.properties ?? {});
  // What has to be filled in comes first.
  named.sort(([one], [other]) => Number(required.has(other)) - Number(required.has(one)));
  const parts = named.map(([name, one]) => part(name, one, values[name], required.has(name)));
  return {
    elements: parts.map(({ element }) => element),
    /** @returns {Record<string, unknown>} */
    read: () => Object.fromEntries(parts.map(({ name, read }) => [name, read()]).filter(([, value]) => value !== undefined)),
  };
}
