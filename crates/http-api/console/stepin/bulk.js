// Stepping in with several sessions that were marked.

import { callName, post, Problem } from '../kit/api.js';
import { dialog } from '../kit/dialog.js';
import { button, h, put, say } from '../kit/dom.js';
import { field, given, text } from '../kit/fields.js';
import { isPossible } from '../kit/status.js';
import { counted } from '../kit/text.js';
import { listed, WISHES } from './stepin.js';

/** How many calls are on their way at once. */
const AT_ONCE = 4;
/** How long to wait when the server takes no more and does not say for how long. */
const PAUSE = 5_000;
const sleep = (/** @type {number} */ milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * @typedef {import('../page').Node} Node
 * @typedef {import('../types').Wish} Wish
 */

/**
 * Calls for one session, again when the server takes no more for now.
 *
 * @param {Node} node
 * @param {Wish} wish
 * @param {{ why: string | undefined, once: string, waiting: (seconds: number) => void, ended: () => boolean }} about
 */
async function ask(node, wish, { why, once, waiting, ended }) {
  for (;;) {
    try {
      return await post(`/agents/${node.id}/${wish}?wait=0s`, why ? { reason: why } : {}, once);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 429 || ended()) throw error;
      const pause = error.retryAfter ?? PAUSE;
      waiting(Math.ceil(pause / 1_000));
      await sleep(pause);
    }
  }
}

/**
 * Lists what is marked and can be changed, and asks all of it.
 *
 * @param {import('./stepin.js').Desk} desk
 * @param {Wish} wish
 * @param {Node[]} marked
 * @param {() => void} done
 */
export function controlMarked(desk, wish, marked, done) {
  if (!desk.mayControl()) return;
  const nodes = marked.filter((node) => isPossible(wish, node));
  const { verb } = WISHES[wish];
  const element = dialog(`${verb} ${counted(marked.length, 'marked session')}`, wish);
  const reason = text({ maxlength: 2_000, placeholder: 'for the agents and the audit log' });
  const fault = h('p', { class: 'fault', role: 'alert' });
  const state = h('p', { class: 'quiet-text', role: 'status' });
  const submit = h('button', { type: 'submit', class: wish === 'kill' ? 'danger solid' : 'primary' }, `${verb} ${nodes.length}`);
  const form = h('form', { method: 'dialog' }, field('Reason', reason), state, fault, h('div', { class: 'dialog-buttons' }, button({ label: 'Cancel' }, () => element.close()), submit));
  submit.disabled = nodes.length === 0;
  const rest = marked.length - nodes.length;
  const words = rest ? `; ${counted(rest, 'one', 'others')} cannot be changed by it` : '';
  /** @type {Map<string, string>} */
  const calls = new Map();

  async function run() {
    const ahead = nodes.filter(({ id }) => !calls.has(id) || calls.get(id) !== 'done');
    const failed = /** @type {string[]} */ ([]);
    let asked = nodes.length - ahead.length;
    const ended = () => !element.open;
    const tell = (/** @type {string} */ more = '') => say(state, `${asked} of ${nodes.length} asked${more}.`);
    const work = async () => {
      for (let node = ahead.shift(); node && !ended(); node = ahead.shift()) {
        const once = calls.get(node.id) ?? callName();
        calls.set(node.id, once);
        try {
          await ask(node, wish, { why: given(reason), once, ended, waiting: (seconds) => tell(`; the server takes no more for ${seconds} s`) });
          calls.set(node.id, 'done');
          asked += 1;
          tell();
        } catch (error) {
          failed.push(error instanceof Error ? error.message : String(error));
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (failed.length) throw new Error(`${counted(failed.length, 'call')} failed: ${failed[0]}`);
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit.disabled = true;
    say(fault, '');
    run()
      .then(() => {
        element.close();
        desk.toast(`${verb} is asked of ${counted(nodes.length, 'session')}.`);
        done();
      })
      .catch((error) => {
        say(fault, error.message);
        submit.disabled = false;
      });
  });
  put(element, h('p', { class: 'hit-count' }, `${verb}s ${counted(nodes.length, 'session')}${words}:`), listed(nodes), form);
  element.showModal();
  reason.focus();
}
