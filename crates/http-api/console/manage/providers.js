// Configurations of providers: what starts agents.

import { call, get, post } from '../kit/api.js';
import { button, h, put } from '../kit/dom.js';
import { amount, area, check, confirmDialog, field, formDialog, given, number, reasonField, select, text } from '../kit/fields.js';
import { personOf } from '../kit/people.js';
import { schemaFields } from '../kit/schema.js';
import { clock, counted, plain } from '../kit/text.js';
import { complain, toast } from '../kit/toast.js';
import { fill, reader, section } from './section.js';

/**
 * @typedef {import('../types').Provider} Provider
 * @typedef {import('../types').ProviderConfig} ProviderConfig
 */

/** `NAME=value` a line; a name alone takes that credential away. @param {string} lines @param {string[]} there */
export function credentialsOf(lines, there) {
  const pairs = lines.split('\n').map((line) => line.trim()).filter(Boolean).map((line) => {
    const [name = '', ...rest] = line.split('=');
    if (!rest.length && !there.includes(name)) throw new Error(`There is no credential ${name} to take away; write ${name}=value to set it.`);
    return [name.trim(), rest.length ? rest.join('=') : null];
  });
  return pairs.length ? { credentials: Object.fromEntries(pairs) } : {};
}

/** @param {string[]} there */
export function credentialsField(there) {
  const control = area('', { class: 'wide mono', autocomplete: 'off' });
  const known = there.length ? `There are ${there.join(', ')}; they stay unless they are named. A name alone takes one away. ` : '';
  return { control, element: field('Credentials, NAME=value a line', control, `${known}Nobody can read them back.`) };
}

/**
 * @param {Provider[]} providers
 * @param {ProviderConfig | null} config
 * @param {() => void} done
 */
function setDialog(providers, config, done) {
  const kinds = providers.filter(({ settingsSchema }) => settingsSchema);
  const kind = select(kinds.map(({ name }) => [name, name]), config?.kind ?? 'acp', { disabled: config !== null });
  const name = text({ required: true, maxlength: 100, value: config?.name ?? '', disabled: config !== null });
  const shown = text({ maxlength: 100, value: config?.displayName ?? '' });
  const enabled = check('Agents may be started from it', config?.enabled ?? true);
  const labels = text({ value: config?.labels.join(', ') ?? '' });
  const atOnce = number({ min: 1, max: 1000, step: 1, placeholder: 'no limit', value: config?.limits.atOnce ?? null });
  const cost = number({ placeholder: 'no limit', value: config?.limits.maxCostUsd ?? null });
  const secrets = credentialsField(config?.credentials ?? []);
  const reason = reasonField();
  const box = h('div', { class: 'dialog-fields' });
  let settings = schemaFields(null);
  const draw = () => {
    const schema = kinds.find((one) => one.name === kind.value)?.settingsSchema;
    settings = schemaFields(/** @type {any} */ (schema), config?.settings);
    box.replaceChildren(...settings.elements);
  };
  kind.addEventListener('change', draw);
  draw();
  formDialog({ title: config ? `Change ${plain(config.name)}` : 'Set up a provider', verb: config ? 'Change' : 'Set up', wide: true }, [
    h('div', { class: 'two' }, field('Kind', kind), field('Name', name)),
    h('div', { class: 'two' }, field('Shown as', shown), field('Labels of runners, with commas', labels)),
    h('div', { class: 'two' }, field('At once', atOnce), field('Budget of each agent, in $', cost)),
    enabled.element,
    h('details', { class: 'more', open: true }, h('summary', {}, 'Settings'), box),
    secrets.element,
    field('Reason', reason),
  ], async () => {
    const body = {
      ...(config ? {} : { name: name.value.trim() }),
      kind: kind.value,
      displayName: given(shown) ?? null,
      enabled: enabled.control.checked,
      labels: labels.value.split(',').map((one) => one.trim()).filter(Boolean),
      limits: { ...config?.limits, atOnce: amount(atOnce) ?? null, maxCostUsd: amount(cost) ?? null },
      settings: settings.read(),
      ...credentialsOf(secrets.control.value, config?.credentials ?? []),
      ...(given(reason) ? { reason: given(reason) } : {}),
    };
    if (config) await call('PUT', `/providers/${encodeURIComponent(config.name)}`, { body, match: config.revision });
    else await post('/providers', body);
    done();
  });
}

