// What was used, made into bars: days side by side, the largest of what they are broken down by apart from the others.

/**
 * @typedef {{ day?: string, model?: string | null, missionId?: string | null, agentId?: string, costUsd: number, totalTokens: number, inputTokens: number, outputTokens: number, cacheReadTokens: number, cacheWriteTokens: number, reports: number, pricedReports: number }} Line
 * @typedef {'model' | 'mission' | 'agent'} By
 * @typedef {'cost' | 'tokens'} Measure
 * @typedef {import('../kit/bars.js').Bucket} Bucket
 */

/** So many are told apart by their colour; the last is all others together. */
export const MOST = 7;
export const DAY = 86_400_000;

/** @param {number} moment */
export const dayOf = (moment) => new Date(moment).toISOString().slice(0, 10);

/**
 * All days of a range, in UTC.
 *
 * @param {string} from
 * @param {string} to
 */
export function daysOf(from, to) {
  const days = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY) days.push(dayOf(at));
  return days;
}

/**
 * The days of each bar, when there is room for no more than so many bars.
 *
 * @param {string[]} days
 * @param {number} most
 * @returns {string[][]}
 */
export function grouped(days, most) {
  const size = Math.max(1, Math.ceil(days.length / Math.max(1, most)));
  const groups = [];
  for (let at = 0; at < days.length; at += size) groups.push(days.slice(at, at + size));
  return groups;
}

/** What tells the lines apart. @param {Line} line @param {By} by */
export const keyOf = (line, by) => ({ model: line.model, mission: line.missionId, agent: line.agentId })[by] ?? '';

/** @param {Line} line @param {Measure} measure */
const amount = (line, measure) => (measure === 'cost' ? line.costUsd : line.totalTokens);

/**
 * The largest first, all others as one.
 *
 * @param {Line[]} totals one line for each
 * @param {By} by
 * @param {Measure} measure
 */
export function ranked(totals, by, measure) {
  const largest = [...totals].sort((one, other) => amount(other, measure) - amount(one, measure)).map((line) => keyOf(line, by));
  return largest.length > MOST ? { keys: largest.slice(0, MOST - 1), others: largest.length - MOST + 1 } : { keys: largest, others: 0 };
}

/**
 * The values of each bar, in the order of the keys, the others last.
 *
 * @param {Line[]} lines by day and key
 * @param {string[][]} groups
 * @param {string[]} keys
 * @param {By} by
 * @param {Measure} measure
 * @returns {Bucket[]}
 */
export function bucketsOf(lines, groups, keys, by, measure) {
  const place = new Map(keys.map((key, at) => [key, at]));
  /** @type {Map<string, number>} */
  const groupOf = new Map(groups.flatMap((days, at) => days.map((day) => /** @type {[string, number]} */ ([day, at]))));
  const buckets = groups.map((days) => ({ label: days.length > 1 ? `${days[0]} to ${days.at(-1)}` : (days[0] ?? ''), values: Array.from({ length: keys.length + 1 }, () => 0) }));
  for (const line of lines) {
    const bucket = buckets[groupOf.get(line.day ?? '') ?? -1];
    if (!bucket) continue;
    const at = place.get(keyOf(line, by)) ?? keys.length;
    bucket.values[at] = (bucket.values[at] ?? 0) + amount(line, measure);
  }
  return buckets;
}
