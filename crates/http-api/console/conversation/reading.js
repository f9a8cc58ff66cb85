// Which messages are read by the server, and when what it read is shown: those near what is looked at, a few a frame.

import { RenderedReader } from './rendered.js';

/** How near a message must be, in pixels. */
const NEAR = '1200px';
/** How long a frame may take over it, in milliseconds. */
const FRAME = 6;

/**
 * @typedef {import('./message.js').MessageView} MessageView
 * @typedef {import('../types').Rendered} Rendered
 */

export class Reading {
  #observer;
  #reader;
  #about;
  /** By their elements. @type {Map<Element, MessageView>} */
  #watched = new Map();
  /** Those near what is looked at. @type {Set<MessageView>} */
  #near = new Set();
  /** What was asked for, by seq. @type {Set<number>} */
  #asked = new Set();
  /** What came and is not shown yet. @type {Rendered[]} */
  #waiting = [];

  /**
   * @param {string} session
   * @param {HTMLElement} box what scrolls
   * @param {{ find: (seq: number) => MessageView | undefined, hold: (change: () => void) => void }} about
   */
  constructor(session, box, about) {
    this.#about = about;
    this.#reader = new RenderedReader(session, (rendered) => this.#take(rendered));
    this.#observer = new IntersectionObserver((entries) => entries.forEach((entry) => this.#seen(entry)), { root: box, rootMargin: `${NEAR} 0px` });
  }

  /** @param {MessageView} view */
  watch(view) {
    this.#watched.set(view.element, view);
    this.#observer.observe(view.element);
  }

  /** @param {MessageView} view */
  unwatch(view) {
    this.#observer.unobserve(view.element);
    this.#watched.delete(view.element);
    this.#near.delete(view);
    for (const seq of view.readable) this.#asked.delete(seq);
  }

  /** There is more to read in a message. @param {MessageView} view */
  changed(view) {
    if (this.#near.has(view)) this.#want(view);
  }

  /** None of the messages is there any more. */
  forget() {
    this.#observer.disconnect();
    this.#watched.clear();
    this.#near.clear();
    this.#asked.clear();
    this.#waiting = [];
    this.#reader.forget();
  }

  /** @param {IntersectionObserverEntry} entry */
  #seen(entry) {
    const view = this.#watched.get(entry.target);
    if (!view) return;
    if (!entry.isIntersecting) {
      this.#near.delete(view);
      return;
    }
    this.#near.add(view);
    this.#want(view);
  }

  /** @param {MessageView} view */
  #want(view) {
    for (const seq of view.readable) {
      if (this.#asked.has(seq)) continue;
      this.#asked.add(seq);
      this.#reader.want(seq);
    }
  }

  /** @param {Rendered[]} rendered */
  #take(rendered) {
    const idle = this.#waiting.length === 0;
    this.#waiting.push(...rendered);
    if (idle && rendered.length) requestAnimationFrame(() => this.#show());
  }

  #show() {
    const until = performance.now() + FRAME;
    this.#about.hold(() => {
      do {
        const next = this.#waiting.shift();
        if (next) this.#about.find(next.seq)?.render(next);
      } while (this.#waiting.length && performance.now() < until);
    });
    if (this.#waiting.length) requestAnimationFrame(() => this.#show());
  }
}
