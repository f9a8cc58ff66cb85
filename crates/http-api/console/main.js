// Puts the page together.

import { Approvals } from './approvals/approvals.js';
import { Panels } from './conversation/panels.js';
import { firstRun } from './first/firstrun.js';
import { startTour, wantsTour } from './first/tour.js';
import { Costs } from './fleet/costs.js';
import { filterBar } from './fleet/filter.js';
import { Fleet } from './fleet/fleet.js';
import { Marks, marksBar } from './fleet/marks.js';
import { saved, savedFilters } from './fleet/saved.js';
import { Selection } from './fleet/selection.js';
import { Tree } from './fleet/tree.js';
import { Address, opened, pointed, written } from './frame/address.js';
import { themeButton } from './frame/colours.js';
import { header } from './frame/header.js';
import { help, keyboard } from './frame/keyboard.js';
import { logout, whoami } from './frame/login.js';
import { Caller } from './frame/notify.js';
import { palette, paletteKey } from './frame/palette.js';
import { deedsOf, shortcutsOf } from './frame/shortcuts.js';
import { Views } from './frame/views.js';
import { get, whenLoggedOut } from './kit/api.js';
import { copy } from './kit/copy.js';
import { byId, say } from './kit/dom.js';
import { STATUSES } from './kit/status.js';
import { nameOf } from './kit/text.js';
import { complain, toast } from './kit/toast.js';
import { Needs } from './needs/needs.js';
import { needsView } from './needs/view.js';
import { OperationCards, operationsView } from './operations/operations.js';
import { controlMarked } from './stepin/bulk.js';
import { control, killAll, release } from './stepin/stepin.js';

/** @param {import('./types').Me} me */
function greet(me) {
  document.body.dataset.state = 'in';
  say(byId('me'), `${me.name} · ${me.role}`);
  byId('logout').addEventListener('click', () => void logout().catch(complain));
  const mayControl = me.role === 'operator' || me.role === 'admin';
  document.body.classList.toggle('looks-only', !mayControl);
  return mayControl;
}

/** What a key may see, by the name of the view. @param {import('./types').Me} me @param {boolean} mayControl */
const mayOf = (me, mayControl) => (/** @type {string} */ view) => ({ keys: me.role === 'admin', sinks: mayControl && !me.missions, audit: mayControl && !me.missions, retention: mayControl && !me.missions })[view] ?? true;

