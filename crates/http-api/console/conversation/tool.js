// A tool call in a line, with what it was given and what came of it folded below.

import { h, icon, put, say } from '../kit/dom.js';
import { counted, plain } from '../kit/text.js';
import { inputOf, isFault, isToolCall, kindOf, toolName } from './calls.js';
import { changes } from './diff.js';
import { picturesIn, pictureView } from './images.js';
import { jsonIn, jsonTree } from './json.js';
import { fill, lengthOf } from './nodes.js';
import { unfolding, written } from './words.js';

/** Text beyond this is not read as JSON. */
const JSON_MOST = 1_100_000;

/**
 * @typedef {import('../types').Message} Message
 * @typedef {import('../types').Rendered} Rendered
 * @typedef {import('../types').RenderedNode} RenderedNode
 */

/** @param {unknown} input */
function inputLine(input) {
  if (input === null || typeof input !== 'object') return '';
  const values = Object.values(input);
  const first = values.length === 1 ? values[0] : input;
  const line = (typeof first === 'string' ? first : JSON.stringify(first)).slice(0, 400).replaceAll(/\s+/g, ' ');
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}

/** @param {RenderedNode[]} nodes */
const shown = (nodes) => unfolding(lengthOf(nodes), (room) => fill(document.createDocumentFragment(), nodes, room));

/** What a tool said. @param {Message} result @param {Rendered | undefined} rendered */
function output(result, rendered) {
  const box = h('div', { class: 'tool-output' });
  if (rendered?.body?.length) {
    put(box, shown(rendered.body));
    return box;
  }
  const value = result.content.length < JSON_MOST ? jsonIn(result.content) : undefined;
  const pictures = value ? picturesIn(value) : [];
  put(box, ...pictures.map(pictureView));
  if (value) put(box, jsonTree(value));
  else put(box, written(result.content));
  return box;
}

export class ToolView {
  #name = h('span', { class: 'tool-name' });
  #input = h('span', { class: 'tool-input' });
  #changes = h('span', { class: 'tool-changes' });
  #state = h('span', { class: 'tool-state' });
  /** The message of the call; none where its result stands alone. @type {Message | null} */
  #call = null;
  /** @type {Message | null} */
  #result = null;
  /** By seq. @type {Map<number, Rendered>} */
  #rendered = new Map();

  /** @param {Message} message a call, or a result whose call is not here */
  constructor(message) {
    const isCall = isToolCall(message);
    if (isCall) this.#call = message;
    else this.#result = message;
    say(this.#name, plain(toolName(message)));
    say(this.#input, isCall ? plain(inputLine(inputOf(message))) : plain(message.content.slice(0, 160).split('\n')[0] ?? ''));
    say(this.#state, isCall ? 'running' : '');
    const summary = h('summary', {}, icon('tool'), this.#name, this.#input, this.#changes, this.#state);
    this.element = h('details', { class: 'tool' }, summary);
    // Filled when it is unfolded for the first time: most never are.
    this.element.addEventListener('toggle', () => this.element.open && this.element.childElementCount === 1 && this.#fill());
    if (!isCall && kindOf(message).startsWith('tool_')) this.#tell();
  }

  /** Puts the result where the call is. @param {Message} result */
  answer(result) {
    this.#result = result;
    this.#tell();
    this.#again();
  }

  /** Shows what the server read in the call or in its result. @param {Rendered} rendered */
  render(rendered) {
    this.#rendered.set(rendered.seq, rendered);
    const { call, outcome } = rendered;
    if (call) {
      say(this.#name, plain(call.verb));
      say(this.#input, plain(call.subject));
      const counts = changes(call.added, call.removed);
      this.#changes.replaceChildren(...(counts ? [counts] : []));
    }
    if (outcome) this.#tell();
    if (rendered.body?.length || rendered.input?.length) this.#again();
  }

  #tell() {
    const result = this.#result;
    if (!result) return;
    const outcome = this.#rendered.get(result.seq)?.outcome;
    const failed = outcome?.failed ?? isFault(result);
    const denied = kindOf(result) === 'tool_denied';
    const exit = typeof outcome?.exit === 'number' && outcome.exit !== 0 ? `→ exit ${outcome.exit}` : '';
    const size = outcome && outcome.lines > 1 ? `, ${counted(outcome.lines, 'line')}` : '';
    say(this.#state, exit || (denied ? 'denied' : failed ? 'failed' : `done${size}`));
    this.#state.classList.toggle('failed', failed);
    this.#state.classList.toggle('done', !failed);
  }

  /** What is unfolded is made again from what is known now. */
  #again() {
    if (this.element.childElementCount > 1) this.#fill();
  }

  #fill() {
    const [summary] = this.element.children;
    const given = this.#given();
    this.element.replaceChildren(...(summary ? [summary] : []), ...(given ? [given] : []), this.#came());
  }

  #given() {
    const call = this.#call;
    if (!call) return null;
    const input = inputOf(call);
    const nodes = this.#rendered.get(call.seq)?.input;
    const box = h('div', { class: 'tool-given' });
    if (nodes?.length) put(box, shown(nodes));
    if (input !== undefined && input !== null) {
      const tree = jsonTree(input);
      // What has a form of its own can be looked at as it was given, too.
      if (nodes?.length) put(box, h('details', { class: 'tool-raw' }, h('summary', {}, 'Input as JSON'), tree));
      else put(box, h('h4', {}, 'Input'), tree);
    } else if (!nodes?.length) {
      put(box, h('h4', {}, 'Call'), written(call.content));
    }
    return box;
  }

  #came() {
    const result = this.#result;
    const box = h('div', { class: 'tool-result' });
    if (!result) {
      put(box, h('h4', {}, 'Output'), h('p', { class: 'quiet-text' }, 'It has not ended.'));
      return box;
    }
    if (this.#call) put(box, h('h4', {}, 'Output', h('span', { class: 'seq' }, `#${result.seq}`)));
    put(box, output(result, this.#rendered.get(result.seq)));
    return box;
  }
}
