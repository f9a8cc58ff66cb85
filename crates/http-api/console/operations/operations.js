// What was asked of agents, and how far it is proven.

import { get } from '../kit/api.js';
import { byId, button, h, icon, put, say } from '../kit/dom.js';
import { dialog } from '../kit/dialog.js';
import { brief, clock, count, counted, plain, span } from '../kit/text.js';
import { personOf } from '../kit/people.js';
import { complain } from '../kit/toast.js';

const LOOK = 1_000;
/** How long a card stays when all is proven. */
const STAYS = 8_000;

/**
 * @typedef {import('../types').Operation} Operation
 * @typedef {import('../types').Target} Target
 */

/** @type {Record<string, string>} */
const DONE = { pause: 'paused', resume: 'resumed', interrupt: 'interrupted', kill: 'killed' };

/** What of an operation is known to be as wished. @param {Operation} operation */
const proven = (operation) => operation.observed + (operation.action === 'kill' ? operation.ended : 0);

/** @param {Operation} operation */
function sentence(operation) {
  const seen = `${count(proven(operation))} of ${counted(operation.total, 'session')} ${DONE[operation.action] ?? operation.action}`;
  const rest = [
    operation.open ? `${count(operation.open)} not seen yet` : '',
    operation.refused ? `${count(operation.refused)} refused` : '',
    operation.superseded ? `${count(operation.superseded)} overtaken by a newer wish` : '',
    operation.ended && operation.action !== 'kill' ? `${count(operation.ended)} ended first` : '',
  ].filter(Boolean);
  return [seen, ...rest].join(', ');
}

/** @param {Operation} operation */
function bar(operation) {
  const known = operation.total - operation.open;
  const progress = h('progress', { max: Math.max(1, operation.total), value: operation.total ? known : 1, 'aria-label': 'Proven' });
  return progress;
}

/** @param {string | null} moment @param {string} from */
function lag(moment, from) {
  if (!moment) return h('td', { class: 'quiet-text' }, '–');
  const milliseconds = Date.parse(moment) - Date.parse(from);
  const words = milliseconds < 1_000 ? `+${Math.max(0, milliseconds)} ms` : `+${span(milliseconds)}`;
  return h('td', { title: moment }, words);
}

/**
 * Every session of an operation with the moments that prove it.
 *
 * @param {string} id
 * @param {import('../fleet/fleet.js').Fleet} fleet
 * @param {() => void} [closed]
 */
export async function showOperation(id, fleet, closed) {
  const element = dialog('Operation', 'wide-dialog');
  if (closed) element.addEventListener('close', closed);
  const body = h('tbody');
  const heads = ['Session', 'Outcome', 'Acknowledged', 'Observed'].map((word) => h('th', { scope: 'col' }, word));
  const table = h('table', { class: 'table' }, h('thead', {}, h('tr', {}, ...heads)), body);
  const about = h('p', { class: 'quiet-text' });
  const foot = h('div', { class: 'dialog-buttons' }, button({ label: 'Close' }, () => element.close()));
  put(element, about, h('div', { class: 'table-box', tabindex: '0', 'aria-label': 'Sessions of the operation' }, table), foot);
  element.showModal();
  let after = '';
  const more = button({ label: 'More' }, () => void read().catch(complain));
  const read = async () => {
    more.remove();
    /** @type {Operation & { targets: Target[], nextAfter?: string }} */
    const operation = await get(`/operations/${id}?limit=200${after ? `&after=${after}` : ''}`);
    say(byId('dialog-title'), `${operation.action} · ${operation.scope} · ${operation.state}`);
    const why = operation.reason ? `, because: ${plain(operation.reason)}` : '';
    say(about, `${sentence(operation)}. Asked by ${personOf(operation.operator, operation.operatorName)} at ${clock(operation.requestedAt)}${why}.`);
    for (const target of operation.targets) {
      const node = fleet.nodes.get(target.agentId);
      const name = node ? `${plain(node.agentType)} · ${plain(node.taskId)}` : brief(target.agentId);
      const outcome = `${target.outcome ?? 'open'}${target.detail ? `: ${plain(target.detail)}` : ''}`;
      put(body, h('tr', {}, h('td', {}, name), h('td', {}, outcome), lag(target.acknowledgedAt, target.requestedAt), lag(target.observedAt, target.requestedAt)));
    }
    after = operation.nextAfter ?? '';
    if (after) foot.prepend(more);
  };
  await read().catch(complain);
}

