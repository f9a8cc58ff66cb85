// Sinks: what takes events to people and systems outside.

import { call, get, post } from '../kit/api.js';
import { dialog } from '../kit/dialog.js';
import { button, h, put } from '../kit/dom.js';
import { area, check, confirmDialog, field, formDialog, given, number, reasonField, select, text, amount } from '../kit/fields.js';
import { schemaFields } from '../kit/schema.js';
import { STATUSES } from '../kit/status.js';
import { clock, count, counted, plain } from '../kit/text.js';
import { complain, toast } from '../kit/toast.js';
import { credentialsField, credentialsOf } from './providers.js';
import { fill, reader, section } from './section.js';

/**
 * @typedef {import('../types').Sink} Sink
 * @typedef {import('../types').SinkForm} SinkForm
 * @typedef {import('../types').DeadLetter} DeadLetter
 */

/** @param {string} name */
const path = (name) => `/sinks/${encodeURIComponent(name)}`;

/** @param {SinkForm[]} forms @param {Sink | null} sink @param {() => void} done */
function setDialog(forms, sink, done) {
  const form = select(forms.map(({ name, source }) => [name, `${name} (${source === 'audit' ? 'the audit log' : 'events'})`]), sink?.form ?? 'ntfy', { disabled: sink !== null });
  const name = text({ required: true, maxlength: 100, value: sink?.name ?? '', disabled: sink !== null });
  const person = check('Whatever needs a person', sink ? sink.filter.needsPerson === true : true);
  const statuses = select(STATUSES.map((status) => [status, status]), '', { multiple: true, size: 4 });
  for (const option of statuses.options) option.selected = sink?.filter.statuses?.some((status) => status === option.value) ?? false;
  const missions = area(sink?.filter.missions?.join('\n') ?? '', { rows: 2 });
  const transcript = check('With titles and reasons that agents wrote', sink?.transcript ?? false);
  const enabled = check('It sends', sink?.enabled ?? true);
  const tries = number({ min: 1, max: 100, step: 1, value: sink?.maxTries ?? 12 });
  const secrets = credentialsField(sink?.credentials ?? []);
  const reason = reasonField();
  const events = h('fieldset', { class: 'dialog-fields' }, h('legend', {}, 'What it sends'), person.element, field('Changes of the status to', statuses), field('Only of these missions, one a line', missions), transcript.element);
  const box = h('div', { class: 'dialog-fields' });
  let settings = schemaFields(null);
  const draw = () => {
    const chosen = forms.find((one) => one.name === form.value);
    settings = schemaFields(/** @type {any} */ (chosen?.settingsSchema), sink?.settings);
    box.replaceChildren(...settings.elements);
    events.hidden = chosen?.source === 'audit';
    secrets.element.hidden = !chosen?.credentials.length;
    secrets.control.placeholder = chosen?.credentials.map((one) => `${one}=…`).join('\n') ?? '';
  };
  form.addEventListener('change', draw);
  draw();
  formDialog({ title: sink ? `Change ${plain(sink.name)}` : 'Make a sink', verb: sink ? 'Change' : 'Make', wide: true }, [
    h('div', { class: 'two' }, field('Form', form), field('Name', name)),
    box,
    secrets.element,
    events,
    h('div', { class: 'two' }, field('Tries of a message', tries), field('Reason', reason)),
    enabled.element,
  ], async () => {
    const filter = events.hidden ? {} : { needsPerson: person.control.checked, kinds: sink?.filter.kinds ?? [], statuses: [...statuses.selectedOptions].map(({ value }) => value), missions: missions.value.split('\n').map((line) => line.trim()).filter(Boolean) };
    const body = {
      ...(sink ? {} : { name: name.value.trim() }),
      form: form.value,
      enabled: enabled.control.checked,
      settings: settings.read(),
      filter,
      transcript: !events.hidden && transcript.control.checked,
      ...(amount(tries) ? { maxTries: amount(tries) } : {}),
      ...(secrets.element.hidden ? {} : credentialsOf(secrets.control.value, sink?.credentials ?? [])),
      ...(given(reason) ? { reason: given(reason) } : {}),
    };
    if (sink) await call('PUT', path(sink.name), { body, match: sink.revision });
    else await post('/sinks', body);
    done();
  });
}

