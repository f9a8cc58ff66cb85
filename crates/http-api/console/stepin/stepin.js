// Stepping in: what will be hit is shown before it is, and why is asked.

import { callName, post, told } from '../kit/api.js';
import { dialog } from '../kit/dialog.js';
import { button, h, icon, put, say } from '../kit/dom.js';
import { isOver, isPossible } from '../kit/status.js';
import { counted, nameOf, plain } from '../kit/text.js';

/** The most sessions that are listed by name; the others are counted. */
const LISTED = 200;

/**
 * @typedef {import('../page').Node} Node
 * @typedef {import('../types').Wish} Wish
 * @typedef {import('../types').Scope} Scope
 * @typedef {{ fleet: import('../fleet/fleet.js').Fleet, watch: (operationId: string) => void, mayControl: () => boolean,
 *   toast: (words: string, kind?: 'good' | 'bad') => void }} Desk
 */

/** @type {Record<Wish, { verb: string, means: string }>} */
export const WISHES = {
  pause: { verb: 'Pause', means: 'It stops at the next point where it can, and can go on later.' },
  resume: { verb: 'Resume', means: 'It goes on where it stopped.' },
  interrupt: { verb: 'Interrupt', means: 'Its current turn ends; it then waits for the next prompt.' },
  kill: { verb: 'Kill', means: 'It ends for good, and nothing can spawn below it any more.' },
};

/**
 * The sessions that a wish would reach and can change.
 *
 * @param {import('../fleet/fleet.js').Fleet} fleet
 * @param {Wish} wish
 * @param {Scope} scope
 * @param {Node} node
 */
export function reach(fleet, wish, scope, node) {
  const all = scope === 'self' ? [node] : scope === 'subtree' ? fleet.subtree(node) : fleet.mission(node.missionId ?? '');
  return all.filter((one) => isPossible(wish, one));
}

/** @param {Node[]} nodes */
export function listed(nodes) {
  const list = h('ul', { class: 'hits', tabindex: '0', 'aria-label': 'Sessions that will be hit' });
  for (const node of nodes.slice(0, LISTED)) {
    const name = nameOf(node);
    put(list, h('li', {}, icon(node.status, node.status), h('span', {}, name), h('span', { class: 'quiet-text' }, node.status)));
  }
  if (nodes.length > LISTED) put(list, h('li', {}, `and ${counted(nodes.length - LISTED, 'more session', 'more sessions')}`));
  return list;
}

/**
 * The buttons below a form, the reason, and what went wrong.
 *
 * @param {HTMLDialogElement} element
 * @param {{ verb: string, danger: boolean }} about
 * @param {(reason: string | undefined) => Promise<void>} act
 */
function confirmation(element, { verb, danger }, act) {
  const reason = h('input', { type: 'text', maxlength: 2_000, placeholder: 'for the agent and the audit log', class: 'wide' });
  const fault = h('p', { class: 'fault', role: 'alert' });
  const submit = h('button', { type: 'submit', class: danger ? 'danger solid' : 'primary' }, verb);
  const cancel = button({ label: 'Cancel' }, () => element.close());
  const field = h('label', { class: 'field' }, 'Reason', reason);
  const form = h('form', { method: 'dialog' }, field, fault, h('div', { class: 'dialog-buttons' }, cancel, submit));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit.disabled = true;
    say(fault, '');
    act(reason.value.trim() || undefined)
      .then(() => element.close())
      .catch((error) => {
        say(fault, told(error));
        submit.disabled = false;
      });
  });
  return { form, submit, reason };
}

/**
 * Asks how far a wish is to reach, lists what it would hit, and sends it.
 *
 * @param {Desk} desk
 * @param {Wish} wish
 * @param {Node} node
 */
export function control(desk, wish, node) {
  if (!desk.mayControl()) return;
  const { verb, means } = WISHES[wish];
  const name = nameOf(node);
  if (!reach(desk.fleet, wish, 'subtree', node).length && isOver(node.status)) {
    desk.toast(`${name} is ${node.status} already, and so is all below it.`, 'bad');
    return;
  }
  const element = dialog(`${verb} ${name}`, wish);
  /** @type {Scope} */
  let scope = 'self';
  const once = callName();
  const hits = h('div', { class: 'hit-box', 'aria-live': 'polite' });
  const { form, submit, reason } = confirmation(element, { verb, danger: wish === 'kill' }, async (why) => {
    /** @type {{ operationId?: string | null, message: string }} */
    const reply = await post(`/agents/${node.id}/${wish}?scope=${scope}&wait=0s`, why ? { reason: why } : {}, `${once}-${scope}`);
    if (reply.operationId) desk.watch(reply.operationId);
    else desk.toast(reply.message);
  });
  const show = () => {
    const nodes = reach(desk.fleet, wish, scope, node);
    hits.replaceChildren(h('p', { class: 'hit-count' }, `${verb}s ${counted(nodes.length, 'session')}:`), listed(nodes));
    submit.disabled = nodes.length === 0;
    say(submit, nodes.length > 1 ? `${verb} ${nodes.length}` : verb);
  };
  /** @param {Scope} value @param {string} label */
  const choice = (value, label) => {
    const radio = h('input', { type: 'radio', name: 'scope', value, checked: value === 'self', onchange: () => ((scope = value), show()) });
    return h('label', { class: 'choice' }, radio, label);
  };
  const scopes = h('fieldset', { class: 'choices' }, h('legend', {}, 'Reach'), choice('self', 'This session'));
  if (node.children.length) put(scopes, choice('subtree', 'It and all below it'));
  if (node.missionId) put(scopes, choice('mission', `All of ${plain(node.missionId)}`));
  put(element, h('p', { class: 'quiet-text' }, means), scopes, hits, form);
  show();
  element.showModal();
  reason.focus();
}

/** Asks for a word, lists what lives, and kills all of it. @param {Desk} desk */
export function killAll(desk) {
  if (!desk.mayControl()) return;
  const nodes = [...desk.fleet.nodes.values()].filter((node) => !isOver(node.status));
  const element = dialog('Kill every session', 'kill');
  const once = callName();
  const { form, submit } = confirmation(element, { verb: `Kill ${counted(nodes.length, 'session')}`, danger: true }, async (why) => {
    /** @type {{ operationId: string }} */
    const reply = await post('/agents/kill-all?wait=0s', why ? { reason: why } : {}, once);
    desk.watch(reply.operationId);
  });
  submit.disabled = true;
  const word = h('input', { type: 'text', class: 'wide', autocomplete: 'off', oninput: () => (submit.disabled = word.value.trim() !== 'kill all') });
  form.prepend(h('label', { class: 'field' }, 'Write “kill all” to go on', word));
  const means = 'Every session that lives ends for good, and none can start until the kill switch is released.';
  put(element, h('p', { class: 'quiet-text' }, means), h('p', { class: 'hit-count' }, `Kills ${counted(nodes.length, 'session')}:`), listed(nodes), form);
  element.showModal();
  word.focus();
}

/** Lets sessions start again. @param {Desk} desk */
export function release(desk) {
  if (!desk.mayControl()) return;
  const element = dialog('Release the kill switch');
  const once = callName();
  const { form, reason } = confirmation(element, { verb: 'Release', danger: false }, async (why) => {
    await post('/killswitch/release', why ? { reason: why } : {}, once);
    desk.toast('The kill switch is released: sessions can start again.');
  });
  put(element, h('p', { class: 'quiet-text' }, 'Sessions can start again. Those that were killed stay dead.'), form);
  element.showModal();
  reason.focus();
}
