// What the agent changed in its folder: the files, and the lines of each, for the whole session or one turn.

import { changes } from '../conversation/diff.js';
import { get, told } from '../kit/api.js';
import { button, h, put, say } from '../kit/dom.js';
import { clock, counted, plain, reveal } from '../kit/text.js';
import { fileView } from './file.js';

/** How often it is looked again while the agent works. */
const LOOK = 4_000;

/**
 * @typedef {import('../types').Changes} Changes
 * @typedef {import('../types').ChangedFile} ChangedFile
 * @typedef {ReturnType<typeof fileView>} FileView
 * @typedef {{ mayComment: () => boolean, isAtWork: () => boolean, goTo: (seq: number) => void }} About
 */

/** The answer without what changes from look to look. @param {Changes} found */
const gist = ({ files, turns, isNow, total, commit }) => JSON.stringify([files, turns, isNow, total, commit]);

/** @param {Changes} found */
function summary(found) {
  const files = found.total ? counted(found.total, 'file') : 'No file';
  const where = found.commit ? `since ${found.commit.slice(0, 10)}${found.branch ? ` on ${plain(found.branch)}` : ''}` : 'since it began';
  const state = found.isNow ? `as it is now, ${clock(found.toAt)}` : `as it was at ${clock(found.toAt)}`;
  return `${files} changed ${found.turn ? `in turn ${found.turn}` : where}, ${state}`;
}

/**
 * @param {string} session
 * @param {About} about
 */
export function changesView(session, about) {
  const turn = h('select', { 'aria-label': 'What is shown', onchange: () => void choose() });
  const state = h('p', { class: 'changes-state', role: 'status' });
  const sums = h('span', { class: 'changes-sums' });
  const list = h('ul', { class: 'changes-files', 'aria-label': 'Changed files' });
  const bar = h('div', { class: 'changes-bar' }, turn, sums, button({ label: 'Look again', class: 'link' }, () => void look(true)));
  const element = h('div', { class: 'changes-view', role: 'region', 'aria-label': 'What the agent changed', tabindex: '-1', hidden: true }, bar, state, list);
  /** @type {Map<string, FileView>} */
  let views = new Map();
  let known = '';
  let run = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;

  const query = () => (turn.value ? `turn=${turn.value}&` : '');

  /** @param {Changes} found */
  function showTurns(found) {
    const chosen = turn.value;
    const options = found.turns.map(({ number, beganAt, endedAt }) => h('option', { value: number }, `Turn ${number} · ${clock(beganAt)}${endedAt ? '' : ', goes on'}`));
    turn.replaceChildren(h('option', { value: '' }, 'Whole session'), ...options.reverse());
    turn.value = chosen;
  }

  /** @param {ChangedFile} file */
  function viewOf(file) {
    const before = views.get(file.path);
    if (before) {
      before.update(file);
      return before;
    }
    return fileView(session, file, { query, ...about });
  }

  /** @param {Changes} found */
  function show(found) {
    say(state, summary(found));
    state.title = found.folder;
    state.classList.remove('fault');
    const now = gist(found);
    if (now === known) return;
    known = now;
    showTurns(found);
    const next = new Map(found.files.map((file) => [file.path, viewOf(file)]));
    views = next;
    const shown = [...next.values()].map((view) => view.element);
    // What somebody writes in stays where it is.
    if (shown.length !== list.children.length || shown.some((one, at) => list.children[at] !== one)) list.replaceChildren(...shown);
    sums.replaceChildren();
    put(sums, found.total > 0 && changes(found.added, found.removed));
    if (found.truncated) put(list, h('li', { class: 'changes-more' }, `${counted(found.total - found.files.length, 'more file', 'more files')} not listed`));
  }

  /** @param {boolean} anyway also when the last look is not answered */
  async function look(anyway) {
    if (timer === undefined || (run % 2 === 1 && !anyway)) return;
    run += run % 2 === 1 ? 2 : 1;
    const mine = run;
    try {
      /** @type {Changes} */
      const found = await get(`/agents/${session}/changes?${query()}`.replace(/[?&]$/, ''));
      if (mine === run) show(found);
    } catch (error) {
      if (mine !== run) return;
      state.classList.add('fault');
      state.replaceChildren(reveal(told(error)));
    } finally {
      if (mine === run) run += 1;
    }
  }

  async function choose() {
    known = '';
    views = new Map();
    list.replaceChildren();
    say(state, 'Reading…');
    await look(true);
  }

  function stop() {
    clearInterval(timer);
    timer = undefined;
  }

  return {
    element,
    get visible() {
      return !element.hidden;
    },
    /** @param {boolean} visible */
    show(visible) {
      element.hidden = !visible;
      stop();
      if (!visible) return;
      timer = setInterval(() => about.isAtWork() && void look(false), LOOK);
      if (!known) say(state, 'Reading…');
      void look(true);
      element.focus({ preventScroll: true });
    },
    /** The session has another status, or has said something. */
    stirred: () => void look(false),
    /** What became of a comment. @param {number} seq @param {{ state: string, reason?: string | null }} receipt */
    settle(seq, receipt) {
      for (const view of views.values()) view.settle(seq, receipt);
    },
    end: stop,
  };
}