/** What did not arrive, and a way to send it again. @param {Sink} sink @param {boolean} admin @param {() => void} done */
async function lettersDialog(sink, admin, done) {
  /** @type {{ deadLetters: DeadLetter[] }} */
  const { deadLetters } = await get(`${path(sink.name)}/dead-letters?limit=200`);
  const element = dialog(`What did not arrive: ${plain(sink.name)}`, 'wide-dialog');
  const rows = deadLetters.map(({ place, kind, tries, error }) => h('tr', {}, h('td', { class: 'number' }, place), h('td', {}, kind ?? 'audit'), h('td', { class: 'number' }, tries), h('td', { class: 'grow' }, plain(JSON.stringify(error)))));
  const table = h('table', { class: 'table' }, h('thead', {}, h('tr', {}, ...['Place', 'What', 'Tries', 'Why'].map((word) => h('th', { scope: 'col' }, word)))), h('tbody', {}, ...rows));
  const again = admin && button({ label: 'Send all again', class: 'primary' }, () => {
    post(`${path(sink.name)}/dead-letters/resend`, {})
      .then((/** @type {{ letters: number }} */ { letters }) => {
        toast(`${counted(letters, 'message')} will be sent again.`);
        element.close();
        done();
      })
      .catch(complain);
  });
  put(element, h('div', { class: 'table-box', tabindex: '0', 'aria-label': 'Messages' }, table), h('div', { class: 'dialog-buttons' }, button({ label: 'Close' }, () => element.close()), again));
  element.showModal();
}

/** @param {Sink} sink */
function stateOf({ enabled, state }) {
  if (!enabled) return h('td', { class: 'grow quiet-text' }, 'off');
  const failing = state.tries > 0;
  const words = failing ? `fails, tried ${counted(state.tries, 'time')}` : state.lag ? `${count(state.lag)} behind` : 'up to date';
  const last = state.lastSuccess ? `, last sent at ${clock(state.lastSuccess)}` : '';
  return h('td', { class: `grow ${failing ? 'fault' : ''}`, title: state.lastError ? plain(JSON.stringify(state.lastError)) : null }, words + last);
}

/**
 * @param {import('./section.js').Ways} to
 * @param {{ admin: boolean }} about
 */
export function sinksView(to, { admin }) {
  /** @type {SinkForm[]} */
  let forms = [];
  const add = admin ? { label: 'Make a sink', act: () => setDialog(forms, null, () => again()) } : null;
  const { body, none } = section({ name: 'sinks', title: 'Sinks', about: 'What tells people and systems outside.', heads: ['Name', 'Form', 'State', 'Did not arrive', ''], none: 'There is no sink. One calls you when an agent needs a person.', add }, to);
  /** @param {Sink} sink */
  const trial = (sink) => void post(`${path(sink.name)}/test`, {}).then((/** @type {{ accepted: boolean }} */ { accepted }) => toast(accepted ? `${sink.name} took the message.` : `${sink.name} did not take it.`, accepted ? 'good' : 'bad')).catch(complain);
  /** @param {Sink} sink */
  const remove = (sink) => confirmDialog({ title: `Remove ${plain(sink.name)}`, verb: 'Remove', means: 'What it did not deliver is forgotten.' }, async (why) => {
    await call('DELETE', path(sink.name), { body: why, match: sink.revision });
    again();
  });
  const read = async () => {
    /** @type {{ forms: SinkForm[], sinks: Sink[] }} */
    const answer = await get('/sinks');
    forms = answer.forms;
    fill(body, answer.sinks.map((sink) => h(
      'tr',
      { 'data-key': sink.name },
      h('td', {}, h('strong', {}, plain(sink.name))),
      h('td', {}, sink.form),
      stateOf(sink),
      h('td', {}, sink.state.deadLetters ? button({ label: counted(sink.state.deadLetters, 'message'), class: 'link' }, () => void lettersDialog(sink, admin, () => again()).catch(complain)) : ''),
      h('td', {}, admin ? h('div', { class: 'deeds' }, button({ label: 'Send a test', class: 'link' }, () => trial(sink)), button({ label: 'Change', class: 'link' }, () => setDialog(forms, sink, () => again())), button({ label: 'Remove', class: 'link' }, () => remove(sink))) : null),
    )));
    none.hidden = answer.sinks.length > 0;
  };
  const { show, again } = reader(read);
  return { show };
}
