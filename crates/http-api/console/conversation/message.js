// One message as it is shown. Its words come from an agent: they go in as text, whatever they look like. First they stand there
// as they are written; when the server has read them they are shown as what they mean.

import { button, h, icon, put } from '../kit/dom.js';
import { clock, plain } from '../kit/text.js';
import { isToolCall, kindOf } from './calls.js';
import { fill, lengthOf } from './nodes.js';
import { ToolView } from './tool.js';
import { LONG, prose, unfolding, words, written } from './words.js';

/** What may be more than its words. Each repetition is bounded: a text of a hundred thousand empty lines is as quick as any. */
const MARKUP = /[*_`#>|[~<&\\]|https?:|^[ \t]{0,9}(?:[-+=]|\d{1,9}[.)])/m;
/** So much of a thought stands in its line. */
const GIST = 140;

/**
 * @typedef {import('../types').Message} Message
 * @typedef {import('../types').Rendered} Rendered
 * @typedef {{
 *   cancel: (message: Message) => void,
 *   openSession: (id: string) => void,
 * }} MessageActions
 */

/** Whether the server may have more to show of a message than its words. @param {Message} message */
export const isReadable = (message) =>
  isToolCall(message) || message.role === 'tool' || (message.role !== 'system' && MARKUP.test(message.content));

/** @type {Record<string, string>} */
const WHO = { user: 'Prompt', assistant: 'Agent', tool: 'Tool', system: 'System', operator: 'Operator' };

/** @param {Message} message @param {Node | null} [more] */
function heading(message, more = null) {
  const who = kindOf(message) === 'thought' ? 'Thought' : (WHO[message.role] ?? message.role);
  const time = h('time', { datetime: message.createdAt }, clock(message.createdAt));
  return h('header', { class: 'message-head' }, h('span', { class: 'who' }, who), more, h('span', { class: 'seq' }, `#${message.seq}`), time);
}

/** @type {Record<string, string>} */
export const RECEIPTS = {
  accepted: 'accepted, on its way',
  delivered: 'delivered to the agent',
  consumed: 'read by the agent',
  refused: 'refused by the agent',
  cancelled: 'taken back',
  undeliverable: 'could not be delivered',
};

export class MessageView {
  /** Where its words are. @type {HTMLElement | null} */
  #body = null;
  /** @type {ToolView | null} */
  #tool = null;
  /** @type {HTMLElement | null} */
  #receipt = null;
  /** The button that shows it as it is written. */
  #source = button({ label: 'as written', class: 'link source' }, () => this.#turn());
  /** @type {Rendered | null} */
  #rendered = null;

  /** @param {Message} message @param {MessageActions} actions */
  constructor(message, actions) {
    this.message = message;
    this.actions = actions;
    const kind = kindOf(message);
    const isTool = message.role === 'tool' || isToolCall(message);
    this.element = h('article', { class: `message ${isTool ? 'tool' : message.role} ${kind === 'thought' ? 'thought' : ''}`, 'data-seq': message.seq });
    if (isTool) this.#makeTool(message);
    else if (message.role === 'system') this.#system(kind);
    else this.#words(kind === 'thought');
    if (message.receipt) this.settle();
  }

  /** The seqs of what is shown in it and may be read by the server. */
  get readable() {
    const answer = Number(this.element.dataset.answer);
    const seqs = isReadable(this.message) ? [this.message.seq] : [];
    return answer ? [...seqs, answer] : seqs;
  }

  /** @param {boolean} isThought */
  #words(isThought) {
    const { message } = this;
    this.#source.hidden = true;
    this.#body = h('div', { class: 'words' }, prose(message.content));
    put(this.element, heading(message, this.#source));
    if (!isThought) return put(this.element, this.#body);
    const line = message.content.slice(0, 4 * GIST).replaceAll(/\s+/g, ' ').trim();
    const gist = line.length > GIST ? `${line.slice(0, GIST)}…` : line;
    return put(this.element, h('details', { class: 'thought-box' }, h('summary', { dir: 'auto' }, plain(gist)), this.#body));
  }

  #system(kind = '') {
    const { message } = this;
    // What an agent calls a message of the system is not the server's word, and does not look like it.
    const own = message.metadata.flightdeck === 'agent' ? h('span', { class: 'system-author' }, 'agent says:') : null;
    if (own) this.element.classList.add('reported');
    const said = h('span', { class: 'system-words', dir: 'auto' }, words(message.content.slice(0, LONG)));
    const head = h('span', { class: 'system-head' }, h('span', { class: 'seq' }, `#${message.seq}`), h('time', { datetime: message.createdAt }, clock(message.createdAt)));
    put(this.element, h('div', { class: 'system-line' }, own, said, head));
    const child = message.metadata.sessionId;
    if (kind === 'spawned' && typeof child === 'string') {
      put(/** @type {Element} */ (this.element.firstElementChild), button({ label: 'Open', class: 'link' }, () => this.actions.openSession(child)));
    }
  }

  /** @param {Message} message */
  #makeTool(message) {
    this.#tool = new ToolView(message);
    put(this.element, heading(message), this.#tool.element);
  }

  /** Puts the result of a tool call where the call is. @param {Message} result */
  answer(result) {
    this.#tool?.answer(result);
    this.element.dataset.answer = String(result.seq);
  }

  /** Shows what the server read in it. @param {Rendered} rendered */
  render(rendered) {
    if (this.#tool) return this.#tool.render(rendered);
    if (!rendered.body?.length || !this.#body || this.#rendered) return undefined;
    this.#rendered = rendered;
    this.#source.hidden = false;
    return this.#show();
  }

  #show() {
    const nodes = this.#rendered?.body ?? [];
    this.#body?.replaceChildren(unfolding(lengthOf(nodes), (room) => fill(h('div', { class: 'markdown', dir: 'auto' }), nodes, room)));
  }

  /** From one form of it to the other. */
  #turn() {
    const isWritten = this.#source.getAttribute('aria-pressed') === 'true';
    this.#source.setAttribute('aria-pressed', String(!isWritten));
    if (isWritten) this.#show();
    else this.#body?.replaceChildren(written(this.message.content));
  }

  /** Shows what became of an operator's message. */
  settle() {
    const { receipt } = this.message;
    if (!receipt) return;
    this.#receipt ??= this.element.appendChild(h('footer', { class: 'receipt' }));
    const state = receipt.state;
    const drawing = state === 'consumed' ? 'completed' : ['accepted', 'delivered'].includes(state) ? 'clock' : 'failed';
    const reason = receipt.reason ? `: ${plain(receipt.reason)}` : '';
    const said = h('span', {}, `${state}`, h('span', { class: 'unseen' }, `: ${RECEIPTS[state] ?? ''}`), reason);
    this.#receipt.className = `receipt ${state}`;
    this.#receipt.title = RECEIPTS[state] ?? '';
    const back = state === 'accepted' ? button({ label: 'Take back', class: 'link' }, () => this.actions.cancel(this.message)) : null;
    this.#receipt.replaceChildren(icon(drawing), said);
    put(this.#receipt, back);
  }
}
