// API keys: given out, listed, taken back.

import { call, get, post } from '../kit/api.js';
import { copy } from '../kit/copy.js';
import { dialog } from '../kit/dialog.js';
import { button, h, put } from '../kit/dom.js';
import { area, confirmDialog, field, formDialog, number, select, text, amount } from '../kit/fields.js';
import { brief, clock, plain } from '../kit/text.js';
import { toast } from '../kit/toast.js';
import { fill, reader, section } from './section.js';

/**
 * @typedef {import('../types').Key} Key
 * @typedef {import('../types').NewKey} NewKey
 */

/** @type {[string, string][]} */
const ROLES = [['viewer', 'viewer: looks'], ['operator', 'operator: looks and steps in'], ['admin', 'admin: all, keys and providers too'], ['agent', 'agent: reports for one session and those below it'], ['runner', 'runner: starts agents on another machine']];

/** A key is shown once. @param {NewKey} made */
function showOnce(made) {
  const element = dialog(`The key of ${plain(made.name)}`);
  const take = button({ label: 'Copy', icon: 'copy', class: 'primary' }, () => void copy(made.key, 'The key'));
  put(element, h('p', {}, 'It is shown this once: the server keeps no copy that could be read.'), h('pre', { class: 'code', tabindex: '0', 'aria-label': 'The key' }, made.key), h('div', { class: 'dialog-buttons' }, take, button({ label: 'Close' }, () => element.close())));
  element.showModal();
  take.focus();
}

/** @param {() => void} done */
function makeDialog(done) {
  const name = text({ required: true, maxlength: 100 });
  const role = select(ROLES, 'operator');
  const missions = area('', { rows: 2 });
  const days = number({ min: 1, max: 36_500, step: 1, placeholder: 'for ever' });
  const limited = field('Missions, one a line', missions, 'All of them when empty.');
  role.addEventListener('change', () => (limited.hidden = !['viewer', 'operator'].includes(role.value)));
  formDialog({ title: 'Make a key', verb: 'Make' }, [field('Name', name, 'What people call it; the record of what it did shows it.'), field('Role', role), limited, field('Good for so many days', days)], async () => {
    const only = limited.hidden ? [] : missions.value.split('\n').map((line) => line.trim()).filter(Boolean);
    const body = { name: name.value.trim(), role: role.value, ...(only.length ? { missions: only } : {}), ...(amount(days) ? { expiresInDays: amount(days) } : {}) };
    /** @type {NewKey} */
    const made = await post('/keys', body);
    return () => {
      done();
      showOnce(made);
    };
  });
}

/** @param {Key} key */
const reach = (key) => plain(key.missions?.join(', ') ?? key.missionId ?? (key.sessionId ? `session ${brief(key.sessionId)}` : ''));

/**
 * @param {import('./section.js').Ways} to
 * @param {{ me: import('../types').Me }} about
 */
export function keysView(to, { me }) {
  const { body, none } = section({ name: 'keys', title: 'Keys', about: 'Who may do what here.', heads: ['Name', 'Role', 'Of', 'State', 'Made', 'Until', 'Id', ''], none: 'There is no key.', add: { label: 'Make a key', act: () => makeDialog(() => again()) } }, to);
  /** @param {Key} key */
  const revoke = (key) => confirmDialog({ title: `Take back the key ${plain(key.name)}`, verb: 'Take back', means: key.id === me.keyId ? 'This is your own key: you are logged out at once.' : 'Whoever has it is out at once, with all streams.' }, async (why) => {
    await call('DELETE', `/keys/${key.id}`, { body: why });
    toast(`The key ${plain(key.name)} is taken back.`);
    again();
  });
  const read = async () => {
    /** @type {{ keys: Key[] }} */
    const { keys } = await get('/keys');
    fill(body, keys.map((key) => h(
      'tr',
      { 'data-key': key.id, class: key.state === 'good' ? '' : 'past' },
      h('td', { class: 'grow' }, h('strong', {}, plain(key.name)), key.id === me.keyId ? h('span', { class: 'quiet-text' }, ' you') : ''),
      h('td', {}, key.role),
      h('td', {}, reach(key)),
      h('td', {}, key.state),
      h('td', {}, clock(key.createdAt)),
      h('td', {}, key.expiresAt ? clock(key.expiresAt) : ''),
      h('td', {}, h('code', {}, key.id)),
      h('td', {}, key.state === 'good' ? button({ label: 'Take back', class: 'link' }, () => revoke(key)) : null),
    )));
    none.hidden = keys.length > 0;
  };
  const { show, again } = reader(read);
  return { show };
}
