// The one stream of the page: the fleet feed, from where the tree was read, over every interruption.

import { Emitter } from '../kit/emitter.js';
import { get } from '../kit/api.js';

const KINDS = ['spawned', 'status', 'action', 'receipt', 'approval', 'killswitch', 'budget', 'operation'];
/** How often the server is asked whether it is there: a connection may be dead without a word. */
const LOOK = 5_000;
const PATIENCE = 8_000;

/**
 * @typedef {import('../types').FleetEvent} FleetEvent
 * @typedef {{
 *   event: FleetEvent,
 *   tick: { sessionId: string, seq: number },
 *   live: boolean,
 *   resumed: void,
 *   lost: void,
 *   facts: import('../types').FleetFacts,
 * }} FeedEvents `resumed`: ticks may have been missed; `lost`: the stream cannot be resumed, read the tree again
 */

/** @extends {Emitter<FeedEvents>} */
export class Feed extends Emitter {
  /** Whether what is shown is what is. */
  live = false;
  /** Since when it is not. */
  since = Date.now();
  /** @type {EventSource | null} */
  #source = null;
  /** The place behind which it goes on, as the server names it. */
  #after = '';
  #opened = false;
  #failed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #look;

  /** Follows from behind a position. @param {string} after */
  follow(after) {
    this.#after = after;
    this.#opened = false;
    this.#connect();
    clearTimeout(this.#look);
    void this.#lookAround();
  }

  #connect() {
    this.#source?.close();
    const source = new EventSource(`/agents/events?after=${encodeURIComponent(this.#after)}`);
    this.#source = source;
    source.addEventListener('open', () => this.#open());
    source.addEventListener('error', () => {
      this.#setLive(false);
      if (source.readyState === EventSource.CLOSED && source === this.#source) this.emit('lost', undefined);
    });
    // The server was restored to an earlier moment: what is shown may never have been.
    source.addEventListener('gap', () => source === this.#source && this.emit('lost', undefined));
    source.addEventListener('activity', (event) => this.emit('tick', JSON.parse(event.data)));
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        /** @type {FleetEvent} */
        const told = JSON.parse(event.data);
        this.#after = event.lastEventId;
        this.emit('event', told);
      });
    }
  }

  #open() {
    const again = this.#opened;
    this.#opened = true;
    this.#setLive(true);
    if (again) this.emit('resumed', undefined);
  }

  /** @param {boolean} live */
  #setLive(live) {
    if (this.live === live) return;
    this.live = live;
    this.since = Date.now();
    this.emit('live', live);
  }

  async #lookAround() {
    try {
      this.emit('facts', await get('/fleet', { timeout: PATIENCE }));
      // The connection may not have noticed that the server was away.
      if (this.#failed && this.#source?.readyState === EventSource.OPEN) this.#connect();
      this.#failed = false;
    } catch {
      this.#failed = true;
      this.#setLive(false);
    }
    clearTimeout(this.#look);
    this.#look = setTimeout(() => void this.#lookAround(), LOOK);
  }
}
