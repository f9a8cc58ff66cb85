// What sessions have cost, as far as agents tell: of the rows in sight, and of the whole fleet.

import { get, Problem } from './api.js';

/** How often is looked, and how many sessions are asked about at once. */
const LOOK = 2_000;
const AT_ONCE = 12;
/** A session that goes on talking is asked about again after so long. */
const FRESH = 10_000;
const FLEET = 10_000;

/**
 * @typedef {import('./page').Node} Node
 * @typedef {{ costUsd: number, pricedReports: number }} Totals
 */

/** Null where nobody said: that is not the same as nothing. @param {Totals} totals */
const cost = (totals) => (totals.pricedReports > 0 ? totals.costUsd : null);

/** Keeps the costs of the sessions in sight up to date. */
export class Costs {
  /** When, and at which message, a session was last asked about. @type {Map<string, { at: number, seq: number }>} */
  #asked = new Map();

  /**
   * @param {import('./fleet.js').Fleet} fleet
   * @param {() => Node[]} inSight
   */
  constructor(fleet, inSight) {
    this.fleet = fleet;
    this.inSight = inSight;
    fleet.on('reread', () => this.#asked.clear());
    setInterval(() => void this.#look(), LOOK);
  }

  /** @param {Node} node */
  #isStale(node) {
    const asked = this.#asked.get(node.id);
    return !asked || (node.lastSeq > asked.seq && Date.now() - asked.at > FRESH);
  }

  async #look() {
    if (document.visibilityState !== 'visible' || !this.fleet.feed.live) return;
    const stale = this.inSight().filter((node) => this.#isStale(node)).slice(0, AT_ONCE);
    await Promise.all(stale.map((node) => this.#ask(node)));
  }

  /** @param {Node} node */
  async #ask(node) {
    this.#asked.set(node.id, { at: Date.now(), seq: node.lastSeq });
    try {
      /** @type {{ own: Totals, subtree: Totals }} */
      const usage = await get(`/agents/${node.id}/usage`);
      this.fleet.priced(node.id, cost(usage.own), cost(usage.subtree));
    } catch (error) {
      // Asked again when it goes on talking.
      if (!(error instanceof Problem)) throw error;
    }
  }
}

/**
 * What the whole fleet has cost, looked at again and again.
 *
 * @param {(dollars: number | null) => void} tell
 */
export function followSpend(tell) {
  const look = async () => tell(cost(/** @type {Totals} */ (await get('/fleet/usage'))));
  const again = () => void look().catch(() => {}).finally(() => setTimeout(again, FLEET));
  again();
}
