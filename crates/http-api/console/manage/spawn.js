// Having an agent started, also one like another.

import { call, get, post } from '../kit/api.js';
import { h, put } from '../kit/dom.js';
import { amount, area, field, formDialog, given, json, number, select, text } from '../kit/fields.js';
import { nameOf, plain } from '../kit/text.js';
import { toast } from '../kit/toast.js';

/**
 * @typedef {import('../types').Session} Session
 * @typedef {import('../types').Provider} Provider
 * @typedef {import('../types').ProviderConfig} ProviderConfig
 */

/** What a context keeps besides the options that have fields of their own. @param {Session | null} like */
function contextOf(like) {
  if (!like) return { rest: '', model: '', mode: '' };
  const { model, mode, ...rest } = like.context;
  return { rest: Object.keys(rest).length ? JSON.stringify(rest, null, 2) : '', model: String(model ?? ''), mode: String(mode ?? '') };
}

/** The first words that an agent was told, if they are still there. @param {string} id */
async function promptOf(id) {
  /** @type {import('../types').History} */
  const { messages } = await get(`/agents/${id}/messages?after=0&limit=5`);
  return messages.find(({ role }) => role === 'user')?.content ?? '';
}

/** The providers and configurations that can start agents. */
async function startable() {
  /** @type {{ providers: Provider[], configurations: ProviderConfig[] }} */
  const { providers, configurations } = await get('/providers');
  const usable = configurations.filter(({ enabled, hindrance }) => enabled && !hindrance);
  const kinds = providers.filter(({ spawns, name }) => spawns && !usable.some((one) => one.name === name));
  return { providers, names: [...usable.map(({ name, kind, displayName }) => ({ name, kind, words: displayName ?? name })), ...kinds.map(({ name }) => ({ name, kind: name, words: name }))] };
}

/**
 * Asks what to start, and starts it.
 *
 * @param {{ like?: string, missions: string[], open: (session: string) => void }} about `like` is the session that it is to be like
 */
export async function spawnDialog({ like, missions, open }) {
  const [{ providers, names }, model, told] = await Promise.all([startable(), like ? get(`/agents/${like}/status`) : null, like ? promptOf(like) : '']);
  const one = /** @type {Session | null} */ (model);
  if (!names.length) {
    toast('This server has no provider that starts agents: set one up under Manage, Providers.', 'bad');
    return;
  }
  const before = contextOf(one);
  const chosen = one?.providerConfiguration?.name ?? one?.provider ?? names[0]?.name ?? '';
  const provider = select(names.map(({ name, words }) => [name, plain(words)]), chosen, { name: 'provider' });
  const type = text({ list: 'spawn-types', required: true, maxlength: 100, value: one?.agentType ?? '', name: 'agentType' });
  const types = h('datalist', { id: 'spawn-types' });
  const task = text({ required: true, maxlength: 200, value: one?.taskId ?? '', name: 'taskId' });
  const mission = text({ list: 'spawn-missions', maxlength: 200, value: one?.missionId ?? '', name: 'missionId' });
  const known = h('datalist', { id: 'spawn-missions' }, ...missions.map((name) => h('option', { value: name })));
  const prompt = area(told, { rows: 4, spellcheck: 'true', name: 'prompt' });
  const modelField = text({ value: before.model, placeholder: 'as configured', name: 'model' });
  const mode = text({ value: before.mode, placeholder: 'as configured', name: 'mode' });
  const cost = number({ placeholder: 'no limit', name: 'maxCostUsd' });
  const tokens = number({ placeholder: 'no limit', step: 1, name: 'maxTokens' });
  const context = area(before.rest, { class: 'wide mono', name: 'context' });
  const offer = () => {
    const kind = names.find(({ name }) => name === provider.value)?.kind;
    const offered = providers.find(({ name }) => name === kind)?.agentTypes ?? [];
    types.replaceChildren(...offered.map((name) => h('option', { value: name })));
    if (!type.value && offered[0]) type.value = offered[0];
  };
  provider.addEventListener('change', offer);
  offer();

  async function start() {
    const options = Object.fromEntries([['model', given(modelField)], ['mode', given(mode)]].filter(([, value]) => value));
    const body = {
      provider: provider.value,
      agentType: type.value.trim(),
      taskId: task.value.trim(),
      ...(given(mission) ? { missionId: given(mission) } : {}),
      ...(prompt.value.trim() ? { prompt: prompt.value } : {}),
      ...(Object.keys(options).length ? { options } : {}),
      ...(context.value.trim() ? { context: json(context, 'Context') } : {}),
      ...(one && Object.keys(one.metadata).length ? { metadata: one.metadata } : {}),
    };
    /** @type {{ agentId: string }} */
    const { agentId } = await post('/agents/spawn', body);
    const budget = { maxCostUsd: amount(cost), maxTokens: amount(tokens) };
    if (budget.maxCostUsd !== undefined || budget.maxTokens !== undefined) await call('PUT', `/agents/${agentId}/budget`, { body: budget }).catch((error) => toast(`It is started, but has no budget: ${error.message}`, 'bad'));
    return () => open(agentId);
  }

  const more = h('details', { class: 'more' }, h('summary', {}, 'More'), field('Mode', mode), field('Context, as JSON', context, 'What it is given to work with; what must be in it depends on the provider.'));
  if (before.rest) more.open = true;
  const element = formDialog({ title: one ? `Another one like ${nameOf(one)}` : 'Start an agent', verb: 'Start', wide: true }, [
    h('div', { class: 'two' }, field('Provider', provider), field('Agent type', type)),
    h('div', { class: 'two' }, field('Task', task), field('Mission', mission)),
    field('Prompt', prompt),
    h('div', { class: 'two' }, field('Model', modelField), h('div', { class: 'two' }, field('Budget, in $', cost), field('Budget, in tokens', tokens))),
    more,
  ], start);
  put(element, types, known);
}
