// One file that was changed: a line in the list, and its lines below it when they are asked for.

import { changes, diffView } from '../conversation/diff.js';
import { unfolding, words } from '../conversation/words.js';
import { get, told } from '../kit/api.js';
import { h, put, say } from '../kit/dom.js';
import { count } from '../kit/text.js';
import { commentForm } from './comment.js';

/**
 * @typedef {import('../types').Changes} Changes
 * @typedef {import('../types').ChangedFile} ChangedFile
 * @typedef {import('../types').RenderedLine} Line
 * @typedef {import('./comment.js').Comment} Comment
 */

/** A letter, as git has them, for a quick look. @type {Record<ChangedFile['status'], string>} */
const LETTERS = { added: 'A', deleted: 'D', modified: 'M', renamed: 'R', retyped: 'T' };

/** @type {Record<ChangedFile['kind'], string>} */
const KINDS = { text: '', binary: 'binary', link: 'link', submodule: 'repository', notKept: 'too large to be kept', notRead: '' };

/** @type {Partial<Record<ChangedFile['kind'], string>>} */
const NO_LINES = {
  binary: 'The file is not text, so there are no lines to be shown.',
  notKept: 'The file is too large to be kept. Only its size and its time were compared.',
};

/** @param {ChangedFile} file */
function about(file) {
  const size = file.size === undefined ? '' : `${count(Math.ceil(file.size / 1024 / 1024))} MiB`;
  const mode = file.executable === undefined ? '' : file.executable ? 'now a program' : 'no longer a program';
  return [KINDS[file.kind], size, mode].filter(Boolean).join(', ');
}

/** The hunks as the lines of one diff. @param {Changes} found @param {ChangedFile} file */
function asDiff({ hunks = [] }, file) {
  const lines = hunks.flatMap(({ heading, lines }, at) => (at > 0 || heading ? [{ op: /** @type {const} */ ('about'), text: heading }, ...lines] : lines));
  return { path: file.path, added: file.added ?? 0, removed: file.removed ?? 0, lines };
}

/** @param {ChangedFile} file */
const gist = (file) => JSON.stringify(file);

/**
 * @param {string} session
 * @param {ChangedFile} first
 * @param {{ query: () => string, mayComment: () => boolean, goTo: (seq: number) => void }} page
 */
export function fileView(session, first, page) {
  let file = first;
  /** What the lines are of that are shown. */
  let shown = '';
  /** @type {Comment[]} */
  const comments = [];
  const letter = h('span', { class: 'file-letter', 'aria-hidden': 'true' });
  const status = h('span', { class: 'unseen' });
  const name = h('span', { class: 'file-name', dir: 'auto' });
  const more = h('span', { class: 'file-about' });
  const sums = h('span', { class: 'file-sums' });
  const head = h('button', { type: 'button', class: 'file-head', 'aria-expanded': 'false', onclick: () => void toggle() }, letter, status, name, more, sums);
  const body = h('div', { class: 'file-body', hidden: true });
  const element = h('li', { class: 'file' }, head, body);

  function draw() {
    element.dataset.status = file.status;
    say(letter, LETTERS[file.status]);
    say(status, `${file.status}: `);
    name.replaceChildren(words(file.path));
    if (file.from) put(name, h('span', { class: 'file-from' }, ' from ', words(file.from)));
    say(more, about(file));
    sums.replaceChildren();
    if (file.kind === 'text' || file.kind === 'link') put(sums, changes(file.added, file.removed));
  }

  /** @param {Line} line @param {Line[]} lines @param {HTMLElement} place */
  function comment(line, lines, place) {
    const open = place.nextElementSibling;
    if (open instanceof HTMLElement && open.classList.contains('comment')) return open.querySelector('textarea')?.focus();
    const made = commentForm(session, { file, line, lines }, { goTo: page.goTo, gone: () => comments.splice(comments.indexOf(made), 1) });
    comments.push(made);
    place.after(made.element);
    return made.focus();
  }

  /** @param {Changes} found */
  function fill(found) {
    const [read = file] = found.files;
    const diff = asDiff(found, read);
    const none = NO_LINES[read.kind] ?? (diff.lines.length ? '' : read.status === 'renamed' ? 'It has another name, and the same content.' : 'No line has changed.');
    if (none) return body.replaceChildren(h('p', { class: 'file-none' }, none));
    const onLine = page.mayComment() ? (/** @type {Line} */ line, /** @type {HTMLElement} */ place) => comment(line, diff.lines, place) : undefined;
    const length = diff.lines.reduce((sum, line) => sum + line.text.length, 0);
    body.replaceChildren(unfolding(length, (room) => diffView(diff, room, onLine)));
    if (found.truncated) put(body, h('p', { class: 'file-none' }, `Only a part is shown: ${count(diff.lines.length)} lines, and the beginnings of long ones.`));
  }

  async function read() {
    const wanted = gist(file);
    try {
      /** @type {Changes} */
      const found = await get(`/agents/${session}/changes?${page.query()}path=${encodeURIComponent(file.path)}`);
      // Nobody loses what they are writing to a newer diff.
      if (comments.length) return;
      shown = wanted;
      fill(found);
    } catch (error) {
      shown = '';
      body.replaceChildren(h('p', { class: 'fault', role: 'alert' }, words(told(error))));
    }
  }

  async function toggle() {
    body.hidden = !body.hidden;
    head.setAttribute('aria-expanded', String(!body.hidden));
    if (body.hidden || shown === gist(file)) return;
    if (!shown) body.replaceChildren(h('p', { class: 'file-none' }, 'Reading…'));
    await read();
  }

  draw();
  return {
    element,
    /** @param {ChangedFile} next */
    update(next) {
      const same = gist(next) === gist(file);
      file = next;
      if (!same) draw();
      // Other lines may have come in place of as many.
      if (!body.hidden && !comments.length) void read();
    },
    /** @param {number} seq @param {{ state: string, reason?: string | null }} receipt */
    settle(seq, receipt) {
      for (const one of comments) one.settle(seq, receipt);
    },
  };
}
