// The statuses of sessions: their order, their words, and what follows from them.

/** @typedef {import('../types').Status} Status */

/** Those that an operator looks for first come first. @type {Status[]} */
export const STATUSES = ['waiting', 'running', 'idle', 'paused', 'spawning', 'lost', 'failed', 'killed', 'completed'];

/** @type {ReadonlySet<string>} */
const TERMINAL = new Set(['completed', 'failed', 'killed']);

/** @param {string} status */
export const isOver = (status) => TERMINAL.has(status);

/** @type {Record<Status, string>} */
export const MEANING = {
  waiting: 'asks for permission',
  running: 'at work',
  idle: 'its turn ended, it waits for a prompt',
  paused: 'stopped, can go on',
  spawning: 'on its way',
  lost: 'has not been heard of',
  failed: 'ended with an error',
  killed: 'ended by an operator',
  completed: 'ended well',
};

/**
 * What was asked for and is not seen yet; empty when nothing is.
 *
 * @param {string} status
 * @param {string} desired
 */
export function wished(status, desired) {
  if (isOver(status)) return '';
  if (desired === 'killed') return 'kill requested';
  if (desired === 'paused' && status !== 'paused') return 'pause requested';
  if (desired === 'running' && status === 'paused') return 'resume requested';
  return '';
}

/**
 * Whether a wish can still change anything.
 *
 * @param {import('../types').Wish} wish
 * @param {{ status: string, desired: string }} node
 */
export function isPossible(wish, node) {
  if (isOver(node.status)) return false;
  if (wish === 'kill') return true;
  if (node.desired === 'killed') return false;
  if (wish === 'pause') return node.status !== 'paused' || node.desired !== 'paused';
  if (wish === 'resume') return node.status === 'paused' || node.desired === 'paused';
  return node.status !== 'idle';
}
