// Puts the page together.

import { whenLoggedOut } from './api.js';
import { Approvals } from './approvals.js';
import { auditView } from './audit.js';
import { Costs } from './costs.js';
import { byId, say } from './dom.js';
import { Fleet } from './fleet.js';
import { header } from './header.js';
import { help, keyboard } from './keyboard.js';
import { logout, whoami } from './login.js';
import { OperationCards, operationsView } from './operations.js';
import { runnersView } from './runners.js';
import { Panels } from './panels.js';
import { Selection } from './selection.js';
import { STATUSES } from './status.js';
import { control, killAll, release } from './stepin.js';
import { complain, toast } from './toast.js';
import { filterBar, Tree } from './tree.js';

const VIEWS = ['fleet', 'approvals', 'operations', 'audit', 'runners'];

/** The view and the open sessions, as the address has them: `#fleet?open=<id>,<id>`. */
function address() {
  const [view = '', query = ''] = location.hash.slice(1).split('?');
  const open = new URLSearchParams(query).get('open') ?? '';
  return { view: VIEWS.includes(view) ? view : 'fleet', open: open.toLowerCase().split(',').filter((id) => /^[0-9a-f-]{36}$/.test(id)) };
}

/** Light, dark, or as the system is. */
function themeButton() {
  const root = document.documentElement;
  const show = () => say(byId('theme-word'), root.dataset.theme ?? 'auto');
  byId('theme').addEventListener('click', () => {
    const next = { auto: 'dark', dark: 'light', light: '' }[root.dataset.theme ?? 'auto'] ?? '';
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    localStorage.setItem('flightdeck-theme', next);
    show();
  });
  show();
}

