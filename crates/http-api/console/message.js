// One message as it is shown. Its words come from an agent: they go in as text, whatever they look like.

import { button, h, icon, put, say } from './dom.js';
import { clock, count, plain, pretty, reveal } from './text.js';

/** A longer text is shown in part until it is asked for. */
const LONG = 6_000;

/**
 * @typedef {import('./types').Message} Message
 * @typedef {{
 *   cancel: (message: Message) => void,
 *   openSession: (id: string) => void,
 * }} MessageActions
 */

/** @param {Message} message */
const kindOf = (message) => (typeof message.metadata.type === 'string' ? message.metadata.type : '');

/** @param {Message} message */
const toolName = (message) => {
  const name = message.metadata.name ?? message.metadata.toolName ?? message.metadata.title;
  return typeof name === 'string' ? name : 'tool';
};

/** @param {Message} message */
export const isToolCall = (message) => message.role === 'tool' && kindOf(message).startsWith('tool_call');

/** What names a call in its result, where the provider names it. @param {Message} message */
const callId = (message) => message.metadata.toolCallId ?? message.metadata.toolUseId ?? message.metadata.callId;

/** Whether a message is the result of a call. @param {Message} call @param {Message} result */
export function answers(call, result) {
  if (result.role !== 'tool' || kindOf(result) !== 'tool_result') return false;
  const [called, answered] = [callId(call), callId(result)];
  return called !== undefined && answered !== undefined ? called === answered : toolName(call) === toolName(result);
}

/**
 * A text with its fenced blocks set apart. Nothing else in it means anything.
 *
 * @param {string} text
 */
