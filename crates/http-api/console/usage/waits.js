// How many requests were decided, and how long they waited, over time.

import { get } from '../kit/api.js';
import { DAY } from './series.js';

/** No route gives sums of requests, so that the newest of them are read: so many pages of so many. */
const PAGES = 5;
const PAGE = 200;

/**
 * @typedef {import('../types').Approval} Approval
 * @typedef {{ day: string, allowed: number, rejected: number, expired: number, waits: number[] }} Decided `waits` in seconds, from the
 *   shortest to the longest, of those that somebody decided
 */

/**
 * The closed requests that were opened since a day, newest first, as far as they are read.
 *
 * @param {string} from
 * @param {string} agent only of this agent and those below it, if there is one
 */
export async function closedSince(from, agent) {
  /** @type {Approval[]} */
  const found = [];
  let before = '';
  for (let page = 0; page < PAGES; page += 1) {
    /** @type {{ approvals: Approval[], nextBefore?: string | null }} */
    const { approvals, nextBefore } = await get(`/approvals?status=decided,expired&limit=${PAGE}${agent ? `&root=${agent}` : ''}${before ? `&before=${before}` : ''}`);
    found.push(...approvals.filter(({ openedAt }) => openedAt >= from));
    const last = approvals.at(-1);
    if (!nextBefore || !last || last.openedAt < from) return { approvals: found, complete: true };
    before = nextBefore;
  }
  return { approvals: found, complete: false };
}

/**
 * By the day on which they were closed.
 *
 * @param {Approval[]} approvals
 * @param {string[]} days
 * @returns {Decided[]}
 */
export function byDay(approvals, days) {
  /** @type {Map<string, Decided>} */
  const all = new Map(days.map((day) => [day, { day, allowed: 0, rejected: 0, expired: 0, waits: [] }]));
  for (const { decision, expired, openedAt } of approvals) {
    const at = decision?.at ?? expired?.at ?? openedAt;
    const one = all.get(at.slice(0, 10));
    if (!one) continue;
    if (!decision) one.expired += 1;
    else {
      if (decision.allowed) one.allowed += 1;
      else one.rejected += 1;
      one.waits.push(Math.max(0, Date.parse(at) - Date.parse(openedAt)) / 1_000);
    }
  }
  for (const { waits } of all.values()) waits.sort((one, other) => one - other);
  return [...all.values()];
}

/** The days of one bar as one. @param {Decided[]} all @returns {Decided} */
export function together(all) {
  const sum = (/** @type {'allowed' | 'rejected' | 'expired'} */ what) => all.reduce((total, one) => total + one[what], 0);
  const [first, last] = [all[0]?.day ?? '', all.at(-1)?.day ?? ''];
  return { day: first === last ? first : `${first} to ${last}`, allowed: sum('allowed'), rejected: sum('rejected'), expired: sum('expired'), waits: all.flatMap(({ waits }) => waits).sort((one, other) => one - other) };
}

/** The value below which this share lies; null of none. @param {number[]} sorted @param {number} share */
export const quantile = (sorted, share) => (sorted.length ? (sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? null) : null);

/** A span as people say it. @param {number | null} seconds */
export function waited(seconds) {
  if (seconds === null) return '–';
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 2 * DAY / 1_000 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}