async function start() {
  themeButton();
  const me = await whoami();
  whenLoggedOut(() => location.reload());
  document.body.dataset.state = 'in';
  say(byId('me'), `${me.name} · ${me.role}`);
  byId('logout').addEventListener('click', () => void logout().catch(complain));
  const mayControl = me.role === 'operator' || me.role === 'admin';
  document.body.classList.toggle('looks-only', !mayControl);

  const fleet = new Fleet();
  const cards = new OperationCards(fleet);
  /** @type {import('./stepin.js').Desk} */
  const desk = {
    fleet,
    watch: (id) => cards.watch(id),
    toast,
    mayControl() {
      if (!mayControl) toast('A viewer looks and does not step in.', 'bad');
      return mayControl;
    },
  };
  let view = 'fleet';
  const selection = new Selection();
  const panels = new Panels(fleet, selection, {
    mayControl,
    control: (wish, id) => void stepIn(wish, id),
    changed: (ids) => {
      tree.open = new Set(ids);
      tree.redraw();
      remember();
    },
  });
  const tree = new Tree(fleet, selection, {
    open: (node, beside) => panels.open(node.id, beside),
    nameOf: (id) => panels.of(id)?.name,
  });
  new Costs(fleet, () => [...tree.inSight, ...panels.list.flatMap((panel) => panel.node ?? [])]);
  const bar = filterBar(tree, STATUSES);
  const approvals = new Approvals(fleet, {
    mayControl,
    open: (session) => {
      show('fleet');
      panels.open(session, true);
    },
  });
  const operations = operationsView(fleet);
  const audit = auditView();
  const runners = runnersView(fleet, (session) => {
    show('fleet');
    panels.open(session, true);
  });
  const tick = header(fleet);

  function remember() {
    const open = panels.list.map((panel) => panel.id).join(',');
    history.replaceState(null, '', `#${view}${open ? `?open=${open}` : ''}`);
  }

  /** @param {string} name */
  function show(name) {
    view = name;
    for (const one of VIEWS) {
      byId(`view-${one}`).hidden = one !== name;
      byId(`tab-${one}`).toggleAttribute('aria-current', one === name);
      if (one === name) byId(`tab-${one}`).setAttribute('aria-current', 'page');
    }
    document.body.dataset.view = name;
    operations.show(name === 'operations');
    audit.show(name === 'audit');
    runners.show(name === 'runners');
    if (name === 'approvals') approvals.focus();
    if (name === 'fleet') byId('tree').focus();
    remember();
  }

  for (const name of VIEWS) byId(`tab-${name}`).addEventListener('click', () => show(name));
  byId('kill-all').addEventListener('click', () => killAll(desk));
  byId('release').addEventListener('click', () => release(desk));
  byId('back').addEventListener('click', () => panels.recent && panels.close(panels.recent));
  fleet.on('reread', () => {
    // One that is gone is not held on to; one that is open may be beyond what the tree holds.
    if (!tree.current && !panels.active) selection.choose('');
  });
  approvals.on('open', (number) => {
    say(byId('approvals-badge'), number ? String(number) : '');
    byId('approvals-badge').title = number ? `${number} open` : '';
    document.title = number ? `(${number}) Flightdeck` : 'Flightdeck';
  });

  let asking = false;
  /** @param {import('./types').Wish} what @param {string} id */
  async function stepIn(what, id) {
    if (asking || !desk.mayControl()) return;
    asking = true;
    await fleet.find(id).then((node) => control(desk, what, node)).catch(complain);
    asking = false;
  }

  /** Does something with the current session, where it is in sight. @param {(id: string) => void} act */
  const withCurrent = (act) => () => {
    if (view !== 'fleet') toast('This key acts on a session of the fleet view. Press 1 to go there.', 'bad');
    else if (selection.id) act(selection.id);
    else toast('Choose a session first.', 'bad');
  };
  /** @param {import('./types').Wish} what */
  const wish = (what) => withCurrent((id) => void stepIn(what, id));
  /** Does something with the panel of the current session. @param {(panel: import('./panel.js').Panel) => void} act */
  const withPanel = (act) => withCurrent((id) => {
    const panel = panels.of(id);
    if (panel) act(panel);
    else toast('The current session is not open. Enter opens it.', 'bad');
  });
  /** @type {import('./keyboard.js').Shortcut[]} */
  const shortcuts = [
    { keys: ['↑', '↓', '←', '→'], label: 'move in the tree, fold and unfold' },
    { keys: ['Enter'], label: 'open the session; with Shift beside the others' },
    { keys: ['/'], label: 'filter the tree', act: () => (show('fleet'), byId('filter-text').focus()) },
    { keys: ['i'], label: 'inject: say something to the current session', act: withCurrent(inject) },
    { keys: ['p'], label: 'pause the current session', act: wish('pause') },
    { keys: ['r'], label: 'resume it', act: wish('resume') },
    { keys: ['k'], label: 'kill it', act: wish('kill') },
    { keys: ['f'], label: 'search in its conversation, jump to a seq or a time', act: withPanel((panel) => panel.find.toggle()) },
    { keys: ['x'], label: 'close its panel', act: withPanel((panel) => panels.close(panel)) },
    { keys: ['a', 'A', 'd', 'D'], label: 'in the approvals: allow once, always; reject once, always' },
    { keys: ['1'], label: 'fleet', act: () => show('fleet') },
    { keys: ['2'], label: 'approvals', act: () => show('approvals') },
    { keys: ['3'], label: 'operations', act: () => show('operations') },
    { keys: ['4'], label: 'audit', act: () => show('audit') },
    { keys: ['5'], label: 'runners', act: () => show('runners') },
    { keys: ['?'], label: 'this help', act: () => help(shortcuts) },
  ];
  keyboard(shortcuts);
  byId('help').addEventListener('click', () => help(shortcuts));

  /** @param {string} id */
  function inject(id) {
    if (desk.mayControl()) panels.open(id, true).compose.focus();
  }

  try {
    await fleet.start();
  } catch (error) {
    say(byId('tree-empty'), error instanceof Error ? error.message : String(error));
    byId('tree-empty').hidden = false;
  }
  const wanted = address();
  for (const id of wanted.open.slice(0, 6)) panels.open(id, true);
  show(wanted.view);
  const first = tree.fleet.roots[0];
  if (!selection.id && first) selection.choose(first.id);
  setInterval(() => {
    tick();
    bar.recount();
  }, 1_000);
  tick();
  bar.recount();
}

void start();