/** @param {import('./types').Me} me */
async function fleetPage(me) {
  const mayControl = greet(me);
  const admin = me.role === 'admin';
  const may = mayOf(me, mayControl);
  const tour = wantsTour();
  const fleet = new Fleet();
  const cards = new OperationCards(fleet);
  /** @type {import('./stepin/stepin.js').Desk} */
  const desk = {
    fleet,
    watch: (id) => cards.watch(id),
    toast,
    mayControl() {
      if (!mayControl) toast('A viewer looks and does not step in.', 'bad');
      return mayControl;
    },
  };
  const [selection, marks] = [new Selection(), new Marks()];
  /** The message that the address points to. @type {{ session: string, seq: number } | null} */
  let at = null;
  /** Whether the page follows the address, and does not write it. */
  let following = true;
  /** Whether somebody went somewhere before the fleet was read. */
  let gone = false;

  const panels = new Panels(fleet, selection, {
    mayControl,
    control: (wish, id) => void stepIn(wish, id),
    changed: (ids) => {
      tree.open = new Set(ids);
      tree.redraw();
      remember(true);
    },
    pointed: (session, seq) => {
      at = { session, seq };
      remember(false);
    },
    link: (session, seq) => copy(`${location.origin}/${written('fleet', { open: session, at: seq ? String(seq) : '' })}`, seq ? `The link to message ${seq}` : 'The link to the session'),
    timeline: (id) => void showTimeline(id),
    budget: (id) => void setBudget(id).catch(complain),
    again: (id) => void spawn(id),
  });
  const tree = new Tree(fleet, selection, marks, {
    open: (node, beside) => panels.open(node.id, beside),
    nameOf: (id) => panels.of(id)?.name,
  });
  new Costs(fleet, () => [...tree.inSight, ...panels.list.flatMap((panel) => panel.node ?? [])]);
  const filter = filterBar(tree, STATUSES, () => {
    filters.draw();
    remember(false);
  });
  const filters = savedFilters(filter, (params) => go('fleet', params));
  /** @param {string} session */
  const openSession = (session) => {
    go('fleet');
    panels.open(session, true);
  };
  const changed = (fresh = true) => remember(fresh);
  const ways = { go: (/** @type {string} */ view) => go(view), may };
  const approvals = new Approvals(fleet, { mayControl, open: openSession, changed });
  const needs = new Needs(fleet, approvals);
  const views = new Views({
    fleet: { show: (visible, params) => visible && params && (filter.set(params), filters.draw()), params: () => filter.params, focus: () => byId('tree').focus() },
    needs: needsView(needs, {
      mayControl,
      open: openSession,
      decide: (approval) => go('approvals', new URLSearchParams({ approval })),
      budget: (need) => void (need.session ? setBudget(need.session) : setMissionBudget(need.mission)).catch(complain),
      again: (session) => void spawn(session),
      stop: (wish, session) => void stepIn(wish, session),
    }),
    approvals,
    operations: operationsView(fleet, changed),
    // What is not looked at by everybody each time is fetched when it is.
    usage: { load: async () => (await import('./usage/view.js')).usageView(fleet, { missions: me.missions ?? null, open: openSession, changed }) },
    audit: { load: async () => (await import('./audit/audit.js')).auditView(changed) },
    timeline: { tab: 'fleet', load: async () => (await import('./timeline/view.js')).timelineView(fleet, { open: openSession }) },
    providers: { tab: 'manage', load: async () => (await import('./manage/providers.js')).providersView(ways, { admin }) },
    runners: { tab: 'manage', load: async () => (await import('./manage/runners.js')).runnersView(fleet, openSession, ways, { admin }) },
    budgets: { tab: 'manage', load: async () => (await import('./manage/budgets.js')).budgetsView(ways, { mayControl, filter: (mission) => go('fleet', new URLSearchParams({ mission })), usage: (mission) => go('usage', new URLSearchParams({ mission })) }) },
    retention: { tab: 'manage', load: async () => (await import('./manage/retention.js')).retentionView(ways, { admin }) },
    sinks: { tab: 'manage', load: async () => (await import('./manage/sinks.js')).sinksView(ways, { admin }) },
    keys: { tab: 'manage', load: async () => (await import('./manage/keys.js')).keysView(ways, { me }) },
  });
  const address = new Address(views.names.filter(may));
  const tick = header(fleet);
  const caller = new Caller(() => go('needs'));

  /** Lets the address say where the page is. @param {boolean} fresh whether the back button is to lead to where it was */
  function remember(fresh) {
    if (following) return;
    const open = panels.list.map((panel) => panel.id);
    const where = at && open.includes(at.session) && views.current === 'fleet' ? `${at.session}:${at.seq}` : '';
    address.say(written(views.current, { ...views.params, open: open.join(','), at: where }), fresh);
  }

  /** @param {string} name @param {URLSearchParams | null} [params] */
  function go(name, params = null) {
    const wanted = views.names.includes(name) ? name : views.behind(name);
    gone = true;
    const other = wanted !== views.current;
    const before = following;
    following = true;
    views.show(wanted, params);
    following = before;
    remember(other || params !== null);
  }

  /** Goes where the address says. @param {import('./frame/address.js').Place} place */
  function follow(place) {
    for (const dialog of document.querySelectorAll('dialog[open]')) /** @type {HTMLDialogElement} */ (dialog).close();
    following = true;
    panels.set(opened(place));
    views.show(place.view, place.params);
    at = pointed(place);
    if (at) panels.of(at.session)?.goTo(at.seq);
    following = false;
  }

  let asking = false;
  /** @param {import('./types').Wish} what @param {string} id */
  async function stepIn(what, id) {
    if (asking || !desk.mayControl()) return;
    asking = true;
    await fleet.find(id).then((node) => control(desk, what, node)).catch(complain);
    asking = false;
  }

  /** @param {import('./types').Wish} what */
  function stepMarked(what) {
    const nodes = [...marks.ids].flatMap((id) => fleet.nodes.get(id) ?? []);
    controlMarked(desk, what, nodes, () => marks.clear());
  }

  /** @param {string} [like] */
  async function spawn(like) {
    if (!desk.mayControl() || document.querySelector('dialog[open]')) return;
    const { spawnDialog } = await import('./manage/spawn.js');
    if (!document.querySelector('dialog[open]')) await spawnDialog({ missions: fleet.missions(), open: openSession, ...(like ? { like } : {}) }).catch(complain);
  }

  /** @param {string} id */
  async function setBudget(id) {
    if (!desk.mayControl()) return;
    const [{ agentPath, budgetDialog }, node, { budget }] = await Promise.all([import('./manage/budget.js'), fleet.find(id), /** @type {Promise<import('./types').AgentUsage>} */ (get(`/agents/${id}/usage`))]);
    budgetDialog({ path: agentPath(id), name: nameOf(node), budget }, () => void needs.look());
  }

  /** @param {string} name */
  async function setMissionBudget(name) {
    if (!desk.mayControl()) return;
    const { budgetDialog, missionPath } = await import('./manage/budget.js');
    /** @type {import('./types').Mission} */
    const { budget } = await get(missionPath(name));
    budgetDialog({ path: missionPath(name), name, budget }, () => void needs.look());
  }

  /** @param {string} id */
  const showTimeline = (id) => fleet.find(id).then(({ rootId: root }) => go('timeline', new URLSearchParams({ root }))).catch(complain);

  const showTour = () => startTour({
    go,
    openFirst: () => {
      go('fleet');
      const node = tree.current ?? fleet.roots[0];
      if (node) panels.open(node.id, true);
    },
  });
  /** @type {import('./frame/shortcuts.js').Page} */
  const page = {
    mayControl,
    may,
    go,
    view: () => views.current,
    current: () => selection.id,
    panel: (id) => panels.of(id),
    marked: () => marks.size,
    filter: () => (go('fleet'), byId('filter-text').focus()),
    inject: (id) => void (desk.mayControl() && panels.open(id, true).compose.focus()),
    step: (wish, id) => void stepIn(wish, id),
    stepMarked,
    close: (panel) => panels.close(panel),
    timeline: (id) => void showTimeline(id),
    budget: (id) => void setBudget(id).catch(complain),
    usage: (agent) => go('usage', new URLSearchParams({ agent })),
    again: (id) => void spawn(id),
    spawn: () => void spawn(),
    killAll: () => killAll(desk),
    notifications: () => void caller.turnNotifications().catch(complain),
    sound: () => caller.turnSound(),
    tour: showTour,
    theme: () => byId('theme').click(),
    help: () => help(shortcuts, { tour: showTour, notifications: page.notifications, sound: page.sound }),
    find: () => palette(deedsOf(page, selection.id ? { id: selection.id, name: nameOfCurrent() } : null), fleet.nodes.values(), (node) => openSession(node.id)),
    saved: () => saved().map(({ name, query }) => ({ name, apply: () => go('fleet', new URLSearchParams(query)) })),
  };
  const nameOfCurrent = () => (tree.current ? nameOf(tree.current) : (panels.of(selection.id)?.name ?? selection.id));
  const shortcuts = shortcutsOf(page);
  keyboard(shortcuts);
  paletteKey(page.find);

  for (const tab of views.tabs) document.getElementById(`tab-${tab}`)?.addEventListener('click', () => go(views.behind(tab)));
  byId('help').addEventListener('click', page.help);
  byId('palette-open').addEventListener('click', page.find);
  byId('spawn').addEventListener('click', page.spawn);
  byId('kill-all').addEventListener('click', page.killAll);
  byId('release').addEventListener('click', () => release(desk));
  byId('back').addEventListener('click', () => panels.recent && panels.close(panels.recent));
  marksBar(marks, { shown: () => tree.hits, act: stepMarked });
  firstRun(fleet, { admin, spawn: mayControl ? page.spawn : null, tour: showTour });
  address.on('moved', follow);
  fleet.on('reread', () => {
    // One that is gone is not held on to; one that is open may be beyond what the tree holds.
    if (!tree.current && !panels.active) selection.choose('');
    marks.set([...marks.ids].filter((id) => !fleet.nodes.has(id)), false);
  });
  const badge = (/** @type {string} */ id, /** @type {number} */ number) => {
    say(byId(id), number ? String(number) : '');
    byId(id).title = number ? `${number} open` : '';
  };
  approvals.on('open', (number) => badge('approvals-badge', number));
  needs.on('changed', (list) => {
    badge('needs-badge', list.length);
    caller.tell(list);
  });

  try {
    await fleet.start();
  } catch (error) {
    say(byId('tree-empty'), error instanceof Error ? error.message : String(error));
    byId('tree-empty').hidden = false;
  }
  if (gone) {
    following = false;
    remember(true);
  } else follow(address.place);
  const first = tree.fleet.roots[0];
  if (!selection.id && first) selection.choose(first.id);
  const beat = () => {
    tick();
    filter.recount();
  };
  setInterval(beat, 1_000);
  beat();
  void needs.look();
  if (tour) showTour();
}

async function start() {
  themeButton();
  const me = await whoami();
  whenLoggedOut(() => location.reload());
  await fleetPage(me);
}

void start();
