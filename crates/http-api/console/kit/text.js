// Words and numbers for people.

// What is not seen, or turns the reading around: control characters, bidi marks, embeddings, overrides and isolates,
// zero-width spaces, tag characters. The joiners of scripts and emoji (U+200C, U+200D) are left alone.
const HIDDEN =
  // eslint-disable-next-line no-control-regex -- these are looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/u;
const EACH_HIDDEN = new RegExp(HIDDEN.source, 'gu');

/** @param {string} character */
const codeOf = (character) => `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

/**
 * A foreign text as nodes, with hidden characters made visible.
 *
 * @param {string} text
 * @returns {Node}
 */
export function reveal(text) {
  // A line may end as on Windows.
  const plain = text.includes('\r') ? text.replaceAll('\r\n', '\n') : text;
  if (!HIDDEN.test(plain)) return document.createTextNode(plain);
  const fragment = document.createDocumentFragment();
  let from = 0;
  for (const match of plain.matchAll(EACH_HIDDEN)) {
    fragment.append(plain.slice(from, match.index));
    const mark = document.createElement('span');
    mark.className = 'hidden-character';
    mark.title = 'a character that is not seen, shown by its code';
    mark.textContent = codeOf(match[0]);
    fragment.append(mark);
    from = match.index + match[0].length;
  }
  fragment.append(plain.slice(from));
  return fragment;
}

/**
 * The same for a place where only plain text can be.
 *
 * @param {string} text
 */
export function plain(text) {
  return HIDDEN.test(text) ? text.replace(EACH_HIDDEN, (character) => `\u27e8${codeOf(character)}\u27e9`) : text;
}

/**
 * A session as it is named in lists, titles and questions.
 *
 * @param {{ agentType: string, taskId: string }} session
 */
export const nameOf = ({ agentType, taskId }) => `${plain(agentType)} · ${plain(taskId)}`;

const SPANS = /** @type {const} */ ([
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'm'],
  [1, 's'],
]);

/**
 * A span of time in one unit: `3m`.
 *
 * @param {number} milliseconds
 */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  for (const [size, unit] of SPANS) {
    if (seconds >= size) return `${Math.floor(seconds / size)}${unit}`;
  }
  return '0s';
}

const COUNT = new Intl.NumberFormat('en');

/** @param {number} number */
export const count = (number) => COUNT.format(number);

/**
 * A number in at most four characters.
 *
 * @param {number} number
 */
export function short(number) {
  if (number < 1_000) return String(number);
  if (number < 10_000) return `${(Math.floor(number / 100) / 10).toFixed(1)}k`;
  if (number < 1_000_000) return `${Math.floor(number / 1_000)}k`;
  return `${(Math.floor(number / 100_000) / 10).toFixed(1)}M`;
}

/**
 * A number with its noun.
 *
 * @param {number} number
 * @param {string} noun
 * @param {string} [plural]
 */
export const counted = (number, noun, plural = `${noun}s`) => `${count(number)} ${number === 1 ? noun : plural}`;

/** @param {number | null} dollars */
export function money(dollars) {
  if (dollars === null) return '–';
  return `$${dollars < 10 ? dollars.toFixed(2) : COUNT.format(Math.round(dollars))}`;
}

/** @param {Date} moment */
const day = (moment) => moment.toLocaleDateString('sv');

/**
 * The time of day; with the date when it is not today.
 *
 * @param {string} moment
 */
export function clock(moment) {
  const at = new Date(moment);
  const time = at.toLocaleTimeString('sv');
  return day(at) === day(new Date()) ? time : `${day(at)} ${time}`;
}

/** The first of an id that is enough to tell it from others by eye. @param {string} id */
export const brief = (id) => id.slice(-8);

/**
 * JSON as people read it.
 *
 * @param {unknown} value
 */
export const pretty = (value) => JSON.stringify(value, null, 2);
