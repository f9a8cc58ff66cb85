// What sessions have cost, as far as agents tell: of the rows in sight, and of the whole fleet.

import { get, Problem } from '../kit/api.js';

/** How often is looked for rows that came into sight, and how many sessions are asked about in one call. */
const LOOK = 250;
const AT_ONCE = 200;
/** Those that go on talking are asked about again, all together, after so long. */
const FRESH = 5_000;
const FLEET = 10_000;

/**
 * @typedef {import('../page').Node} Node
 * @typedef {{ costUsd: number, pricedReports: number }} Totals
 */

/** Null where nobody said: that is not the same as nothing. @param {Totals} totals */
const cost = (totals) => (totals.pricedReports > 0 ? totals.costUsd : null);

/** Keeps the costs of the sessions in sight up to date. */
export class Costs {
  /** At which message a session was last asked about. @type {Map<string, number>} */
  #asked = new Map();
  #asking = false;
  #round = 0;

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

  /** Those that were never asked about at once; those that have grown when their round comes. */
  #stale() {
    const due = Date.now() - this.#round > FRESH;
    const stale = this.inSight().filter(({ id, lastSeq }) => {
      const asked = this.#asked.get(id);
      return asked === undefined || (due && lastSeq > asked);
    });
    if (due) this.#round = Date.now();
    return stale.slice(0, AT_ONCE);
  }

  async #look() {
    if (this.#asking || document.visibilityState !== 'visible' || !this.fleet.feed.live) return;
    const stale = this.#stale();
    if (!stale.length) return;
    this.#asking = true;
    for (const node of stale) this.#asked.set(node.id, node.lastSeq);
    try {
      /** @type {{ agentId: string, own: Totals, subtree: Totals }[]} */
      const all = await get(`/agents/usage?agentIds=${stale.map(({ id }) => id).join(',')}`);
      for (const { agentId, own, subtree } of all) this.fleet.priced(agentId, cost(own), cost(subtree));
    } catch (error) {
      // Asked again when they go on talking.
      if (!(error instanceof Problem)) throw error;
    } finally {
      this.#asking = false;
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
