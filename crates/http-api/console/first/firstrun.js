// An empty fleet: three ways to connect an agent, with the address of this server in each command.

import { post, told } from '../kit/api.js';
import { copy } from '../kit/copy.js';
import { button, byId, h, put, say } from '../kit/dom.js';

/** Stands for the key until one is made here or put in by hand. */
const NO_KEY = '<a key>';
const DAYS = 30;

/**
 * @typedef {{ name: string, about: string, lines: (url: string, key: string) => string }} Way
 */

/** @param {string} url @param {string} key */
const variables = (url, key) => `export FLIGHTDECK_URL=${url}\nexport FLIGHTDECK_API_KEY='${key}'`;

/** @type {Way[]} */
const WAYS = [
  {
    name: 'Any program, with three calls',
    about: 'Register, say what happens, ask for commands. There is no library to install: these are plain HTTP calls.',
    lines: (url, key) => `${variables(url, key)}
KEY="X-API-Key: $FLIGHTDECK_API_KEY"
AGENT=$(curl -s -H "$KEY" -H 'Content-Type: application/json' -d '{"taskId":"FD-1","agentType":"worker"}' $FLIGHTDECK_URL/agents | sed 's/.*"agentId":"\\([^"]*\\)".*/\\1/')
curl -s -H "$KEY" -H 'Content-Type: application/json' -d '{"role":"assistant","content":"Hello, I am at work."}' $FLIGHTDECK_URL/agents/$AGENT/messages
curl -s -H "$KEY" "$FLIGHTDECK_URL/agents/$AGENT/commands"`,
  },
  {
    name: 'A command, as it is',
    about: 'Its output becomes the conversation. It is paused, resumed and killed from here.',
    lines: (url, key) => `${variables(url, key)}
flightdeck run --name counter -- sh -c 'for i in 1 2 3 4 5; do echo $i; sleep 2; done'`,
  },
  {
    name: 'Claude Code',
    about: 'Its hooks report what it does and ask here for permission. Without --write the command shows what it would change.',
    lines: (url, key) => `${variables(url, key)}
flightdeck connect claude-code --user --write
claude`,
  },
];

/**
 * Shows the ways while the fleet is empty.
 *
 * @param {import('../fleet/fleet.js').Fleet} fleet
 * @param {{ admin: boolean, spawn: (() => void) | null, tour: () => void }} about `spawn` has an agent started here, for those
 *   who may
 */
export function firstRun(fleet, { admin, spawn, tour }) {
  const box = byId('first-run');
  let key = NO_KEY;
  /** @type {(() => void)[]} */
  const drawn = [];

  /** @param {Way} way @param {number} place */
  function card(way, place) {
    const code = h('code', {});
    const text = () => way.lines(location.origin, key);
    drawn.push(() => say(code, text()));
    const title = h('h3', { id: `way-${place}` }, `${place + 1}. ${way.name}`);
    const take = button({ label: 'Copy', icon: 'copy' }, () => void copy(text(), 'The command'));
    take.setAttribute('aria-describedby', `way-${place}`);
    return h('section', { class: 'way', 'aria-labelledby': `way-${place}` }, h('div', { class: 'way-head' }, title, take), h('p', {}, way.about), h('pre', { class: 'code', tabindex: '0', 'aria-label': `Commands: ${way.name}` }, code));
  }

  /** What is said of the key, and a way to make one. */
  function keyLine() {
    const words = h('span', {}, 'The commands need a key. The first one is in the file ', h('code', {}, 'admin.key'), ' of the data folder; ', h('code', {}, 'flightdeck keys create --role operator --name agents'), ' makes another one.');
    const fault = h('span', { class: 'fault', role: 'alert' });
    const line = h('p', { class: 'way-key', role: 'status' }, words, fault);
    if (!admin) return line;
    const make = button({ label: 'Make a key for them', class: 'primary' }, () => {
      make.disabled = true;
      post('/keys', { name: 'first agents', role: 'operator', expiresInDays: DAYS })
        .then((/** @type {import('../types').NewKey} */ made) => {
          key = made.key;
          for (const draw of drawn) draw();
          make.remove();
          say(words, `The key is in the commands now. It is shown this once, is good for ${DAYS} days, and can be taken back under Manage, Keys.`);
        })
        .catch((error) => {
          say(fault, ` ${told(error)}`);
          make.disabled = false;
        });
    });
    put(line, ' ', make);
    return line;
  }

  function build() {
    put(
      box,
      h('h2', {}, 'Connect the first agent'),
      h('p', { class: 'quiet-text' }, 'Nothing has reported yet. As soon as something does, this page turns into the fleet.'),
      keyLine(),
      ...WAYS.map(card),
      h('p', { class: 'way-more' }, spawn ? button({ label: 'Or start one here', class: 'link' }, spawn) : null, button({ label: 'Take the tour', class: 'link' }, tour), h('a', { href: '/docs' }, 'The whole API')),
    );
    for (const draw of drawn) draw();
  }

  let read = false;
  const look = () => {
    const empty = read && fleet.nodes.size === 0;
    if (empty && !box.childElementCount) build();
    box.hidden = !empty;
    document.body.classList.toggle('empty-fleet', empty);
  };
  fleet.on('reread', () => (read = true));
  fleet.on('structure', look);
}
