// The fleet as the page knows it: read once, then kept by the feed.

import { call, get } from '../kit/api.js';
import { Emitter } from '../kit/emitter.js';
import { Feed } from './feed.js';
import { STATUSES } from '../kit/status.js';

/** More sessions than this are not held; those that work are read before those that have ended. */
const MOST = 20_000;
const PAGE = 1_000;
const RETRY = 2_000;
const LIVE = STATUSES.filter((status) => !['completed', 'failed', 'killed'].includes(status));
const ENDED = STATUSES.filter((status) => !LIVE.includes(status));

/**
 * @typedef {import('../page').Node} Node
 * @typedef {import('../types').TreeEntry} TreeEntry
 * @typedef {import('../types').FleetEvent} FleetEvent
 * @typedef {{
 *   structure: void,
 *   touched: Node,
 *   moved: Node,
 *   event: FleetEvent,
 *   reread: void,
 *   resumed: void,
 *   live: boolean,
 *   facts: import('../types').FleetFacts,
 * }} FleetEvents `structure`: sessions came; `touched`: one looks different; `moved`: one has new messages
 */

/** @extends {Emitter<FleetEvents>} */
export class Fleet extends Emitter {
  /** @type {Map<string, Node>} */
  nodes = new Map();
  /** Newest first. @type {Node[]} */
  roots = [];
  /** @type {Record<string, number>} */
  counts = Object.fromEntries(STATUSES.map((status) => [status, 0]));
  /** Whether there are more sessions than the page holds. */
  cut = false;
  /** All messages that came since the page was opened. */
  heard = 0;
  feed = new Feed();
  #reading = false;

  constructor() {
    super();
    this.feed.on('event', (event) => this.#hear(event));
    this.feed.on('tick', ({ sessionId, seq }) => this.#tick(sessionId, seq));
    this.feed.on('live', (live) => this.emit('live', live));
    this.feed.on('facts', (facts) => this.emit('facts', facts));
    this.feed.on('resumed', () => {
      this.emit('resumed', undefined);
      void this.#refresh();
    });
    // Whatever closes it may do so again at once.
    this.feed.on('lost', () => setTimeout(() => void this.start().catch(() => {}), RETRY));
  }

  /** Reads the tree and follows from there. Tries until it works. */
  async start() {
    if (this.#reading) return;
    this.#reading = true;
    for (;;) {
      try {
        const { entries, asOf } = await this.#read();
        const seen = new Map([...this.nodes].map(([id, node]) => [id, node.seen]));
        this.nodes.clear();
        this.roots = [];
        for (const status of STATUSES) this.counts[status] = 0;
        // `<epoch>-<position>`
        const position = Number(asOf.split('-').at(-1));
        for (const entry of entries) this.#put(entry, seen.get(entry.sessionId) ?? entry.lastSeq, position);
        this.#arrange();
        this.#reading = false;
        this.emit('reread', undefined);
        this.emit('structure', undefined);
        this.feed.follow(asOf);
        return;
      } catch (error) {
        if (error instanceof Error && 'status' in error && (error.status === 401 || error.status === 403)) {
          this.#reading = false;
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY));
      }
    }
  }

  /** Looks again at what ticks may have told while there was no connection. */
  async #refresh() {
    const { entries } = await this.#read().catch(() => ({ entries: [] }));
    for (const entry of entries) this.#tick(entry.sessionId, entry.lastSeq);
  }

  async #read() {
    /** @type {TreeEntry[]} */
    const entries = [];
    let asOf = '';
    this.cut = false;
    for (const statuses of [LIVE, ENDED]) {
      let cursor = '';
      do {
        if (entries.length >= MOST) {
          this.cut = true;
          break;
        }
        const query = `limit=${PAGE}&status=${statuses.join(',')}${cursor ? `&cursor=${cursor}` : ''}`;
        const response = await call('GET', `/agents/tree?${query}`);
        // What happened between the pages is heard again, and changes nothing then.
        asOf ||= response.headers.get('Flightdeck-As-Of') ?? '';
        entries.push(.../** @type {TreeEntry[]} */ (await response.json()));
        cursor = response.headers.get('Flightdeck-Next-Cursor') ?? '';
      } while (cursor);
    }
    return { entries, asOf };
  }