function prose(text) {
  const fragment = document.createDocumentFragment();
  /** @type {string[]} */
  let lines = [];
  let fenced = false;
  const flush = () => {
    if (lines.length) fragment.append(h(fenced ? 'pre' : 'p', { class: fenced ? 'code' : 'prose', dir: 'auto' }, reveal(lines.join('\n'))));
    lines = [];
  };
  for (const line of text.split('\n')) {
    if (/^\s*```/.test(line)) {
      flush();
      fenced = !fenced;
    } else {
      lines.push(line);
    }
  }
  flush();
  return fragment;
}

/**
 * A text, the beginning of it when it is long.
 *
 * @param {string} text
 * @param {(text: string) => Node} render
 */
function body(text, render) {
  const box = h('div', { class: 'body' });
  if (text.length <= LONG) {
    put(box, render(text));
    return box;
  }
  const more = button({ label: `Show all ${count(text.length)} characters`, class: 'link' }, () => {
    box.replaceChildren(render(text));
  });
  put(box, render(text.slice(0, LONG)), more);
  return box;
}

/** @param {string} text */
const output = (text) => h('pre', { class: 'code', dir: 'auto' }, reveal(text));

/** @param {unknown} input */
function inputLine(input) {
  if (input === null || typeof input !== 'object') return '';
  const values = Object.values(input);
  const first = values.length === 1 ? values[0] : input;
  const line = typeof first === 'string' ? first : JSON.stringify(first);
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}

/** @type {Record<string, string>} */
const WHO = { user: 'Prompt', assistant: 'Agent', tool: 'Tool', system: 'System', operator: 'Operator' };

/** @param {Message} message */
function heading(message) {
  const who = kindOf(message) === 'thought' ? 'Thought' : (WHO[message.role] ?? message.role);
  const time = h('time', { datetime: message.createdAt }, clock(message.createdAt));
  return h('header', { class: 'message-head' }, h('span', { class: 'who' }, who), h('span', { class: 'seq' }, `#${message.seq}`), time);
}

/** @type {Record<string, string>} */
const RECEIPTS = {
  accepted: 'accepted, on its way',
  delivered: 'delivered to the agent',
  consumed: 'read by the agent',
  refused: 'refused by the agent',
  cancelled: 'taken back',
  undeliverable: 'could not be delivered',
};

export class MessageView {
  /** Where the output of a tool goes. @type {HTMLElement | null} */
  #result = null;
  /** @type {HTMLElement | null} */
  #receipt = null;
  /** @type {HTMLElement | null} */
  #state = null;

  /** @param {Message} message @param {MessageActions} actions */
  constructor(message, actions) {
    this.message = message;
    this.actions = actions;
    const kind = kindOf(message);
    this.element = h('article', { class: `message ${message.role} ${kind === 'thought' ? 'thought' : ''}`, 'data-seq': message.seq });
    if (message.role === 'tool') this.#tool(kind);
    else if (message.role === 'system') this.#system(kind);
    else put(this.element, heading(message), body(message.content, prose));
    if (message.receipt) this.settle();
  }

  #system(kind = '') {
    const { message } = this;
    // What an agent calls a message of the system is not the server's word, and does not look like it.
    const own = message.metadata.flightdeck === 'agent' ? h('span', { class: 'system-author' }, 'agent says:') : null;
    if (own) this.element.classList.add('reported');
    const words = h('span', { class: 'system-words', dir: 'auto' }, reveal(message.content.slice(0, LONG)));
    const head = h('span', { class: 'system-head' }, h('span', { class: 'seq' }, `#${message.seq}`), h('time', { datetime: message.createdAt }, clock(message.createdAt)));
    put(this.element, h('div', { class: 'system-line' }, own, words, head));
    const child = message.metadata.sessionId;
    if (kind === 'spawned' && typeof child === 'string') {
      put(/** @type {Element} */ (this.element.firstElementChild), button({ label: 'Open', class: 'link' }, () => this.actions.openSession(child)));
    }
  }

  #tool(kind = '') {
    const { message } = this;
    const isCall = isToolCall(message);
    const name = plain(toolName(message));
    const input = isCall ? plain(inputLine(message.metadata.input)) : plain(message.content.slice(0, 160).split('\n')[0] ?? '');
    this.#state = h('span', { class: 'tool-state' }, isCall ? 'running' : '');
    this.#result = h('div', { class: 'tool-result' });
    const summary = h('summary', {}, icon('tool'), h('span', { class: 'tool-name' }, name), h('span', { class: 'tool-input' }, input), this.#state);
    const details = h('details', { class: 'tool' }, summary);
    // Filled when it is unfolded for the first time: most never are.
    details.addEventListener('toggle', () => {
      if (!details.open || details.childElementCount > 1) return;
      if (isCall && message.metadata.input !== undefined) {
        put(details, h('h4', {}, 'Input'), body(pretty(message.metadata.input), output), h('h4', {}, 'Output'));
      } else if (isCall) {
        put(details, h('h4', {}, 'Call'), body(message.content, output), h('h4', {}, 'Output'));
      } else {
        put(this.#result ?? details, body(message.content, output));
      }
      put(details, this.#result);
    });
    put(this.element, heading(message), details);
    if (kind === 'tool_result') this.#tell(message);
  }

  /** @param {Message} result */
  #tell(result) {
    const failed = result.metadata.failed === true || result.metadata.isError === true;
    if (!this.#state) return;
    say(this.#state, failed ? 'failed' : 'done');
    this.#state.classList.toggle('failed', failed);
    this.#state.classList.toggle('done', !failed);
  }

  /** Puts the result of a tool call where the call is. @param {Message} result */
  answer(result) {
    this.#tell(result);
    const seq = h('span', { class: 'seq' }, `#${result.seq}`);
    this.#result?.replaceChildren(seq, body(result.content, output));
    this.element.dataset.answer = String(result.seq);
  }

  /** Shows what became of an operator's message. */
  settle() {
    const { receipt } = this.message;
    if (!receipt) return;
    this.#receipt ??= this.element.appendChild(h('footer', { class: 'receipt' }));
    const state = receipt.state;
    const drawing = state === 'consumed' ? 'completed' : ['accepted', 'delivered'].includes(state) ? 'clock' : 'failed';
    const reason = receipt.reason ? `: ${plain(receipt.reason)}` : '';
    const words = h('span', {}, `${state}`, h('span', { class: 'unseen' }, `: ${RECEIPTS[state] ?? ''}`), reason);
    this.#receipt.className = `receipt ${state}`;
    this.#receipt.title = RECEIPTS[state] ?? '';
    const back = state === 'accepted' ? button({ label: 'Take back', class: 'link' }, () => this.actions.cancel(this.message)) : null;
    this.#receipt.replaceChildren(icon(drawing), words);
    put(this.#receipt, back);
  }
}
