// One session beside others: who it is, what it says, and the ways to step in.

import { changesView } from '../changes/view.js';
import { get, post } from '../kit/api.js';
import { composer } from './compose.js';
import { sinceStart } from '../fleet/ages.js';
import { button, h, icon, put, redraw, say } from '../kit/dom.js';
import { finder } from './find.js';
import { isOver, isPossible, MEANING, wished } from '../kit/status.js';
import { brief, clock, money, plain } from '../kit/text.js';
import { Transcript } from './transcript.js';
import { complain, toast } from '../kit/toast.js';

/** How often a session that lives is looked at by itself: a tick may be lost. */
const LOOK = 3_000;

/**
 * @typedef {import('../page').Node} Node
 * @typedef {import('../types').Wish} Wish
 * @typedef {{ close: (panel: Panel) => void, open: (id: string) => void, control: (wish: Wish, id: string) => void,
 *   focused: (panel: Panel) => void, pointed: (panel: Panel, seq: number) => void, link: (panel: Panel, seq: number) => void,
 *   timeline: (id: string) => void, budget: (id: string) => void, again: (id: string) => void }} PanelActions
 */

/** @param {Node} node */
function costs({ costUsd, subtreeUsd }) {
  if (costUsd === null && subtreeUsd === null) return '';
  const below = subtreeUsd !== null && subtreeUsd !== costUsd ? ` (${money(subtreeUsd)} with all below)` : '';
  return ` · ${money(costUsd)}${below}`;
}

/** @type {[Wish, string, string][]} */
const WISHES = [
  ['pause', 'pause', 'Pause (p)'],
  ['resume', 'resume', 'Resume (r)'],
  ['interrupt', 'interrupt', 'Interrupt'],
  ['kill', 'kill', 'Kill (k)'],
];

export class Panel {
  #status = icon('running');
  #words = h('span', { class: 'panel-status' });
  #live = h('div', { class: 'liveness', role: 'status' });
  /** @type {Map<Wish, HTMLButtonElement>} */
  #wishes = new Map();
  #heardAt = Date.now();
  #fault = '';
  #name = h('span', { class: 'panel-name' }, 'session');
  #task = h('span', { class: 'panel-task' });
  #facts = h('span', { class: 'panel-facts' });
  #changesLink = button({ label: 'Changes', class: 'link', hint: 'What it changed in its folder (w)' }, () => this.turnOver());
  #mark = h('span', { class: 'current-mark', hidden: true, title: 'Keys act on this session' }, 'Current');
  /** The message that was gone to last; 0 for none. */
  #pointed = 0;
  /** @type {(() => void)[]} */
  #ends = [];

