// Asks the server for what it read in messages: those near what is looked at, many with one question, one question at a time.

import { get, Problem } from '../kit/api.js';

/** The most messages of a question. */
const MANY = 100;
/** How long it waits for more to ask for, in milliseconds. */
const WAIT = 40;
/** How long it waits after a fault, unless the server says. */
const AGAIN = 5_000;

/** @typedef {import('../types').Rendered} Rendered */

export class RenderedReader {
  /** By seq. @type {Set<number>} */
  #wanted = new Set();
  #path;
  #busy = false;

  /**
   * @param {string} session
   * @param {(rendered: Rendered[]) => void} take
   */
  constructor(session, take) {
    this.#path = `/agents/${session}/messages/rendered`;
    this.take = take;
  }

  /** @param {number} seq */
  want(seq) {
    this.#wanted.add(seq);
    if (this.#busy) return;
    this.#busy = true;
    setTimeout(() => void this.#ask(), WAIT);
  }

  /** Everything that was wanted is no longer there. */
  forget() {
    this.#wanted.clear();
  }

  async #ask() {
    let wait = 0;
    while (this.#wanted.size) {
      const seqs = [...this.#wanted].sort((a, b) => a - b);
      const first = /** @type {number} */ (seqs[0]);
      const last = seqs.filter((seq) => seq < first + MANY).at(-1) ?? first;
      try {
        /** @type {import('../types').RenderedPage} */
        const { messages } = await get(`${this.#path}?after=${first - 1}&limit=${last - first + 1}`);
        const reached = messages.at(-1)?.seq ?? last;
        const asked = messages.filter(({ seq }) => this.#wanted.has(seq));
        for (const seq of seqs) if (seq <= reached && seq <= last) this.#wanted.delete(seq);
        this.take(asked);
      } catch (error) {
        if (error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429) {
          this.#wanted.clear();
          break;
        }
        wait = (error instanceof Problem && error.retryAfter) || AGAIN;
        break;
      }
    }
    if (wait) {
      setTimeout(() => void this.#ask(), wait);
      return;
    }
    this.#busy = false;
  }
}
