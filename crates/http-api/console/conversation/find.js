// Going to a place of a conversation: by seq, by time, by words.

import { told } from '../kit/api.js';
import { button, h, put, say } from '../kit/dom.js';
import { clock, counted, plain } from '../kit/text.js';
import { jumps } from './jumps.js';

const AROUND = 60;

/**
 * The piece of a text around a word.
 *
 * @param {string} text
 * @param {string} words
 */
function snippet(text, words) {
  const at = Math.max(0, text.toLowerCase().indexOf(words.toLowerCase()));
  const from = Math.max(0, at - AROUND);
  const piece = text.slice(from, at + words.length + AROUND).replaceAll(/\s+/g, ' ');
  const inside = piece.toLowerCase().indexOf(words.toLowerCase());
  const dots = from > 0 ? '…' : '';
  if (inside < 0) return h('span', {}, dots + plain(piece));
  const end = inside + words.length;
  return h('span', {}, dots + plain(piece.slice(0, inside)), h('mark', {}, plain(piece.slice(inside, end))), plain(piece.slice(end)));
}

/**
 * A moment that a person wrote: a time of today, or a date with or without one.
 *
 * @param {string} text
 * @returns {number} not a number when it is none
 */
export function momentOf(text) {
  const time = /^\d{1,2}:\d{2}(:\d{2})?$/.test(text);
  if (time) return Date.parse(`${new Date().toLocaleDateString('sv')}T${text.padStart(text.length === 4 || text.length === 7 ? text.length + 1 : text.length, '0')}`);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return NaN;
  return Date.parse(text.length === 10 ? `${text}T00:00:00` : text.replace(' ', 'T'));
}

/**
 * @param {import('./transcript.js').Transcript} transcript
 * @param {(seq: number) => void} gone
 * @param {{ session: string, unread: () => number }} about
 */
export function finder(transcript, gone, { session, unread }) {
  /** @param {number} seq */
  const goTo = async (seq) => {
    await transcript.toSeq(seq);
    gone(seq);
  };

  const words = h('input', { type: 'search', placeholder: 'Search in this session', 'aria-label': 'Search in this session' });
  const place = h('input', { type: 'text', class: 'jump', placeholder: '#seq or 14:05', 'aria-label': 'Jump to a seq or a time' });
  const state = h('p', { class: 'find-state', role: 'status' });
  const list = h('ol', { class: 'matches' });
  const search = h('form', { class: 'find-form', role: 'search' }, words, h('button', { type: 'submit' }, 'Search'));
  const jump = h('form', { class: 'find-form' }, place, h('button', { type: 'submit' }, 'Go'));
  const element = h('div', { class: 'find', hidden: true }, h('div', { class: 'find-row' }, search, jump), jumps(transcript, { session, state, unread, goTo }), state, list);
  let run = 0;

  /** @param {string} text @param {number} [before] */
  async function look(text, before) {
    const mine = ++run;
    say(state, 'Searching…');
    try {
      const page = await transcript.window.search(text, before);
      if (mine !== run) return;
      for (const match of page.matches) {
        const go = button({ label: '', class: 'match' }, () => void goTo(match.seq));
        put(go, h('span', { class: 'seq' }, `#${match.seq}`), h('time', {}, clock(match.createdAt)), snippet(match.content, text));
        put(list, h('li', {}, go));
      }
      const number = counted(list.childElementCount, 'match', 'matches');
      if (!page.nextBefore) return say(state, `${number}, the whole session was searched.`);
      say(state, `${number}, searched back to #${page.nextBefore}.`);
      const from = page.nextBefore;
      const more = button({ label: 'Search on', class: 'link' }, () => void look(text, from));
      put(state, ' ', more);
      // Without a match there is nothing to look at: go on.
      if (!list.childElementCount) return void look(text, from);
      return undefined;
    } catch (error) {
      return say(state, told(error));
    }
  }

  search.addEventListener('submit', (event) => {
    event.preventDefault();
    list.replaceChildren();
    run += 1;
    if (words.value.trim()) void look(words.value.trim());
    else say(state, '');
  });

  jump.addEventListener('submit', (event) => {
    event.preventDefault();
    void go(place.value.trim());
  });

  /** @param {string} text */
  async function go(text) {
    const { window } = transcript;
    const seq = /^#?\s*(\d+)$/.exec(text)?.[1];
    try {
      if (seq) {
        const wanted = Math.max(1, Math.min(Number(seq), window.total));
        await goTo(wanted);
        return say(state, wanted === Number(seq) ? '' : `There are ${counted(window.total, 'message')}.`);
      }
      const moment = momentOf(text);
      if (Number.isNaN(moment)) return say(state, 'Give a seq such as 120, a time such as 14:05, or 2026-03-01 14:05.');
      await goTo(await window.seqAt(moment));
      return say(state, '');
    } catch (error) {
      return say(state, told(error));
    }
  }

  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    element.hidden = true;
    transcript.element.focus();
  });

  return {
    element,
    toggle() {
      element.hidden = !element.hidden;
      if (!element.hidden) words.focus();
    },
  };
}
