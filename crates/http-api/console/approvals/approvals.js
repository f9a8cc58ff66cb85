// Permission requests of the whole fleet: the open ones to be decided by a key, and what became of the others.

import { callName, get, post, Problem, told } from '../kit/api.js';
import { byId, button, h, icon, put, say } from '../kit/dom.js';
import { Emitter } from '../kit/emitter.js';
import { personOf } from '../kit/people.js';
import { formOf } from './form.js';
import { brief, clock, plain, pretty, reveal, span } from '../kit/text.js';
import { complain, toast } from '../kit/toast.js';

/** The keys that decide. @type {Record<string, string>} */
const KEYS = { a: 'allow_once', A: 'allow_always', d: 'reject_once', D: 'reject_always' };
/** @type {Record<string, string>} */
const LABELS = { allow_once: 'Allow once', allow_always: 'Allow always', reject_once: 'Reject once', reject_always: 'Reject always' };

/** @typedef {import('../types').Approval} Approval */

/** @param {string} option */
const keyOf = (option) => Object.keys(KEYS).find((key) => KEYS[key] === option) ?? '';

/** @param {Approval} approval */
function outcome(approval) {
  if (approval.decision) {
    const { option, at, reason } = approval.decision;
    return `${LABELS[option] ?? option} by ${personOf(approval.decision.by, approval.decision.byName)} at ${clock(at)}${reason ? `: ${plain(reason)}` : ''}`;
  }
  const why = approval.expired ? approval.expired.why.replaceAll('_', ' ') : '';
  return approval.expired ? `Expired (${why}) at ${clock(approval.expired.at)}` : 'Open';
}

/** @extends {Emitter<{ open: number }>} */
export class Approvals extends Emitter {
  /** The open ones, oldest first. @type {Approval[]} */
  list = [];
  #at = '';
  #historic = false;
  #before = '';
  #box = byId('approvals-list');
  #past = byId('approvals-history');
  #more = /** @type {HTMLButtonElement} */ (byId('approvals-more'));
  /** What a link led to and is not found yet. @type {{ wanted: string, session: string } | null} */
  #seek = null;
  /** Whether the open ones were read. */
  #known = false;
  /** @type {Set<string>} */
  #deciding = new Set();
  /** What is filled into the forms of those that have one. @type {Map<string, () => Record<string, unknown>>} */
  #answers = new Map();

