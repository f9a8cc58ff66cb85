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
 * What a conversation was charged for: its turns, and all of it. Beside their turns agents ask the model for a title and the
 * like, in calls that offer no tools; some count those, some do not.
 */
export function charged(ledger, tag) {
  const all = ledger.filter((entry) => entry.tag === tag);
  return { turns: sums(all.filter(({ tools }) => tools)), all: sums(all) };
}

const told = (usage) => TOKENS.map((key) => `${key.replace('Tokens', '')} ${usage[key]}`).join(', ');

/** @returns {{ seen: 'yes' | 'failed', note: string }} */
export function compare(counted, { turns, all }) {
  const equals = (wanted) => TOKENS.every((key) => counted[key] === wanted[key]);
  const cost = counted.costUsd > 0 ? `, ${counted.costUsd} USD` : '';
  if (equals(turns)) return { seen: 'yes', note: `${told(counted)}${cost} in ${turns.answers} answers` };
  const beside = all.answers - turns.answers;
  if (equals(all)) return { seen: 'yes', note: `${told(counted)}${cost} in ${all.answers} answers, ${beside} of them beside the turns` };
  return { seen: 'failed', note: `counted ${told(counted)}; ${turns.answers} answers were ${told(turns)}, and ${beside} were beside the turns` };
}