/** @param {ProviderConfig} config @param {HTMLButtonElement} pressed */
async function tryOut(config, pressed) {
  pressed.disabled = true;
  try {
    /** @type {{ started: boolean, agent: string | null, offers: string[] }} */
    const trial = await post(`/providers/${encodeURIComponent(config.name)}/test`, {});
    toast(trial.started ? `${config.name} answers${trial.agent ? ` as ${plain(trial.agent)}` : ''}.` : `${config.name} has what it needs: ${plain(trial.offers.join(', ')) || 'nothing is tried'}.`);
  } catch (error) {
    complain(error);
  } finally {
    pressed.disabled = false;
  }
}

/**
 * @param {import('./section.js').Ways} to
 * @param {{ admin: boolean }} about
 */
export function providersView(to, { admin }) {
  /** @type {Provider[]} */
  let providers = [];
  const add = admin ? { label: 'Set up a provider', act: () => setDialog(providers, null, () => again()) } : null;
  const { view, body, none } = section({ name: 'providers', title: 'Providers', about: 'What starts agents, and how it is set.', heads: ['Name', 'Kind', 'State', 'Credentials', 'Changed', ''], none: 'Nothing is set up. Agents that report by themselves need no provider.', add }, to);
  const kinds = h('p', { class: 'quiet-text' });
  put(view, kinds);

  /** @param {ProviderConfig} config */
  const remove = (config) => confirmDialog({ title: `Remove ${plain(config.name)}`, verb: 'Remove', means: 'No agent can be started from it any more. Those at work go on.' }, async (why) => {
    await call('DELETE', `/providers/${encodeURIComponent(config.name)}`, { body: why, match: config.revision });
    again();
  });
  /** @param {ProviderConfig} config */
  function deeds(config) {
    if (!admin) return null;
    const attempt = button({ label: 'Try out', class: 'link' }, () => void tryOut(config, attempt));
    if (config.source === 'file') return h('div', { class: 'deeds' }, attempt, h('span', { class: 'quiet-text' }, 'in the file'));
    return h('div', { class: 'deeds' }, attempt, button({ label: 'Change', class: 'link' }, () => setDialog(providers, config, () => again())), button({ label: 'Remove', class: 'link' }, () => remove(config)));
  }
  const read = async () => {
    /** @type {{ providers: Provider[], configurations: ProviderConfig[] }} */
    const answer = await get('/providers');
    providers = answer.providers;
    fill(body, answer.configurations.map((config) => h(
      'tr',
      { 'data-key': config.name },
      h('td', {}, h('strong', {}, plain(config.displayName ?? config.name)), config.displayName ? h('span', { class: 'quiet-text' }, ` ${plain(config.name)}`) : ''),
      h('td', {}, config.kind),
      h('td', { class: 'grow' }, !config.enabled ? 'off' : config.hindrance ? h('span', { class: 'fault' }, plain(config.hindrance)) : 'on'),
      h('td', {}, config.credentials.length ? plain(config.credentials.join(', ')) : ''),
      h('td', {}, config.changedAt ? `${clock(config.changedAt)} by ${personOf(config.changedBy ?? '', config.changedByName)}` : ''),
      h('td', {}, deeds(config)),
    )));
    none.hidden = answer.configurations.length > 0;
    const able = providers.filter(({ spawns }) => spawns);
    kinds.textContent = `This server starts agents of ${counted(able.length, 'provider')}: ${able.map(({ name }) => name).join(', ') || 'none'}.`;
  };
  const { show, again } = reader(read);
  return { show };
}
