// What can be done from anywhere: by a key, and by name in the palette.

import { toast } from '../kit/toast.js';

/**
 * @typedef {import('../conversation/panel.js').Panel} Panel
 * @typedef {import('../types').Wish} Wish
 * @typedef {import('./keyboard.js').Shortcut} Shortcut
 * @typedef {import('./palette.js').Deed} Deed
 * @typedef {{
 *   view: () => string,
 *   current: () => string,
 *   panel: (id: string) => Panel | null,
 *   marked: () => number,
 *   go: (view: string) => void,
 *   may: (view: string) => boolean,
 *   filter: () => void,
 *   inject: (id: string) => void,
 *   step: (wish: Wish, id: string) => void,
 *   stepMarked: (wish: Wish) => void,
 *   close: (panel: Panel) => void,
 *   timeline: (id: string) => void,
 *   budget: (id: string) => void,
 *   usage: (id: string) => void,
 *   again: (id: string) => void,
 *   spawn: () => void,
 *   killAll: () => void,
 *   notifications: () => void,
 *   sound: () => void,
 *   tour: () => void,
 *   theme: () => void,
 *   help: () => void,
 *   find: () => void,
 *   mayControl: boolean,
 *   saved: () => { name: string, apply: () => void }[],
 * }} Page
 */

/** @param {Page} page */
export function shortcutsOf(page) {
  const inFleet = () => ['fleet', 'timeline'].includes(page.view());
  /** Does something with the current session, where it is in sight. @param {(id: string) => void} act */
  const withCurrent = (act) => () => {
    if (page.view() !== 'fleet') toast('This key acts on a session of the fleet view. Press 1 to go there.', 'bad');
    else if (page.current()) act(page.current());
    else toast('Choose a session first.', 'bad');
  };
  /** Does something with those that are marked, else with the current session. @param {Wish} what */
  const wish = (what) => () => {
    if (inFleet() && page.view() === 'fleet' && page.marked()) page.stepMarked(what);
    else withCurrent((id) => page.step(what, id))();
  };
  /** Does something with the panel of the current session. @param {(panel: Panel) => void} act */
  const withPanel = (act) => withCurrent((id) => {
    const panel = page.panel(id);
    if (panel) act(panel);
    else toast('The current session is not open. Enter opens it.', 'bad');
  });
  /** @type {Shortcut[]} */
  const shortcuts = [
    { keys: ['Ctrl-K', '⌘K'], label: 'find a session or a deed by name' },
    { keys: ['↑', '↓', '←', '→'], label: 'move in the tree, fold and unfold' },
    { keys: ['Enter'], label: 'open the session; with Shift beside the others' },
    { keys: ['m', 'M'], label: 'in the tree: mark the session; with all below it' },
    { keys: ['/'], label: 'filter the tree', act: page.filter },
    { keys: ['i'], label: 'inject: say something to the current session', act: withCurrent(page.inject) },
    { keys: ['p'], label: 'pause the current session, or those that are marked', act: wish('pause') },
    { keys: ['r'], label: 'resume it', act: wish('resume') },
    { keys: ['k'], label: 'kill it', act: wish('kill') },
    { keys: ['f'], label: 'search in its conversation, jump to a seq or a time', act: withPanel((panel) => panel.find.toggle()) },
    { keys: ['c'], label: 'copy the link to it, and to the message that is marked', act: withPanel((panel) => panel.copyLink()) },
    { keys: ['w'], label: 'what it changed in its folder, and its conversation again', act: withPanel((panel) => panel.turnOver()) },
    { keys: ['t'], label: 'the timeline of its tree', act: withCurrent(page.timeline) },
    { keys: ['x'], label: 'close its panel', act: withPanel(page.close) },
    { keys: ['n'], label: 'start an agent', act: page.spawn },
    { keys: ['a', 'A', 'd', 'D'], label: 'in the approvals: allow once, always; reject once, always' },
    { keys: ['0'], label: 'what needs you', act: () => page.go('needs') },
    { keys: ['1'], label: 'fleet', act: () => page.go('fleet') },
    { keys: ['2'], label: 'approvals', act: () => page.go('approvals') },
    { keys: ['3'], label: 'operations', act: () => page.go('operations') },
    { keys: ['4'], label: 'audit', act: () => page.may('audit') && page.go('audit') },
    { keys: ['5'], label: 'what is managed: providers, runners, budgets, retention, sinks, keys', act: () => page.go('manage') },
    { keys: ['6'], label: 'usage over time', act: () => page.go('usage') },
    { keys: ['?'], label: 'this help', act: page.help },
  ];
  return shortcuts;
}

/** @type {[string, string][]} */
const PLACES = [['fleet', 'Fleet'], ['needs', 'What needs you'], ['approvals', 'Approvals'], ['operations', 'Operations'], ['usage', 'Usage over time'], ['audit', 'Audit log'], ['providers', 'Providers'], ['runners', 'Runners'], ['budgets', 'Budgets'], ['retention', 'Retention'], ['sinks', 'Sinks'], ['keys', 'Keys']];
/** @type {Record<string, string>} */
const NUMBERS = { fleet: '1', needs: '0', approvals: '2', operations: '3', audit: '4', usage: '6' };

/**
 * @param {Page} page
 * @param {{ name: string, id: string } | null} current the session that deeds act on
 * @returns {Deed[]}
 */
export function deedsOf(page, current) {
  const { mayControl } = page;
  /** @type {Deed[]} */
  const deeds = PLACES.filter(([view]) => page.may(view)).map(([view, label]) => ({ label, about: 'view', keys: NUMBERS[view] ?? '', act: () => page.go(view) }));
  for (const { name, apply } of page.saved()) deeds.push({ label: `Filter: ${name}`, about: 'saved filter', act: apply });
  if (mayControl) deeds.push({ label: 'Start an agent', keys: 'n', icon: 'add', act: page.spawn });
  if (current) {
    const { id, name: about } = current;
    deeds.push({ label: 'Timeline of its tree', about, keys: 't', icon: 'timeline', act: () => page.timeline(id) }, { label: 'Usage over time, with all below it', about, act: () => page.usage(id) });
    const panel = page.panel(id);
    if (panel) deeds.push({ label: 'What it changed', about, keys: 'w', act: () => panel.turnOver() });
    if (mayControl) {
      deeds.push(
        { label: 'Say something', about, keys: 'i', act: () => page.inject(id) },
        { label: 'Pause', about, keys: 'p', icon: 'pause', act: () => page.step('pause', id) },
        { label: 'Resume', about, keys: 'r', icon: 'resume', act: () => page.step('resume', id) },
        { label: 'Interrupt', about, icon: 'interrupt', act: () => page.step('interrupt', id) },
        { label: 'Kill', about, keys: 'k', icon: 'kill', act: () => page.step('kill', id) },
        { label: 'Start another one like it', about, act: () => page.again(id) },
        { label: 'Set its budget', about, act: () => page.budget(id) },
      );
    }
  }
  if (mayControl) deeds.push({ label: 'Kill all', about: 'every session', act: page.killAll });
  deeds.push(
    { label: 'Notifications on or off', act: page.notifications },
    { label: 'Sound on or off', act: page.sound },
    { label: 'Colours: light, dark, or as the system is', act: page.theme },
    { label: 'Take the tour', act: page.tour },
    { label: 'All keys', keys: '?', act: page.help },
  );
  return deeds;
}
