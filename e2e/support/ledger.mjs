// What the model charged against what the server counted.

/** The sum of what a conversation was charged for, main calls only: those that offer tools. */
export function charged(ledger, tag) {
  const of = ledger.filter((entry) => entry.tag === tag && entry.tools);
  const sum = (key) => of.reduce((total, entry) => total + entry[key], 0);
  return {
    answers: of.length,
    inputTokens: sum('input'),
    outputTokens: sum('output'),
    cacheReadTokens: sum('cacheRead'),
    cacheWriteTokens: sum('cacheWrite'),
  };
}

export const TOKENS = ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens'];

const told = (usage) => TOKENS.map((key) => `${key.replace('Tokens', '')} ${usage[key]}`).join(', ');

/** @returns {{ seen: 'yes' | 'failed', note: string }} */
export function compare(counted, { answers, ...wanted }) {
  const right = TOKENS.every((key) => counted[key] === wanted[key]);
  const cost = counted.costUsd > 0 ? `, ${counted.costUsd} USD` : '';
  if (right) return { seen: 'yes', note: `${told(counted)}${cost} in ${answers} answers` };
  return { seen: 'failed', note: `counted ${told(counted)}; ${answers} answers were ${told(wanted)}` };
}
