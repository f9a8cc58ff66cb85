// What needs a person: requests, questions, what failed or is lost, budgets that are used up, what has fallen silent.

import { get } from '../kit/api.js';
import { Emitter } from '../kit/emitter.js';
import { plain } from '../kit/text.js';

/** Ends longer ago than this are history. */
const DAY = 86_400_000;
/** An agent at work that says nothing for so long may be stuck; one that is on its way, for so long. */
const SILENT = 10 * 60_000;
const SLOW_START = 2 * 60_000;
/** How often the server is asked about what the feed does not tell, and about how many conversations at once. */
const LOOK = 15_000;
const AT_ONCE = 20;
const PUT_AWAY = 'flightdeck-put-away';
const MOST_PUT_AWAY = 1_000;

/**
 * @typedef {import('../page').Node} Node
 * @typedef {'approval' | 'question' | 'failed' | 'lost' | 'budget' | 'stuck'} Kind
 * @typedef {{ key: string, kind: Kind, session: string, mission: string, what: string, since: number, approval: string }} Need
 *   `session` is empty for a mission's budget
 */

/** In the order in which they are shown. @type {Kind[]} */
export const KINDS = ['question', 'approval', 'budget', 'failed', 'lost', 'stuck'];

/** @extends {Emitter<{ changed: Need[] }>} */
export class Needs extends Emitter {
  /** Oldest first within a kind. @type {Need[]} */
  list = [];
  /** @type {Set<string>} */
  #away = new Set(JSON.parse(localStorage.getItem(PUT_AWAY) ?? '[]'));
  /** Budgets that are used up, by key. @type {Map<string, Need>} */
  #budgets = new Map();
  /** When an agent at work said its last word, by id. @type {Map<string, number>} */
  #lastWord = new Map();
  /** Why a session failed or is lost, by id and status. @type {Map<string, string>} */
  #reasons = new Map();
  #soon = false;

