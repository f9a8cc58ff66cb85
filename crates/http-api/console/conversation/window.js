// A piece of a conversation: a run of messages without gaps that can be moved anywhere in it.

import { get } from '../kit/api.js';
import { Emitter } from '../kit/emitter.js';

const PAGE = 100;
/** The most messages on one reply when catching up. */
const LEAP = 400;

/** How far a receipt is; a later word of an earlier state changes nothing. @type {Record<string, number>} */
const STEPS = { accepted: 0, delivered: 1 };

/**
 * @typedef {import('../types').Message} Message
 * @typedef {import('../types').Receipt} Receipt
 * @typedef {{
 *   reset: void,
 *   older: Message[],
 *   newer: Message[],
 *   receipt: Message,
 *   total: number,
 * }} WindowEvents
 */

/**
 * Whether a receipt is not behind another.
 *
 * @param {Receipt} receipt
 * @param {Receipt | null | undefined} before
 */
const isFurther = (receipt, before) => !before || (STEPS[receipt.state] ?? 2) >= (STEPS[before.state] ?? 2);

/** @extends {Emitter<WindowEvents>} */
export class MessageWindow extends Emitter {
  /** The messages, by rising seq, dense. @type {Message[]} */
  messages = [];
  /** How many messages the conversation has, as far as known. */
  total = 0;
  #path;
  #readingOlder = false;
  #readingNewer = false;
  #again = false;
  #moves = 0;
  /** Receipts that were heard of while their message was still on its way here, by seq. @type {Map<number, Receipt>} */
  #early = new Map();

  /** @param {string} session */
  constructor(session) {
    super();
    this.#path = `/agents/${session}/messages`;
  }

  get first() {
    return this.messages[0]?.seq ?? 0;
  }

  get last() {
    return this.messages.at(-1)?.seq ?? 0;
  }

  /** Whether the newest message is in it. */
  get atEnd() {
    return this.last >= this.total;
  }

  /** @param {string} query @returns {Promise<import('../types').History>} */
  #page(query) {
    return get(`${this.#path}?${query}`);
  }

  /** @param {number} total */
  #know(total) {
    if (total <= this.total) return;
    this.total = total;
    this.emit('total', total);
  }

  /** Shows the end. */
  async toEnd() {
    const move = ++this.#moves;
    // Beyond any end, and what a store can count to.
    const page = await this.#page(`before=${Number.MAX_SAFE_INTEGER}&limit=${PAGE}`);
    this.#show(page, move);
  }

  /** Shows the messages around a place. @param {number} seq */
  async around(seq) {
    const move = ++this.#moves;
    const after = Math.max(0, seq - 1 - PAGE / 2);
    this.#show(await this.#page(`after=${after}&limit=${PAGE}`), move);
  }

  /** @param {import('../types').History} page @param {number} move */
  #show(page, move) {
    if (move !== this.#moves) return;
    this.messages = this.#settled(page.messages);
    // Not only upwards: the server may have been restored to an earlier moment.
    this.total = page.total;
    this.emit('reset', undefined);
  }

  /** There is a message with this seq. @param {number} seq */
  hear(seq) {
    this.#know(seq);
  }

  /** Reads what comes before. @returns {Promise<boolean>} whether there was something */
  async older() {
    if (this.#readingOlder || this.first <= 1) return false;
    this.#readingOlder = true;
    const move = this.#moves;
    try {
      const { messages } = await this.#page(`before=${this.first}&limit=${PAGE}`);
      // It may have been trimmed or moved meanwhile.
      if (move !== this.#moves || messages.at(-1)?.seq !== this.first - 1) return false;
      this.messages = [...this.#settled(messages), ...this.messages];
      this.emit('older', messages);
      return true;
    } finally {
      this.#readingOlder = false;
    }
  }

  /**
   * Reads what comes behind; one reader at a time, and once more when it was asked for meanwhile.
   *
   * @returns {Promise<boolean>} whether there was something
   */
  async newer() {
    if (this.#readingNewer) {
      this.#again = true;
      return false;
    }
    this.#readingNewer = true;
    this.#again = false;
    const move = this.#moves;
    try {
      const { messages, total } = await this.#page(`after=${this.last}&limit=${LEAP}`);
      if (move !== this.#moves) return false;
      this.#know(total);
      if (messages[0]?.seq !== this.last + 1) return false;
      this.messages = [...this.messages, ...this.#settled(messages)];
      this.emit('newer', messages);
      return true;
    } finally {
      this.#readingNewer = false;
      if (this.#again) void this.newer().catch(() => {});
    }
  }

  /**
   * Forgets messages at one side, so that it stays small.
   *
   * @param {'first' | 'last'} side
   * @param {number} most
   */
  trim(side, most) {
    const surplus = this.messages.length - most;
    if (surplus <= 0) return [];
    return side === 'first' ? this.messages.splice(0, surplus) : this.messages.splice(most, surplus);
  }

  /**
   * What became of an operator's message.
   *
   * @param {number} seq
   * @param {import('../types').Receipt} receipt
   */
  settle(seq, receipt) {
    const message = this.messages[seq - this.first];
    if (!message || message.seq !== seq) {
      // Only what may be on its way: older ones are read with their receipts when they are shown.
      if (seq > this.last) this.#early.set(seq, receipt);
      return;
    }
    if (!isFurther(receipt, message.receipt)) return;
    message.receipt = receipt;
    this.emit('receipt', message);
  }

  /**
   * Gives messages that were read the receipts that were heard of meanwhile.
   *
   * @param {Message[]} messages
   */
  #settled(messages) {
    for (const message of messages) {
      const receipt = this.#early.get(message.seq);
      if (receipt && isFurther(receipt, message.receipt)) message.receipt = receipt;
      this.#early.delete(message.seq);
    }
    return messages;
  }

  /**
   * The first message of a moment or later, by halving: some twenty looks into a million messages.
   *
   * @param {number} moment
   * @returns {Promise<number>} its seq; that of the last when all are older
   */
  async seqAt(moment) {
    let low = 1;
    let high = Math.max(1, this.total);
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const { messages } = await this.#page(`after=${middle - 1}&limit=1`);
      if (messages[0] && Date.parse(messages[0].createdAt) < moment) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * @param {string} words
   * @param {number} [before]
   * @returns {Promise<import('../types').SearchPage>}
   */
  search(words, before) {
    const from = before ? `&before=${before}` : '';
    return get(`${this.#path}/search?q=${encodeURIComponent(words)}${from}`);
  }
}
