// What an agent or a mission may use.

import { call } from '../kit/api.js';
import { amount, field, formDialog, given, number, reasonField } from '../kit/fields.js';
import { toast } from '../kit/toast.js';

/** @typedef {{ path: string, name: string, budget: import('../types').Budget | null }} Account `path` is that of the agent or mission */

/** The account of an agent with all below it. @param {string} id */
export const agentPath = (id) => `/agents/${id}`;

/** @param {string} name */
export const missionPath = (name) => `/missions/${encodeURIComponent(name)}`;

/**
 * Asks what may be used. Nothing in both fields takes the budget away.
 *
 * @param {Account} account
 * @param {() => void} [done]
 */
export function budgetDialog({ path, name, budget }, done) {
  const cost = number({ placeholder: 'no limit', value: budget?.maxCostUsd ?? null });
  const tokens = number({ placeholder: 'no limit', step: 1, value: budget?.maxTokens ?? null });
  const reason = reasonField();
  const means = 'When it is used up, the agents are paused. It counts from the first report on. Without both there is no budget.';
  formDialog({ title: `Budget of ${name}`, verb: 'Set', means }, [field('In US dollars', cost), field('In tokens, of all kinds', tokens), field('Reason', reason)], async () => {
    const limits = { maxCostUsd: amount(cost), maxTokens: amount(tokens) };
    const why = given(reason) ? { reason: given(reason) } : {};
    const none = limits.maxCostUsd === undefined && limits.maxTokens === undefined;
    await call(none ? 'DELETE' : 'PUT', `${path}/budget`, { body: none ? why : { ...limits, ...why } });
    toast(none ? `${name} has no budget any more.` : `The budget of ${name} is set.`);
    done?.();
  });
}