  /**
   * @param {import('../fleet/fleet.js').Fleet} fleet
   * @param {{ mayControl: boolean, open: (session: string) => void, changed: () => void }} about
   */
  constructor(fleet, about) {
    super();
    this.fleet = fleet;
    this.about = about;
    fleet.on('event', (event) => event.type === 'approval' && void this.read());
    fleet.on('reread', () => void this.read());
    fleet.on('resumed', () => void this.read());
    this.#more.addEventListener('click', () => void this.#readHistory(false).catch(complain));
    for (const [id, historic] of /** @type {[string, boolean][]} */ ([['approvals-open-tab', false], ['approvals-history-tab', true]])) {
      byId(id).addEventListener('click', () => {
        this.turn(historic);
        about.changed();
      });
    }
    this.#box.addEventListener('keydown', (event) => this.#key(event));
    this.#box.addEventListener('focusin', (event) => {
      const id = /** @type {HTMLElement} */ (event.target).closest('.approval')?.getAttribute('data-id');
      if (id) this.#at = id;
    });
    setInterval(() => this.#ages(), 1_000);
  }

  #reading = false;
  #again = false;

  /** Reads the open ones; once more when something happened meanwhile. */
  async read() {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    try {
      do {
        this.#again = false;
        /** @type {{ approvals: Approval[] }} */
        const page = await get('/approvals?status=open&limit=500');
        this.list = page.approvals.reverse();
        this.#known = true;
        this.#draw();
        this.#found();
        if (this.#historic) await this.#readHistory(true);
      } while (this.#again);
    } catch (error) {
      if (!(error instanceof Problem) || error.status > 0) complain(error);
    } finally {
      this.#reading = false;
    }
  }

  /** @param {boolean} historic */
  turn(historic) {
    this.#historic = historic;
    byId('approvals-open-tab').setAttribute('aria-selected', String(!historic));
    byId('approvals-history-tab').setAttribute('aria-selected', String(historic));
    byId('approvals-open').hidden = historic;
    byId('approvals-past').hidden = !historic;
    if (historic) void this.#readHistory(true).catch(complain);
  }

  /** Shows what the address says: the history, a request, or the first request of a session. @param {boolean} visible @param {URLSearchParams | null} params */
  show(visible, params) {
    if (!visible) return;
    if (params) this.turn(params.get('tab') === 'history');
    const wanted = params?.get('approval');
    const session = params?.get('open')?.split(',').at(-1);
    if (wanted || session) this.#seek = { wanted: wanted ?? '', session: session ?? '' };
    this.#found();
  }

  /** What the address is to say. */
  params() {
    return { tab: this.#historic ? 'history' : '', approval: '' };
  }

  /** Puts the focus on the first, so that keys decide. */
  focus() {
    if (!this.#historic) this.#focus(this.#at || this.list[0]?.id);
  }

  /** Goes to the request that a link led to, once the list is there; to the history when it is closed already. */
  #found() {
    if (!this.#seek || !this.#known) return;
    const { wanted, session } = this.#seek;
    this.#seek = null;
    const one = this.list.find(({ id }) => id === wanted) ?? (wanted ? undefined : this.list.find(({ agentId }) => agentId === session));
    if (one) {
      this.#at = one.id;
      if (document.body.dataset.view === 'approvals') this.#focus(one.id);
    } else if (wanted) {
      this.turn(true);
      toast('This request is closed: the history says how.');
    }
  }

  /** @param {string | undefined} id */
  #focus(id) {
    const card = id ? this.#box.querySelector(`[data-id="${CSS.escape(id)}"]`) : null;
    const target = card ?? this.#box.firstElementChild;
    if (target instanceof HTMLElement) target.focus();
  }

  #draw() {
    const focused = this.#box.contains(document.activeElement);
    const place = Math.max(0, [...this.#box.children].findIndex((card) => card.getAttribute('data-id') === this.#at));
    const kept = new Map([...this.#box.children].map((card) => [card.getAttribute('data-id'), card]));
    for (const [id, card] of kept) if (!this.list.some((one) => one.id === id)) card.remove();
    for (const approval of this.list) if (!kept.has(approval.id)) put(this.#box, this.#card(approval));
    byId('approvals-none').hidden = this.list.length > 0;
    if (focused && !this.#box.contains(document.activeElement)) this.#focus(this.list[Math.min(place, this.list.length - 1)]?.id);
    this.emit('open', this.list.length);
  }

  /** @param {Approval} approval */
  #who(approval) {
    const node = this.fleet.nodes.get(approval.agentId);
    const name = node ? `${plain(node.agentType)} · ${plain(node.taskId)}` : brief(approval.agentId);
    return button({ label: name, class: 'link' }, () => this.about.open(approval.agentId));
  }

  /** @param {Approval} approval */
  #card(approval) {
    const fault = h('p', { class: 'fault', role: 'alert' });
    const why = h('input', { type: 'text', maxlength: 2_000, placeholder: 'Reason, for the agent and the audit log', 'aria-label': 'Reason', class: 'wide reason' });
    const form = this.about.mayControl ? formOf(approval.detail) : null;
    if (form) this.#answers.set(approval.id, form.answer);
    const options = this.#options(approval);
    const age = h('time', { class: 'age', datetime: approval.openedAt });
    // The fields show what the form's schema says.
    const shown = form ? Object.fromEntries(Object.entries(approval.detail).filter(([name]) => name !== 'form')) : approval.detail;
    const detail = Object.keys(shown).length ? h('pre', { class: 'code', dir: 'auto', tabindex: '0', 'aria-label': 'What it asks for, in full' }, reveal(pretty(shown))) : null;
    const head = h('div', { class: 'approval-head' }, icon('waiting', 'open'), this.#who(approval), age);
    const expires = approval.expiresAt ? h('p', { class: 'quiet-text' }, `Expires at ${clock(approval.expiresAt)} when nobody decides.`) : null;
    return h('li', { class: 'approval', tabindex: '0', 'data-id': approval.id, 'aria-label': plain(approval.title) }, head, h('h3', { dir: 'auto' }, reveal(approval.title)), detail, form?.element, expires, this.about.mayControl ? why : null, options, fault);
  }

  /** What holds this once, and apart from it what holds from now on. @param {Approval} approval */
  #options(approval) {
    const once = h('div', { class: 'options-once' });
    const always = h('div', { class: 'options-always', role: 'group', 'aria-label': 'From now on, without asking' }, h('span', { class: 'quiet-text' }, 'From now on:'));
    for (const option of approval.options) {
      const lasts = option.endsWith('_always');
      const label = LABELS[option] ?? plain(option);
      const look = option.startsWith('reject') ? 'danger' : lasts ? '' : 'primary';
      const choose = button({ label, class: look, disabled: !this.about.mayControl, hint: keyOf(option) }, () => void this.#decide(approval, option));
      put(choose, h('kbd', { 'aria-hidden': 'true' }, keyOf(option)));
      put(lasts ? always : once, choose);
    }
    return h('div', { class: 'options' }, once.childElementCount ? once : null, always.childElementCount > 1 ? always : null);
  }

  #ages() {
    for (const age of this.#box.querySelectorAll('time.age')) {
      say(age, `waits for ${span(Date.now() - Date.parse(age.getAttribute('datetime') ?? ''))}`);
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches('input, select') || event.ctrlKey || event.metaKey || event.altKey) return;
    const card = target.closest('.approval');
    const approval = this.list.find((one) => one.id === card?.getAttribute('data-id'));
    const option = KEYS[event.key];
    const step = event.key === 'ArrowDown' || event.key === 'j' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (!approval || (!option && !step)) return;
    event.preventDefault();
    event.stopPropagation();
    const offered = approval.options.find((one) => one === option);
    if (step) this.#focus(this.list[this.list.indexOf(approval) + step]?.id ?? approval.id);
    else if (offered) void this.#decide(approval, offered);
  }

  /** @param {Approval} approval @param {string} option */
  async #decide(approval, option) {
    if (!this.about.mayControl || this.#deciding.has(approval.id)) return;
    const card = this.#box.querySelector(`[data-id="${CSS.escape(approval.id)}"]`);
    const reason = /** @type {HTMLInputElement | null} */ (card?.querySelector('input.reason'))?.value.trim();
    const answer = option.startsWith('allow') ? this.#answers.get(approval.id)?.() : undefined;
    this.#deciding.add(approval.id);
    card?.classList.add('deciding');
    try {
      await post(`/approvals/${approval.id}/decide`, { option, ...(reason ? { reason } : {}), ...(answer ? { answer } : {}) }, callName());
      toast(`${LABELS[option] ?? option}: ${plain(approval.title)}`);
    } catch (error) {
      // Somebody else was first, or it has expired: the list is read again and says what is.
      if (error instanceof Problem && error.status === 409) complain(error);
      else say(/** @type {Element} */ (card?.querySelector('.fault')), told(error));
    } finally {
      this.#deciding.delete(approval.id);
      card?.classList.remove('deciding');
      await this.read();
    }
  }

  /** @param {boolean} anew */
  async #readHistory(anew) {
    if (anew) this.#before = '';
    /** @type {{ approvals: Approval[], nextBefore?: string }} */
    const page = await get(`/approvals?status=decided,expired&limit=50${this.#before ? `&before=${this.#before}` : ''}`);
    if (anew) this.#past.replaceChildren();
    for (const approval of page.approvals) {
      const state = approval.decision ? (approval.decision.allowed ? 'completed' : 'failed') : 'clock';
      put(this.#past, h('tr', {}, h('td', {}, icon(state)), h('td', {}, clock(approval.openedAt)), h('td', {}, this.#who(approval)), h('td', { class: 'grow' }, reveal(approval.title)), h('td', { class: 'grow' }, outcome(approval))));
    }
    this.#before = page.nextBefore ?? '';
    this.#more.hidden = !this.#before;
    byId('approvals-past-none').hidden = this.#past.childElementCount > 0;
  }
}
