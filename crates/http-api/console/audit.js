// The record: who did what, and the proof that nobody has changed it.

import { get } from './api.js';
import { byId, button, h, icon, put, say } from './dom.js';
import { brief, clock, count, counted, plain, pretty, reveal } from './text.js';
import { complain } from './toast.js';

/**
 * @typedef {import('./types').AuditEntry} AuditEntry
 * @typedef {import('./types').Verification} Verification
 */

/** Offered in the filter, with those that were seen. */
const ACTIONS = ['inject', 'pause', 'resume', 'interrupt', 'kill', 'kill_all', 'kill_switch_release', 'approval_decide', 'audit_read'];

/** @param {AuditEntry['target']} target */
const targetOf = (target) => `${target.kind}${target.value ? ` ${plain(target.value.length > 12 ? brief(target.value) : target.value)}` : ''}`;

/** @param {AuditEntry} entry */
function row(entry) {
  const detail = h('tr', { class: 'audit-detail', hidden: true }, h('td', { colspan: 7 }, h('pre', { class: 'code', tabindex: '0', 'aria-label': `Entry ${entry.seq} in full` }, reveal(pretty(entry)))));
  const toggle = button({ label: `Entry ${entry.seq} in full`, icon: 'more', short: true, class: 'quiet' }, () => {
    detail.hidden = !detail.hidden;
    toggle.setAttribute('aria-expanded', String(!detail.hidden));
  });
  toggle.setAttribute('aria-expanded', 'false');
  const refused = entry.outcome !== 'accepted';
  const line = h(
    'tr',
    { class: refused ? 'refused' : '' },
    h('td', { class: 'number' }, entry.seq),
    h('td', {}, clock(entry.at)),
    h('td', {}, plain(entry.actor)),
    h('td', {}, h('strong', {}, entry.action.replaceAll('_', ' ')), refused ? h('span', { class: 'fault' }, ` ${entry.outcome}`) : null),
    h('td', {}, targetOf(entry.target)),
    h('td', { class: 'grow' }, plain(entry.reason ?? '')),
    h('td', {}, toggle),
  );
  return [line, detail];
}

/** @param {Verification} result @param {Date} at */
function verdict(result, at) {
  const good = result.verdict === 'good';
  const box = h('div', { class: `verdict ${good ? 'good' : 'bad'}`, role: 'status' });
  const signed = result.signedUpTo ? `, signed up to entry ${count(result.signedUpTo)} by key ${plain(result.keyId ?? '')}` : '';
  const unvouched = `The ${counted(result.entries, 'entry', 'entries')} fit together, and no signed checkpoint vouches for them: make one.`;
  const words = result.valid
    ? !good ? unvouched : `The chain is whole: ${counted(result.entries, 'entry', 'entries')} and ${counted(result.checkpoints, 'signed checkpoint')} were found good${signed}.`
    : `The record was changed at entry ${count(result.problemSeq ?? 0)}: ${plain(result.problem ?? '')}. ${counted(result.entries, 'entry', 'entries')} before it are good.`;
  put(box, icon(good ? 'completed' : 'failed'), h('div', {}, h('strong', {}, words), h('p', { class: 'quiet-text' }, `Verified at ${clock(at.toISOString())}. Head: `, h('code', { class: 'hash' }, result.head))));
  return box;
}

export function auditView() {
  const list = byId('audit-list');
  const form = /** @type {HTMLFormElement} */ (byId('audit-filter'));
  const more = /** @type {HTMLButtonElement} */ (byId('audit-more'));
  const verify = /** @type {HTMLButtonElement} */ (byId('audit-verify'));
  const actions = byId('audit-actions');
  const offered = new Set();
  let before = 0;

  /** @param {string} action */
  const offer = (action) => {
    if (!offered.has(action)) put(actions, h('option', { value: action }));
    offered.add(action);
  };
  ACTIONS.forEach(offer);

  /** @param {boolean} anew */
  async function read(anew) {
    if (anew) before = 0;
    const query = new URLSearchParams({ limit: '100' });
    for (const [name, value] of new FormData(form)) {
      if (typeof value !== 'string' || !value.trim()) continue;
      query.set(name, ['from', 'to'].includes(name) ? new Date(value).toISOString() : value.trim());
    }
    if (before) query.set('before', String(before));
    /** @type {{ entries: AuditEntry[], nextBefore?: number }} */
    const page = await get(`/audit?${query}`);
    if (anew) list.replaceChildren();
    for (const entry of page.entries) {
      offer(entry.action);
      put(list, ...row(entry));
    }
    before = page.nextBefore ?? 0;
    more.hidden = !before;
    byId('audit-none').hidden = list.childElementCount > 0;
    say(byId('audit-fault'), '');
  }

  const look = () => void read(true).catch((error) => say(byId('audit-fault'), error.message));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    look();
  });
  form.addEventListener('reset', () => setTimeout(look));
  more.addEventListener('click', () => void read(false).catch(complain));
  verify.addEventListener('click', () => {
    verify.disabled = true;
    say(byId('audit-verdict'), 'Walking the whole chain…');
    get('/audit/verify')
      .then((result) => byId('audit-verdict').replaceChildren(verdict(/** @type {Verification} */ (result), new Date())))
      .catch((error) => {
        say(byId('audit-verdict'), '');
        complain(error);
      })
      .finally(() => (verify.disabled = false));
  });
  return {
    /** @param {boolean} visible */
    show(visible) {
      if (visible) look();
    },
    /** Shows the entries about one session. @param {string} session */
    about(session) {
      const field = form.elements.namedItem('agentId');
      if (field instanceof HTMLInputElement) field.value = session;
    },
  };
}