  /**
   * @param {TreeEntry} entry
   * @param {number} seen
   * @param {number} position
   */
  #put(entry, seen, position) {
    // One that ended while the pages were read is on two of them; the later read knows more.
    const known = this.nodes.get(entry.sessionId);
    if (known) {
      this.#setStatus(known, entry.status);
      return known;
    }
    const node = this.#node(entry, seen, position);
    this.nodes.set(node.id, node);
    this.counts[node.status] = (this.counts[node.status] ?? 0) + 1;
    return node;
  }

  /**
   * A session that the tree may not hold; it then stands alone, as it is now.
   *
   * @param {string} id
   * @returns {Promise<Node>}
   */
  async find(id) {
    const held = this.nodes.get(id);
    if (held) return held;
    /** @type {import('../types').Session} */
    const session = await get(`/agents/${id}/status`);
    return this.#node({ ...session, sessionId: id }, session.lastSeq, 0);
  }

  /**
   * @param {TreeEntry} entry
   * @param {number} seen
   * @param {number} position
   * @returns {Node}
   */
  #node(entry, seen, position) {
    /** @type {Node} */
    const node = {
      id: entry.sessionId,
      parentId: entry.parentSessionId,
      rootId: entry.rootSessionId,
      status: entry.status,
      desired: entry.desiredStatus ?? 'running',
      agentType: entry.agentType,
      provider: entry.provider,
      missionId: entry.missionId,
      taskId: entry.taskId,
      taskSource: entry.taskSource,
      lastSeq: entry.lastSeq ?? 0,
      seen,
      spawnedAt: Date.parse(entry.spawnedAt),
      completedAt: entry.completedAt ? Date.parse(entry.completedAt) : null,
      costUsd: null,
      subtreeUsd: null,
      children: [],
      position,
      haystack: '',
    };
    const words = [node.agentType, node.taskId, node.taskSource, node.missionId, node.provider, node.id];
    node.haystack = words.join(' ').toLowerCase();
    return node;
  }

  /** Builds the tree from the nodes. */
  #arrange() {
    const oldestFirst = [...this.nodes.values()].sort((a, b) => a.spawnedAt - b.spawnedAt);
    for (const node of oldestFirst) this.#hang(node);
    this.roots.reverse();
  }

  /** @param {Node} node @returns {boolean} whether it is on top */
  #hang(node) {
    const parent = node.parentId ? this.nodes.get(node.parentId) : undefined;
    if (parent) parent.children.push(node);
    else this.roots.push(node);
    return !parent;
  }

  /** @param {FleetEvent} event */
  #hear(event) {
    const node = event.sessionId ? this.nodes.get(event.sessionId) : undefined;
    if (event.type === 'spawned' && event.sessionId && !node) {
      const entry = /** @type {any} */ ({ ...event, spawnedAt: event.at, completedAt: null, lastSeq: 0 });
      const added = this.#put(entry, 0, event.position);
      if (this.#hang(added)) this.roots.unshift(/** @type {Node} */ (this.roots.pop()));
      this.emit('structure', undefined);
    } else if (node && event.position > node.position) {
      node.position = event.position;
      if (event.type === 'status') this.#status(node, event);
      if (typeof event.desiredStatus === 'string') node.desired = event.desiredStatus;
      this.emit('touched', node);
    }
    this.emit('event', event);
  }

  /** @param {Node} node @param {FleetEvent} event */
  #status(node, event) {
    const status = /** @type {import('../types').Status} */ (event.status);
    this.#setStatus(node, status);
    if (ENDED.includes(status)) node.completedAt = Date.parse(event.at);
    this.#tick(node.id, Number(event.seq));
  }

  /** @param {Node} node @param {import('../types').Status} status */
  #setStatus(node, status) {
    if (node.status === status) return;
    this.counts[node.status] = (this.counts[node.status] ?? 1) - 1;
    this.counts[status] = (this.counts[status] ?? 0) + 1;
    node.status = status;
  }

  /** @param {string} id @param {number} seq */
  #tick(id, seq) {
    const node = this.nodes.get(id);
    if (!node || seq <= node.lastSeq) return;
    this.heard += seq - node.lastSeq;
    node.lastSeq = seq;
    this.emit('moved', node);
  }

  /** Counts everything up to a message as read. @param {string} id @param {number} seq */
  read(id, seq) {
    const node = this.nodes.get(id);
    if (!node || seq <= node.seen) return;
    node.seen = seq;
    this.emit('touched', node);
  }

  /**
   * What a session has cost, and with all below it; null where nothing is known.
   *
   * @param {string} id
   * @param {number | null} own
   * @param {number | null} subtree
   */
  priced(id, own, subtree) {
    const node = this.nodes.get(id);
    if (!node || (node.costUsd === own && node.subtreeUsd === subtree)) return;
    node.costUsd = own;
    node.subtreeUsd = subtree;
    this.emit('touched', node);
  }

  /** The session and those below it. @param {Node} top @returns {Node[]} */
  subtree(top) {
    const all = [top];
    for (let at = 0; at < all.length; at += 1) all.push(.../** @type {Node} */ (all[at]).children);
    return all;
  }

  /** @param {string} missionId */
  mission(missionId) {
    return [...this.nodes.values()].filter((node) => node.missionId === missionId);
  }

  /** @returns {string[]} */
  missions() {
    const names = new Set();
    for (const node of this.nodes.values()) if (node.missionId) names.add(node.missionId);
    return [...names].sort();
  }
}