  /**
   * @param {import('../fleet/fleet.js').Fleet} fleet
   * @param {import('../approvals/approvals.js').Approvals} approvals
   */
  constructor(fleet, approvals) {
    super();
    this.fleet = fleet;
    this.approvals = approvals;
    fleet.on('moved', (node) => this.#lastWord.set(node.id, Date.now()));
    for (const name of /** @type {const} */ (['structure', 'touched'])) fleet.on(name, () => this.#later());
    approvals.on('open', () => this.#later());
    setInterval(() => void this.look(), LOOK);
  }

  /** However much happens, it is counted once in a while. */
  #later() {
    if (this.#soon) return;
    this.#soon = true;
    setTimeout(() => {
      this.#soon = false;
      this.count();
    }, 200);
  }

  /** Asks about what the feed does not tell. */
  async look() {
    if (document.visibilityState === 'visible' && this.fleet.feed.live) {
      await Promise.all([this.#readBudgets(), this.#readLastWords(), this.#readReasons()]).catch(() => {});
    }
    this.count();
  }

  async #readBudgets() {
    /** @type {Map<string, Need>} */
    const found = new Map();
    // A budget that is used up pauses; whoever was resumed with it goes on, and needs nobody.
    const paused = [...this.fleet.nodes.values()].filter((node) => node.status === 'paused' || node.desired === 'paused');
    const ids = paused.slice(0, 200).map((node) => node.id);
    /** @type {import('../types').AgentUsage[]} */
    const usage = ids.length ? await get(`/agents/usage?agentIds=${ids.join(',')}`) : [];
    for (const { agentId, budget } of usage) {
      if (!budget?.exhaustedAt) continue;
      const key = `budget:${agentId}:${budget.exhaustedAt}`;
      found.set(key, { key, kind: 'budget', session: agentId, mission: '', what: 'Its budget is used up, and it is paused.', since: Date.parse(budget.exhaustedAt), approval: '' });
    }
    /** @type {{ missions: import('../types').Mission[] }} */
    const { missions } = paused.length ? await get('/missions?limit=200') : { missions: [] };
    for (const { missionId, budget } of missions) {
      if (!budget?.exhaustedAt || !paused.some((node) => node.missionId === missionId)) continue;
      const key = `budget:mission:${missionId}:${budget.exhaustedAt}`;
      found.set(key, { key, kind: 'budget', session: '', mission: missionId, what: `The budget of the mission ${plain(missionId)} is used up, and its agents are paused.`, since: Date.parse(budget.exhaustedAt), approval: '' });
    }
    this.#budgets = found;
  }

  /** Why they failed or are lost is not on the feed. */
  async #readReasons() {
    const unknown = this.list.filter(({ kind, key }) => (kind === 'failed' || kind === 'lost') && !this.#reasons.has(key));
    await Promise.all(unknown.slice(0, AT_ONCE).map(async ({ key, session }) => {
      /** @type {import('../types').Session} */
      const { statusReason } = await get(`/agents/${session}/status`);
      this.#reasons.set(key, statusReason ?? '');
    }));
  }

  /** Those that have said nothing since the page was opened may have been silent for long before. */
  async #readLastWords() {
    const unknown = [...this.fleet.nodes.values()].filter((node) => node.status === 'running' && !this.#lastWord.has(node.id) && Date.now() - node.spawnedAt > SILENT);
    await Promise.all(unknown.slice(0, AT_ONCE).map(async ({ id, spawnedAt }) => {
      /** @type {import('../types').History} */
      const { messages } = await get(`/agents/${id}/messages?before=${Number.MAX_SAFE_INTEGER}&limit=1`);
      this.#lastWord.set(id, messages[0] ? Date.parse(messages[0].createdAt) : spawnedAt);
    }));
  }

  /** @param {Node} node @param {number} now @returns {Need | null} */
  #ofNode(node, now) {
    const about = { session: node.id, mission: '', approval: '' };
    if ((node.status === 'failed' || node.status === 'lost') && now - (node.completedAt ?? node.spawnedAt) < DAY) {
      const key = `${node.status}:${node.id}`;
      const what = this.#reasons.get(key) || (node.status === 'failed' ? 'It ended with an error.' : 'Nothing is heard of it any more.');
      return { ...about, key, kind: node.status, what, since: node.completedAt ?? this.#lastWord.get(node.id) ?? node.spawnedAt };
    }
    if (node.status === 'spawning' && now - node.spawnedAt > SLOW_START) {
      return { ...about, key: `slow:${node.id}`, kind: 'stuck', what: 'It is on its way for long, and has not begun.', since: node.spawnedAt };
    }
    const word = this.#lastWord.get(node.id);
    if (node.status === 'running' && word !== undefined && now - word > SILENT) {
      return { ...about, key: `silent:${node.id}:${node.lastSeq}`, kind: 'stuck', what: 'It is at work and says nothing.', since: word };
    }
    return null;
  }

  /** Counts anew what needs a person. */
  count() {
    const now = Date.now();
    /** @type {Need[]} */
    const found = this.approvals.list.map(({ id, agentId, title, openedAt, detail }) => ({
      key: `approval:${id}`,
      kind: detail.form ? 'question' : 'approval',
      session: agentId,
      mission: '',
      what: title,
      since: Date.parse(openedAt),
      approval: id,
    }));
    for (const node of this.fleet.nodes.values()) {
      const need = this.#ofNode(node, now);
      if (need) found.push(need);
    }
    found.push(...this.#budgets.values());
    this.list = found.filter(({ key }) => !this.#away.has(key)).sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.since - b.since);
    this.emit('changed', this.list);
  }

  /** Lets somebody say that they know; this browser remembers it. @param {Need[]} needs */
  putAway(needs) {
    for (const { key } of needs) this.#away.add(key);
    localStorage.setItem(PUT_AWAY, JSON.stringify([...this.#away].slice(-MOST_PUT_AWAY)));
    this.count();
  }
}