/** Cards of the operations that were begun here, until each is proven. */
export class OperationCards {
  #box = byId('operation-cards');
  /** @type {Map<string, HTMLElement>} */
  #cards = new Map();

  /** @param {import('../fleet/fleet.js').Fleet} fleet */
  constructor(fleet) {
    this.fleet = fleet;
    fleet.on('event', (event) => {
      if (event.type === 'operation' && this.#cards.has(String(event.operationId))) void this.#look(String(event.operationId));
    });
  }

  /** @param {string} id */
  watch(id) {
    if (!this.#cards.has(id)) {
      const card = h('div', { class: 'operation-card', role: 'status' });
      this.#cards.set(id, card);
      this.#box.prepend(card);
    }
    void this.#look(id);
  }

  /** @param {string} id */
  async #look(id) {
    const card = this.#cards.get(id);
    if (!card) return;
    try {
      /** @type {Operation} */
      const operation = await get(`/operations/${id}?limit=1`);
      this.#draw(card, operation);
      setTimeout(() => (operation.state === 'open' ? void this.#look(id) : this.#drop(id)), operation.state === 'open' ? LOOK : STAYS);
    } catch {
      setTimeout(() => void this.#look(id), LOOK);
    }
  }

  /** @param {HTMLElement} card @param {Operation} operation */
  #draw(card, operation) {
    const state = operation.state === 'open' ? 'spawning' : operation.state === 'done' ? 'completed' : 'lost';
    card.className = `operation-card ${operation.state}`;
    card.replaceChildren(
      h('div', { class: 'operation-line' }, icon(state), h('span', {}, sentence(operation)), button({ label: 'Proof', class: 'link' }, () => void showOperation(operation.operationId, this.fleet)), button({ label: 'Dismiss', icon: 'close', short: true, class: 'quiet' }, () => this.#drop(operation.operationId))),
      bar(operation),
    );
  }

  /** @param {string} id */
  #drop(id) {
    this.#cards.get(id)?.remove();
    this.#cards.delete(id);
  }
}

/**
 * The list of all operations.
 *
 * @param {import('../fleet/fleet.js').Fleet} fleet
 * @param {() => void} changed
 */
export function operationsView(fleet, changed) {
  /** The operation whose proof is shown. */
  let proof = '';
  /** @param {string} id */
  const prove = (id) => {
    proof = id;
    changed();
    void showOperation(id, fleet, () => {
      if (proof !== id) return;
      proof = '';
      changed();
    });
  };
  const list = byId('operations-list');
  const more = /** @type {HTMLButtonElement} */ (byId('operations-more'));
  let after = '';

  /** @param {Operation} operation */
  const row = (operation) => {
    const node = operation.agentId ? fleet.nodes.get(operation.agentId) : undefined;
    const of = node ? `${plain(node.agentType)} · ${plain(node.taskId)}` : plain(operation.missionId ?? (operation.agentId ? brief(operation.agentId) : 'the whole fleet'));
    const open = button({ label: 'Proof', class: 'link' }, () => prove(operation.operationId));
    return h(
      'tr',
      {},
      h('td', {}, clock(operation.requestedAt)),
      h('td', {}, h('strong', {}, operation.action), ` ${operation.scope === 'self' ? '' : operation.scope}`),
      h('td', {}, of),
      h('td', { class: 'grow' }, sentence(operation), bar(operation)),
      h('td', { title: operation.operator }, personOf(operation.operator, operation.operatorName)),
      h('td', { class: 'grow' }, plain(operation.reason ?? '')),
      h('td', {}, open),
    );
  };

  async function read() {
    /** @type {{ operations: Operation[], nextAfter?: string }} */
    const page = await get(`/operations?limit=50${after ? `&after=${after}` : ''}`);
    if (!after) list.replaceChildren();
    for (const operation of page.operations) put(list, row(operation));
    after = page.nextAfter ?? '';
    more.hidden = !after;
    byId('operations-empty').hidden = list.childElementCount > 0;
  }

  more.addEventListener('click', () => void read().catch(complain));
  let shown = false;
  let waiting = false;
  const again = () => {
    after = '';
    void read().catch(complain);
  };
  fleet.on('event', (event) => {
    if (!shown || waiting || !['operation', 'status'].includes(event.type)) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      if (shown) again();
    }, LOOK);
  });
  return {
    params: () => ({ id: proof }),
    /** @param {boolean} visible @param {URLSearchParams | null} params */
    show(visible, params) {
      shown = visible;
      proof = '';
      if (!visible) return;
      again();
      const id = params?.get('id') ?? '';
      if (id) prove(id);
    },
  };
}
