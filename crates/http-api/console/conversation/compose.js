// Saying something to an agent.

import { callName, post, told } from '../kit/api.js';
import { button, h, say } from '../kit/dom.js';

/** @typedef {import('../types').Delivery} Delivery */

/** @type {Record<Delivery, string>} */
export const MODES = {
  queue: 'Queue: with its next turn',
  steer: 'Steer: into the turn it is in',
  interrupt: 'Interrupt: stop the turn, then say it',
};

/**
 * The field below a conversation.
 *
 * @param {string} session
 * @param {(seq: number) => void} sent
 */
export function composer(session, sent) {
  const text = h('textarea', { rows: 1, 'aria-label': 'Message to the agent', placeholder: 'Say something to this agent…', maxlength: 1_048_576 });
  const mode = h('select', { 'aria-label': 'When it is to reach the agent', title: 'When it is to reach the agent' });
  for (const [value, label] of Object.entries(MODES)) mode.append(h('option', { value }, label));
  const fault = h('p', { class: 'fault', role: 'alert' });
  const send = h('button', { type: 'submit', class: 'primary', title: 'Enter sends, Shift+Enter begins a line' }, 'Inject');
  const why = h('input', { type: 'text', maxlength: 2_000, placeholder: 'Reason, for the audit log', 'aria-label': 'Reason, for the audit log', class: 'reason', hidden: true });
  const because = button({ label: 'Reason', class: 'link' }, () => {
    why.hidden = !why.hidden;
    if (!why.hidden) why.focus();
  });
  const row = h('div', { class: 'compose-row' }, mode, because, send);
  const form = h('form', { class: 'compose' }, text, why, fault, row);
  let once = callName();
  text.addEventListener('input', () => {
    // Other words are another call.
    once = callName();
    text.rows = Math.min(6, text.value.split('\n').length);
  });
  text.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') text.blur();
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!text.value.trim() || send.disabled) return;
    send.disabled = true;
    say(fault, '');
    const body = { message: text.value, delivery: mode.value, ...(why.value.trim() ? { reason: why.value.trim() } : {}) };
    post(`/agents/${session}/inject`, body, once)
      .then((/** @type {{ seq: number }} */ reply) => {
        text.value = why.value = '';
        text.rows = 1;
        once = callName();
        sent(reply.seq);
      })
      .catch((error) => say(fault, told(error)))
      .finally(() => (send.disabled = false));
  });
  return {
    form,
    focus: () => text.focus(),
    /** @param {string} reason why nothing can be said; empty when something can */
    lock(reason) {
      text.disabled = send.disabled = mode.disabled = reason !== '';
      text.placeholder = reason || 'Say something to this agent…';
    },
  };
}
