// Where the page is: a view, what is open in it, what it is narrowed to. The address says it, so that a link, a reload and
// the back button lead there again.

import { Emitter } from '../kit/emitter.js';

/** @typedef {{ view: string, params: URLSearchParams }} Place */

const FIRST = 'fleet';

/** An id as it is in an address. @param {string} text */
export const isId = (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

/**
 * The text of an address: `#fleet?open=<id>,<id>&q=deploy`. Commas and colons stay readable.
 *
 * @param {string} view
 * @param {Record<string, string>} params empty ones are left out
 */
export function written(view, params) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== '')).toString();
  return `#${view}${query ? `?${query.replaceAll('%2C', ',').replaceAll('%3A', ':')}` : ''}`;
}

/**
 * The sessions that a place has open.
 *
 * @param {Place} place
 */
export const opened = ({ params }) => (params.get('open') ?? '').toLowerCase().split(',').filter(isId);

/**
 * The message that a place points to: `at=<seq>` of the last session that is open, or `at=<session>:<seq>`.
 *
 * @param {Place} place
 * @returns {{ session: string, seq: number } | null}
 */
export function pointed(place) {
  const found = /^(?:([0-9a-f-]{36}):)?([1-9]\d{0,15})$/.exec((place.params.get('at') ?? '').toLowerCase());
  const session = found?.[1] ?? opened(place).at(-1);
  return found && session ? { session, seq: Number(found[2]) } : null;
}

/** @extends {Emitter<{ moved: Place }>} `moved`: by the back button, a link, or by hand */
export class Address extends Emitter {
  #views;

  /** @param {string[]} views */
  constructor(views) {
    super();
    this.#views = views;
    addEventListener('popstate', () => this.emit('moved', this.place));
  }

  /** @returns {Place} */
  get place() {
    const [view = '', query = ''] = location.hash.slice(1).split('?');
    return { view: this.#views.includes(view) ? view : FIRST, params: new URLSearchParams(query) };
  }

  /**
   * Says where the page is now.
   *
   * @param {string} hash
   * @param {boolean} fresh whether the back button is to lead to where it was
   */
  say(hash, fresh) {
    if (hash === location.hash) return;
    if (fresh) history.pushState(null, '', hash);
    else history.replaceState(null, '', hash);
  }
}
