// Which rows of the tree are shown, and in which order.

/**
 * @typedef {import('../page').Node} Node
 * @typedef {import('../page').Row} Row
 * @typedef {{ text: string, mission: string, statuses: Set<string> }} Filter an empty part filters nothing
 */

/** @returns {Filter} */
export const everything = () => ({ text: '', mission: '', statuses: new Set() });

/** @param {Filter} filter */
export const isOpen = (filter) => !filter.text && !filter.mission && filter.statuses.size === 0;

/**
 * @param {Node} node
 * @param {Filter} filter
 * @param {string[]} words of its text, in lower case
 */
function matches(node, filter, words) {
  if (filter.statuses.size && !filter.statuses.has(node.status)) return false;
  if (filter.mission && node.missionId !== filter.mission) return false;
  return words.every((word) => node.haystack.includes(word));
}

/**
 * The rows from top to bottom. With a filter: what matches, and the way to it, whatever is folded.
 *
 * @param {Node[]} roots
 * @param {Filter} filter
 * @param {ReadonlySet<string>} folded
 * @returns {Row[]}
 */
export function rowsOf(roots, filter, folded) {
  const open = isOpen(filter);
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  /** @type {Row[]} */
  const rows = [];
  // With a stack of its own: a chain of agents may be deeper than calls can nest.
  /** @type {{ node: Node, depth: number }[]} */
  const ahead = [];
  /** @param {Node[]} nodes @param {number} depth */
  const push = (nodes, depth) => {
    for (let at = nodes.length - 1; at >= 0; at -= 1) ahead.push({ node: /** @type {Node} */ (nodes[at]), depth });
  };
  push(roots, 0);
  for (let next = ahead.pop(); next; next = ahead.pop()) {
    const { node, depth } = next;
    rows.push({ node, depth, hit: open || matches(node, filter, words) });
    if (node.children.length && (!open || !folded.has(node.id))) push(node.children, depth + 1);
  }
  return open ? rows : withWays(rows);
}

/**
 * Leaves out rows that neither match nor lead to one that does.
 *
 * @param {Row[]} rows
 */
function withWays(rows) {
  const kept = [];
  let wanted = 0;
  for (let at = rows.length - 1; at >= 0; at -= 1) {
    const row = /** @type {Row} */ (rows[at]);
    // `wanted` is the depth of the last kept row below: the next one above it is the way to it.
    if (row.hit || row.depth < wanted) {
      kept.push(row);
      wanted = row.depth;
    } else if (row.depth === 0) {
      wanted = 0;
    }
  }
  return kept.reverse();
}
