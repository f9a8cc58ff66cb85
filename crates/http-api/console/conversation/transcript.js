// The messages of a session in a box that scrolls: a few hundred in the document, a million in reach.

import { h, say } from '../kit/dom.js';
import { answers, isToolCall } from './calls.js';
import { counted } from '../kit/text.js';
import { MessageView } from './message.js';
import { Reading } from './reading.js';
import { MessageWindow } from './window.js';

/** The most messages in the document. */
const MOST = 400;
/** How near to an end more is read, in pixels. */
const NEAR = 800;
/** How near to the end counts as at it. */
const AT_END = 40;
/** How far back the call of a result is looked for. */
const CALL_REACH = 60;

/** @typedef {import('../types').Message} Message */

export class Transcript {
  element = h('div', { class: 'transcript', tabindex: '0', role: 'log', 'aria-live': 'off' });
  /** Whether new messages are followed. */
  following = true;
  #list = h('div', { class: 'messages' });
  #older = h('div', { class: 'edge', role: 'status' });
  #news = h('button', { type: 'button', class: 'news', hidden: true });
  /** By seq. @type {Map<number, MessageView>} */
  #views = new Map();
  /** Results that are shown within their calls, by seq. @type {Map<number, MessageView>} */
  #inside = new Map();
  #top = 0;
  #reading;

