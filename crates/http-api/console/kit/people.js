// Who did something, by name.

import { plain } from './text.js';

/** Those who have no key. @type {Record<string, string>} */
const OTHERS = { cli: 'command line', budget: 'a budget', system: 'the server' };

/**
 * What people call a key; its id where the key is not known.
 *
 * @param {string} id
 * @param {string | null} [name]
 */
export const personOf = (id, name) => plain(name ?? OTHERS[id] ?? id);
