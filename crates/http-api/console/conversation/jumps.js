// Ways to the next thing that matters in a conversation: what went wrong, where the agent asked, what was not read yet.

import { get, told } from '../kit/api.js';
import { button, h, say } from '../kit/dom.js';
import { count } from '../kit/text.js';
import { isAsking, isFault } from './calls.js';

const PAGE = 200;
/** So many messages are looked through by one press. */
const REACH = 10_000;

/** @typedef {import('../types').Message} Message */

/**
 * @param {import('./transcript.js').Transcript} transcript
 * @param {{ session: string, state: HTMLElement, unread: () => number, goTo: (seq: number) => Promise<void> }} about
 *   `unread`: the first message that was not read when the conversation was opened
 */
export function jumps(transcript, { session, state, unread, goTo }) {
  /** Where the last jump to something led, by what it is. @type {Map<string, number>} */
  const places = new Map();
  let run = 0;

  /**
   * Goes to the next message of a kind; behind the last one it begins again.
   *
   * @param {string} noun
   * @param {(message: Message) => boolean} is
   */
  async function next(noun, is) {
    const mine = ++run;
    const begun = places.get(noun) ?? 0;
    say(state, `Looking for ${noun}…`);
    let after = begun;
    let again = begun === 0;
    for (let looked = 0; looked < REACH; ) {
      /** @type {import('../types').History} */
      const { messages, total } = await get(`/agents/${session}/messages?after=${after}&limit=${PAGE}`);
      if (mine !== run) return;
      const found = messages.find(is);
      if (found) {
        places.set(noun, found.seq);
        await goTo(found.seq);
        say(state, `#${found.seq}: ${noun}.`);
        return;
      }
      looked += messages.length;
      after = messages.at(-1)?.seq ?? total;
      if (after < total && !(again && begun > 0 && after >= begun)) continue;
      places.delete(noun);
      if (again) return say(state, `No ${noun} in this session.`);
      again = true;
      after = 0;
    }
    places.set(noun, after);
    say(state, `No ${noun} up to #${count(after)}; press again to look on.`);
  }

  /** @param {string} noun @param {(message: Message) => boolean} is */
  const look = (noun, is) => () => void next(noun, is).catch((error) => say(state, told(error)));

  const first = () => {
    const seq = unread();
    if (seq > transcript.window.total) return say(state, 'Everything was read when this conversation was opened.');
    say(state, `#${seq}: the first that was not read.`);
    return void goTo(seq);
  };

  return h(
    'div',
    { class: 'find-row jumps', role: 'group', 'aria-label': 'Jump to' },
    button({ label: 'Next error', icon: 'failed' }, look('error', isFault)),
    button({ label: 'Next approval', icon: 'waiting' }, look('approval', isAsking)),
    button({ label: 'First unread', icon: 'more' }, first),
  );
}