  /**
   * @param {string} session
   * @param {import('./message.js').MessageActions & { seen: (seq: number) => void, failed: (error: unknown) => void }} actions
   */
  constructor(session, actions) {
    this.actions = actions;
    this.window = new MessageWindow(session);
    this.#reading = new Reading(session, this.element, { find: (seq) => this.#views.get(seq) ?? this.#inside.get(seq), hold: (change) => this.#hold(change) });
    this.element.append(this.#older, this.#list);
    this.element.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#news.addEventListener('click', () => void this.toEnd());
    this.window.on('reset', () => this.#reset());
    this.window.on('older', (messages) => this.#prepend(messages));
    this.window.on('newer', (messages) => this.#append(messages));
    this.window.on('receipt', (message) => this.#views.get(message.seq)?.settle());
    this.window.on('total', () => this.#edges());
    new ResizeObserver(() => this.following && this.#stick()).observe(this.element);
  }

  /** The button that leads back to the end; to be placed over the box. */
  get newsButton() {
    return this.#news;
  }

  async toEnd() {
    this.following = true;
    await this.#try(() => this.window.toEnd());
  }

  /** Shows a message and marks it. @param {number} seq */
  async toSeq(seq) {
    this.following = false;
    await this.#try(() => this.window.around(seq));
    this.mark(seq);
  }

  /** @param {number} seq */
  mark(seq) {
    const view = this.#views.get(seq) ?? this.#inside.get(seq);
    if (!view) return;
    for (const marked of this.#list.querySelectorAll('.marked')) marked.classList.remove('marked');
    view.element.classList.add('marked');
    view.element.scrollIntoView({ block: 'center' });
  }

  /** The conversation has grown. @param {number} seq */
  async grown(seq) {
    const complete = this.window.atEnd;
    this.window.hear(seq);
    if (!complete || this.window.last >= seq) return;
    // Too far behind to read all of it only to drop it.
    const leap = this.following && seq - this.window.last > 2 * MOST;
    await this.#try(() => (leap ? this.window.toEnd() : this.window.newer()));
  }

  /** Reads what may have been missed. */
  async catchUp() {
    if (this.window.atEnd) await this.#try(() => this.window.newer());
  }

  /** @param {() => Promise<unknown>} work */
  async #try(work) {
    try {
      await work();
    } catch (error) {
      this.actions.failed(error);
    }
  }

  #reset() {
    this.#views.clear();
    this.#inside.clear();
    this.#reading.forget();
    this.#list.replaceChildren();
    this.#append(this.window.messages);
    if (this.following) this.#stick();
    else this.element.scrollTop = 1;
    this.#edges();
  }

  /** @param {Message} message @returns {HTMLElement | null} its element, unless it is shown within another */
  #view(message) {
    if (message.role === 'tool') {
      for (let seq = message.seq - 1; seq > message.seq - CALL_REACH; seq -= 1) {
        const call = this.#views.get(seq);
        if (!call || !isToolCall(call.message) || call.element.dataset.answer) continue;
        if (!answers(call.message, message)) continue;
        call.answer(message);
        this.#inside.set(message.seq, call);
        this.#reading.changed(call);
        return null;
      }
    }
    const view = new MessageView(message, this.actions);
    this.#views.set(message.seq, view);
    this.#reading.watch(view);
    return view.element;
  }

  /** @param {Message[]} messages */
  #append(messages) {
    const fragment = document.createDocumentFragment();
    for (const message of messages) {
      const element = this.#view(message);
      if (element) fragment.append(element);
    }
    this.#list.append(fragment);
    if (this.following) {
      this.#drop(this.window.trim('first', MOST), false);
      this.#stick();
    } else {
      this.#drop(this.window.trim('first', 2 * MOST), true);
    }
    this.#edges();
  }

  /** @param {Message[]} messages */
  #prepend(messages) {
    const before = this.element.scrollHeight - this.element.scrollTop;
    const fragment = document.createDocumentFragment();
    for (const message of messages) {
      const element = this.#view(message);
      if (element) fragment.append(element);
    }
    this.#list.prepend(fragment);
    // What is looked at stays where it is.
    this.element.scrollTop = this.element.scrollHeight - before;
    this.#drop(this.window.trim('last', MOST), false);
    this.#edges();
  }

  /** @param {Message[]} dropped @param {boolean} above whether what is looked at must be held in its place */
  #drop(dropped, above) {
    if (!dropped.length) return;
    const before = this.element.scrollHeight - this.element.scrollTop;
    for (const { seq } of dropped) {
      const view = this.#views.get(seq);
      if (view) this.#reading.unwatch(view);
      view?.element.remove();
      this.#views.delete(seq);
      this.#inside.delete(seq);
    }
    if (above) this.element.scrollTop = this.element.scrollHeight - before;
  }

  /** Changes what is shown, and what is looked at stays where it is. @param {() => void} change */
  #hold(change) {
    if (this.following) {
      change();
      this.#stick();
      return;
    }
    const { top } = this.element.getBoundingClientRect();
    const held = this.#shownAt(top);
    const before = held?.getBoundingClientRect().top ?? 0;
    change();
    if (!held) return;
    const moved = held.getBoundingClientRect().top - before;
    if (Math.abs(moved) < 1) return;
    this.element.scrollTop += moved;
    this.#top = this.element.scrollTop;
  }

  /** The message at a height of the window, by halving. @param {number} height */
  #shownAt(height) {
    const { children } = this.#list;
    let [low, high] = [0, children.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((children[middle]?.getBoundingClientRect().bottom ?? 0) <= height) low = middle + 1;
      else high = middle;
    }
    return children[low];
  }

  #stick() {
    this.element.scrollTop = this.element.scrollHeight;
    this.#top = this.element.scrollTop;
    this.actions.seen(this.window.last);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const rest = scrollHeight - scrollTop - clientHeight;
    const upwards = scrollTop < this.#top;
    this.#top = scrollTop;
    if (upwards && rest > AT_END) this.following = false;
    if (rest <= AT_END && this.window.atEnd) {
      this.following = true;
      this.actions.seen(this.window.last);
    }
    if (scrollTop < NEAR && this.window.first > 1) void this.#try(() => this.window.older());
    if (rest < NEAR && !this.window.atEnd) void this.#try(() => this.window.newer());
    this.#edges();
  }

  #edges() {
    const { window } = this;
    const none = window.total === 0;
    say(this.#older, none ? 'Nothing was said yet.' : window.first > 1 ? 'Reading what came before…' : 'The beginning.');
    const ahead = window.total - window.last;
    this.#news.hidden = this.following || none;
    say(this.#news, ahead > 0 ? `${counted(ahead, 'message')} below` : 'To the end');
  }
}
