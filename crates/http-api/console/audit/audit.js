// The record: who did what, and the proof that nobody has changed it.

import { get } from '../kit/api.js';
import { byId, button, h, icon, put, say } from '../kit/dom.js';
import { brief, clock, count, counted, plain, pretty, reveal } from '../kit/text.js';
import { personOf } from '../kit/people.js';
import { complain } from '../kit/toast.js';

/**
 * @typedef {import('../types').AuditEntry} AuditEntry
 * @typedef {import('../types').Verification} Verification
 */

/** Offered in the filter, with those that were seen. */
const ACTIONS = ['inject', 'pause', 'resume', 'interrupt', 'kill', 'kill_all', 'kill_switch_release', 'approval_decide', 'audit_read'];

/** Readings of the log are on it, too. They are most of it, and are shown on demand. */
const READINGS = new Set(['audit_read', 'audit_export', 'audit_verify']);
/** How many entries are read at once, and how many are looked for at least. */
const PAGE = 200;
const ENOUGH = 30;

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
    h('td', { title: entry.actor }, personOf(entry.actor, entry.actorName)),
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

/** @param {() => void} changed */
export function auditView(changed) {
  const list = byId('audit-list');
  const form = /** @type {HTMLFormElement} */ (byId('audit-filter'));
  const more = /** @type {HTMLButtonElement} */ (byId('audit-more'));
  const verify = /** @type {HTMLButtonElement} */ (byId('audit-verify'));
  const actions = byId('audit-actions');
  const readings = /** @type {HTMLInputElement} */ (form.elements.namedItem('readings'));
  const offered = new Set();
  let before = 0;
  let hidden = 0;

  /** @param {string} action */
  const offer = (action) => {
    if (!offered.has(action)) put(actions, h('option', { value: action }));
    offered.add(action);
  };
  ACTIONS.forEach(offer);

  /** What the form is filled with. @returns {Record<string, string>} */
  const filled = () => Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]).filter(([, value]) => value));

  /** @param {boolean} anew */
  async function read(anew) {
    if (anew) before = hidden = 0;
    const { readings: all, ...wanted } = filled();
    const query = new URLSearchParams({ limit: String(PAGE) });
    for (const [name, value] of Object.entries(wanted)) query.set(name, ['from', 'to'].includes(name) ? new Date(value).toISOString() : value);
    if (before) query.set('before', String(before));
    /** @type {{ entries: AuditEntry[], nextBefore?: number }} */
    const page = await get(`/audit?${query}`);
    if (anew) list.replaceChildren();
    for (const entry of page.entries) {
      offer(entry.action);
      if (all || wanted.action || !READINGS.has(entry.action)) put(list, ...row(entry));
      else hidden += 1;
    }
    say(byId('audit-hidden'), hidden ? `${counted(hidden, 'reading of the log is', 'readings of the log are')} not shown.` : '');
    before = page.nextBefore ?? 0;
    if (before && list.childElementCount < 2 * ENOUGH) return read(false);
    more.hidden = !before;
    byId('audit-none').hidden = list.childElementCount > 0;
    say(byId('audit-fault'), '');
    return undefined;
  }

  const look = () => void read(true).catch((error) => say(byId('audit-fault'), error.message));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    look();
    changed();
  });
  form.addEventListener('reset', () => setTimeout(() => {
    look();
    changed();
  }));
  readings.addEventListener('change', () => form.requestSubmit());
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
    params: filled,
    /** @param {boolean} visible @param {URLSearchParams | null} params */
    show(visible, params) {
      if (params) {
        form.reset();
        for (const field of form.elements) {
          if (!(field instanceof HTMLInputElement) || !params.has(field.name)) continue;
          if (field.type === 'checkbox') field.checked = true;
          else field.value = params.get(field.name) ?? '';
        }
      }
      if (visible) look();
    },
  };
}
