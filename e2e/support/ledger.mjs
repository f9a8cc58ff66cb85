// What the model charged against what the server counted.

export const TOKENS = ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens'];

function sums(entries) {
  const sum = (key) => entries.reduce((total, entry) => total + entry[key], 0);
  return {
    answers: entries.length,
    inputTokens: sum('input'),
    outputTokens: sum('output'),
    cacheReadTokens: sum('cacheRead'),
    cacheWriteTokens: sum('cacheWrite'),
  };
}

/**
 * What an agent was charged for: the turns of a conversation, and all since a place in the ledger. Beside their turns agents
 * ask the model for a title, for what might be said next and the like; some count those, some do not.
 */
export function charged(ledger, tag, since = 0) {
  const all = ledger.slice(since);
  return { turns: sums(all.filter((entry) => entry.tag === tag && entry.tools)), all: sums(all) };
}

const told = (usage) => TOKENS.map((key) => `${key.replace('Tokens', '')} ${usage[key]}`).join(', ');

/**
 * Whether what was counted is that of whole answers: all of the turns, and perhaps some beside them, which all cost the same.
 *
 * @returns {{ seen: 'yes' | 'failed', note: string }}
 */
export function compare(counted, { turns, all }) {
  const answers = (counted.inputTokens / turns.inputTokens) * turns.answers;
  const whole = TOKENS.every((key) => counted[key] * turns.answers === turns[key] * answers);
  const beside = answers - turns.answers;
  const cost = counted.costUsd > 0 ? `, ${counted.costUsd} USD` : '';
  if (whole && Number.isInteger(answers) && beside >= 0 && answers <= all.answers) {
    return { seen: 'yes', note: `${told(counted)}${cost} in ${answers} answers, ${beside} of them beside the turns` };
  }
  return { seen: 'failed', note: `counted ${told(counted)}; ${turns.answers} answers were ${told(turns)}, and ${all.answers - turns.answers} were beside the turns` };
}