  /**
   * @param {import('../fleet/fleet.js').Fleet} fleet
   * @param {string} id
   * @param {{ mayControl: boolean, actions: PanelActions }} about
   */
  constructor(fleet, id, { mayControl, actions }) {
    this.fleet = fleet;
    this.id = id;
    this.mayControl = mayControl;
    this.actions = actions;
    this.transcript = new Transcript(id, {
      cancel: (message) => this.#takeBack(message),
      openSession: (child) => actions.open(child),
      seen: (seq) => document.visibilityState === 'visible' && fleet.read(id, seq),
      failed: (error) => this.#failed(error),
    });
    this.compose = composer(id, () => void this.transcript.toEnd());
    const unread = (fleet.nodes.get(id)?.seen ?? 0) + 1;
    this.find = finder(this.transcript, (seq) => this.#point(seq), { session: id, unread: () => unread });
    this.changes = changesView(id, {
      mayComment: () => mayControl && !(this.node && isOver(this.node.status)),
      isAtWork: () => !(this.node && isOver(this.node.status)),
      goTo: (seq) => {
        this.#turnTo(false);
        this.goTo(seq);
      },
    });
    this.element = this.#build();
    this.#call(this.node ?? { agentType: 'session', taskId: brief(id) });
    this.#listen();
    this.#show();
    // Unless a link leads to another place of it.
    queueMicrotask(() => this.#pointed === 0 && void this.transcript.toEnd().then(() => this.#show()));
    void this.#readFacts();
  }

  get node() {
    return this.fleet.nodes.get(this.id);
  }

  /** The session as it is named in lists and questions. */
  get name() {
    return `${this.#name.textContent} · ${this.#task.textContent}`;
  }

  /** Shows a message and marks it. @param {number} seq */
  goTo(seq) {
    this.#pointed = seq;
    void this.transcript.toSeq(seq).then(() => this.#show());
  }

  /** Copies the link to it, and to the message that is marked. */
  copyLink() {
    this.actions.link(this, this.#pointed);
  }

  /** @param {number} seq */
  #point(seq) {
    this.#pointed = seq;
    this.actions.pointed(this, seq);
  }

  /** The number of a message is a link to it. @param {MouseEvent} event */
  #numberClicked(event) {
    const number = /** @type {Element} */ (event.target).closest('.message .seq');
    const seq = Number(number?.textContent?.replace('#', ''));
    if (!seq) return;
    this.transcript.mark(seq);
    this.#point(seq);
    this.copyLink();
  }

  /** Shows whether it is the session that keys act on. @param {boolean} current */
  set current(current) {
    this.element.classList.toggle('active', current);
    if (current) this.element.setAttribute('aria-current', 'true');
    else this.element.removeAttribute('aria-current');
    this.#mark.hidden = !current;
  }

  /** @param {{ agentType: string, taskId: string }} session */
  #call({ agentType, taskId }) {
    const name = plain(agentType);
    say(this.#name, name);
    say(this.#task, plain(taskId));
    this.element.setAttribute('aria-label', `Conversation of ${name}`);
    this.transcript.element.setAttribute('aria-label', `Messages of ${name}`);
  }

  #build() {
    const { actions } = this;
    const title = h('h2', { class: 'panel-title' }, this.#name, this.#task);
    const controls = h('div', { class: 'panel-controls' });
    for (const [wish, drawing, label] of WISHES) {
      const control = button({ label, icon: drawing, short: true, class: `tool-button ${wish}` }, () => actions.control(wish, this.id));
      this.#wishes.set(wish, control);
      if (this.mayControl) put(controls, control);
    }
    put(
      controls,
      button({ label: 'Copy the link (c)', icon: 'link', short: true, class: 'tool-button' }, () => this.copyLink()),
      button({ label: 'Search and jump', icon: 'search', short: true, class: 'tool-button' }, () => this.find.toggle()),
      button({ label: 'Close this panel (x)', icon: 'close', short: true, class: 'tool-button' }, () => actions.close(this)),
    );
    const head = h('header', { class: 'panel-head' }, h('div', { class: 'panel-line first' }, this.#status, title, controls), h('div', { class: 'panel-line' }, this.#words, this.#live), h('div', { class: 'panel-line' }, this.#mark, this.#facts, this.#links()));
    const box = h('div', { class: 'transcript-box' }, this.transcript.element, this.transcript.newsButton);
    const element = h('section', { class: 'panel', 'data-session': this.id }, head, this.find.element, box, this.changes.element);
    if (this.mayControl) put(element, this.compose.form);
    element.addEventListener('focusin', () => actions.focused(this));
    element.addEventListener('pointerdown', () => actions.focused(this));
    this.transcript.element.addEventListener('click', (event) => this.#numberClicked(event));
    return element;
  }

  /** Shows what the agent changed, or its conversation again. */
  turnOver() {
    this.#turnTo(!this.changes.visible);
  }

  /** Shows what the agent changed in the place of what it said, or the other way round. @param {boolean} toChanges */
  #turnTo(toChanges) {
    say(this.#changesLink, toChanges ? 'Conversation' : 'Changes');
    this.#changesLink.title = toChanges ? 'What it said (w)' : 'What it changed in its folder (w)';
    /** @type {HTMLElement} */ (this.element.querySelector('.transcript-box')).hidden = toChanges;
    this.changes.show(toChanges);
  }

  /** What else is to be had of the session. */
  #links() {
    const { actions, id } = this;
    const timeline = button({ label: 'Timeline', class: 'link', hint: 'The timeline of its tree (t)' }, () => actions.timeline(id));
    const budget = this.mayControl && button({ label: 'Budget', class: 'link' }, () => actions.budget(id));
    const again = this.mayControl && button({ label: 'Again', class: 'link', hint: 'Start another one like it' }, () => actions.again(id));
    return h('span', { class: 'panel-links' }, this.#changesLink, timeline, budget, again);
  }

  #listen() {
    const mine = (/** @type {Node} */ node) => node.id === this.id;
    this.#ends = [
      this.fleet.on('moved', (node) => mine(node) && void this.#grown(node.lastSeq)),
      this.fleet.on('touched', (node) => mine(node) && this.#show()),
      this.fleet.on('event', (event) => this.#hear(event)),
      this.fleet.on('live', () => this.#show()),
      this.fleet.on('resumed', () => void this.#look()),
      this.fleet.on('reread', () => void (this.transcript.following ? this.transcript.toEnd() : this.#look())),
    ];
    const timer = setInterval(() => {
      this.#show();
      const { node } = this;
      if (node && !isOver(node.status) && Date.now() - this.#heardAt > LOOK) void this.#look();
    }, 1_000);
    this.#ends.push(() => clearInterval(timer));
  }

  /** @param {number} seq */
  async #grown(seq) {
    this.#fault = '';
    await this.transcript.grown(seq);
    this.#heardAt = Date.now();
  }

  async #look() {
    this.#heardAt = Date.now();
    this.#fault = '';
    await this.transcript.catchUp();
    this.#show();
  }

  /** @param {import('../types').FleetEvent} event */
  #hear(event) {
    if (event.sessionId !== this.id) return;
    if (event.type !== 'receipt') return this.changes.stirred();
    const command = /** @type {{ messageSeq?: number }} */ (event.command);
    const receipt = /** @type {Omit<import('../types').Receipt, 'commandSeq'>} */ (event.receipt);
    if (!command.messageSeq) return;
    this.changes.settle(command.messageSeq, receipt);
    this.transcript.window.settle(command.messageSeq, { commandSeq: Number(event.commandSeq), ...receipt });
  }

  /** @param {unknown} error */
  #failed(error) {
    const status = error instanceof Error && 'status' in error ? error.status : -1;
    this.#fault = status === 404 ? 'There is no such session.' : error instanceof Error ? error.message : String(error);
    this.#show();
  }

  #show() {
    const { node } = this;
    const over = node ? isOver(node.status) : false;
    if (node) {
      redraw(this.#status, node.status);
      const wish = wished(node.status, node.desired);
      say(this.#words, `${node.status}${wish ? `, ${wish}` : ''} · ${sinceStart(node)}${costs(node)}`);
      this.#words.title = MEANING[node.status];
      this.element.dataset.status = node.status;
      for (const [wish, control] of this.#wishes) control.disabled = !isPossible(wish, node) && !node.children.length;
      this.compose.lock(over ? `It is ${node.status}: nothing can be said any more.` : node.desired === 'killed' ? 'It is being killed.' : '');
    }
    this.#showLiveness(over);
  }

  /** @param {boolean} over */
  #showLiveness(over) {
    const { live, since } = this.fleet.feed;
    const [state, words] = this.#fault
      ? ['bad', `Not live: ${this.#fault}`]
      : !live
        ? ['bad', `Not live since ${clock(new Date(since).toISOString())}`]
        : over && this.transcript.window.atEnd
          ? ['over', 'Complete']
          : ['good', 'Live'];
    this.#live.className = `liveness ${state}`;
    say(this.#live, words);
  }

  async #readFacts() {
    try {
      /** @type {import('../types').Session} */
      const session = await get(`/agents/${this.id}/status`);
      this.#call(session);
      const title = session.metadata.title;
      const parts = [typeof title === 'string' ? title : '', session.missionId ?? '', session.provider, brief(this.id)];
      say(this.#facts, plain(parts.filter(Boolean).join(' · ')));
      this.#facts.title = `${plain(this.id)}${session.statusReason ? `\n${plain(session.statusReason)}` : ''}`;
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @param {import('../types').Message} message */
  #takeBack(message) {
    post(`/agents/${this.id}/commands/${message.receipt?.commandSeq}/cancel`, {})
      .then(() => toast('The message was taken back.'))
      .catch(complain);
  }

  end() {
    for (const end of this.#ends) end();
    this.changes.end();
    this.element.remove();
  }
}
