// A comment on a line: it goes to the agent as a message that quotes the line, and its receipt is shown where it was written.

import { MODES } from '../conversation/compose.js';
import { RECEIPTS } from '../conversation/message.js';
import { callName, post, told } from '../kit/api.js';
import { button, h, put, say } from '../kit/dom.js';
import { plain } from '../kit/text.js';

/** So many lines around the line are quoted with it, before and after. */
const AROUND = 2;
/** The most characters of a line that is quoted. */
const LONG = 400;

/**
 * @typedef {import('../types').ChangedFile} ChangedFile
 * @typedef {import('../types').RenderedLine} Line
 * @typedef {{ file: ChangedFile, line: Line, lines: Line[] }} Place
 * @typedef {ReturnType<typeof commentForm>} Comment
 */

/** Which line it is, in words. @param {Line} line */
const named = (line) => (line.op === 'removed' ? `line ${line.old} as it was before` : `line ${line.new}`);

/** What the agent is told. @param {Place} place @param {string} words */
export function message({ file, line, lines }, words) {
  const at = lines.indexOf(line);
  let [from, to] = [at, at];
  while (from > at - AROUND && from > 0 && lines[from - 1]?.op !== 'about') from -= 1;
  while (to < at + AROUND && to < lines.length - 1 && lines[to + 1]?.op !== 'about') to += 1;
  const quoted = lines.slice(from, to + 1).map((one) => `${{ same: ' ', removed: '-', added: '+', about: ' ' }[one.op]}${one.text.slice(0, LONG)}`);
  const longest = quoted.join('\n').match(/`{3,}/g)?.reduce((most, ticks) => Math.max(most, ticks.length), 2) ?? 2;
  const fence = '`'.repeat(longest + 1);
  const path = /[`\n\r]/.test(file.path) ? JSON.stringify(file.path) : `\`${file.path}\``;
  return `A comment on ${path}, ${named(line)}:\n\n${fence}diff\n${quoted.join('\n')}\n${fence}\n\n${words}`;
}

/**
 * @param {string} session
 * @param {Place} place
 * @param {{ goTo: (seq: number) => void, gone: () => void }} about
 */
export function commentForm(session, place, about) {
  const text = h('textarea', { rows: 2, 'aria-label': `Comment on ${named(place.line)} of ${plain(place.file.path)}`, placeholder: `Say something about ${named(place.line)}…`, maxlength: 100_000 });
  const mode = h('select', { 'aria-label': 'When it is to reach the agent' });
  for (const [value, label] of Object.entries(MODES)) put(mode, h('option', { value }, label));
  const fault = h('p', { class: 'fault', role: 'alert' });
  const send = h('button', { type: 'submit', class: 'primary' }, 'Comment');
  const form = h('form', {}, text, fault, h('div', { class: 'comment-row' }, mode, button({ label: 'Never mind', class: 'link' }, () => leave()), send));
  const element = h('div', { class: 'comment', role: 'group', 'aria-label': 'Comment' }, form);
  const once = callName();
  let seq = 0;
  /** Receipts that came before the answer said which message it is. @type {Map<number, { state: string, reason?: string | null }>} */
  const heard = new Map();
  const receipt = h('span', { role: 'status' });

  function leave() {
    element.remove();
    about.gone();
  }

  /** @param {{ state: string, reason?: string | null }} what */
  function show({ state, reason }) {
    receipt.className = `receipt ${state}`;
    say(receipt, `${state}: ${RECEIPTS[state] ?? ''}${reason ? `: ${plain(reason)}` : ''}`);
  }

  /** @param {string} words */
  function sent(words) {
    const number = button({ label: `#${seq} in the conversation`, class: 'link' }, () => about.goTo(seq));
    element.classList.add('sent');
    element.replaceChildren(h('p', { class: 'comment-words' }, words), h('div', { class: 'comment-row' }, receipt, number, button({ label: 'Put away', class: 'link' }, () => leave())));
    number.focus({ preventScroll: true });
  }

  text.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') leave();
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const words = text.value.trim();
    if (!words || send.disabled) return;
    send.disabled = true;
    say(fault, '');
    post(`/agents/${session}/inject`, { message: message(place, words), delivery: mode.value }, once)
      .then((/** @type {{ seq: number, receipt: string }} */ reply) => {
        seq = reply.seq;
        show(heard.get(seq) ?? { state: reply.receipt });
        sent(words);
      })
      .catch((error) => say(fault, told(error)))
      .finally(() => (send.disabled = false));
  });
  return {
    element,
    focus: () => text.focus(),
    /** @param {number} of @param {{ state: string, reason?: string | null }} what */
    settle(of, what) {
      heard.set(of, what);
      if (of === seq) show(what);
    },
  };
}
