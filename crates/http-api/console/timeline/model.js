// What happened in a tree and when, made of what its conversations say.

/**
 * @typedef {import('../types').Message} Message
 * @typedef {import('../types').Operation} Operation
 * @typedef {import('../page').Node} Node
 * @typedef {'running' | 'idle' | 'waiting' | 'paused' | 'spawning' | 'lost'} State
 * @typedef {{ state: State, from: number, to: number }} Stretch
 * @typedef {{ name: string, from: number, to: number, failed: boolean }} Tool
 * @typedef {{ at: number, who: string, what: string }} Step somebody stepped in
 * @typedef {{ node: Node, depth: number, from: number, to: number, stretches: Stretch[], tools: Tool[], steps: Step[] }} Lane
 */

/** @type {ReadonlySet<string>} */
const STATES = new Set(['running', 'idle', 'waiting', 'paused', 'spawning', 'lost']);

/** What each state is called in a timeline. @type {Record<State, string>} */
export const WORDS = { running: 'turn', idle: 'idle', waiting: 'waits for a person', paused: 'paused', spawning: 'starts', lost: 'lost' };

/** @param {Message} message */
const at = (message) => Date.parse(message.createdAt);

/**
 * The states of a session, one after the other.
 *
 * @param {Node} node
 * @param {Message[]} messages
 * @param {number} end
 * @returns {Stretch[]}
 */
export function stretchesOf(node, messages, end) {
  /** @type {Stretch[]} */
  const stretches = [];
  let from = node.spawnedAt;
  /** @type {string} */
  let state = '';
  const close = (/** @type {number} */ to) => {
    if (STATES.has(state) && to > from) stretches.push({ state: /** @type {State} */ (state), from, to });
  };
  for (const message of messages) {
    const { type, from: before, to } = message.metadata;
    // Only the server's word counts: an agent may call its own messages what it likes.
    if (message.role !== 'system' || type !== 'status' || message.metadata.flightdeck !== 'server' || typeof to !== 'string') continue;
    state ||= typeof before === 'string' ? before : '';
    close(at(message));
    from = at(message);
    state = to;
  }
  state ||= node.status;
  close(end);
  return stretches;
}

/**
 * The calls of tools, each with its result.
 *
 * @param {Message[]} messages
 * @param {number} end
 * @returns {Tool[]}
 */
export function toolsOf(messages, end) {
  /** @type {{ id: unknown, tool: Tool }[]} */
  const open = [];
  /** @type {Tool[]} */
  const tools = [];
  for (const message of messages) {
    if (message.role !== 'tool') continue;
    const { type, name, toolName, title, failed, isError } = message.metadata;
    const called = String(name ?? toolName ?? title ?? 'tool');
    const id = message.metadata.toolCallId ?? message.metadata.toolUseId ?? message.metadata.callId ?? called;
    if (typeof type === 'string' && type.startsWith('tool_call')) {
      const tool = { name: called, from: at(message), to: end, failed: false };
      tools.push(tool);
      open.push({ id, tool });
    } else if (type === 'tool_result') {
      const place = open.findIndex((one) => one.id === id);
      const [answered] = place >= 0 ? open.splice(place, 1) : [];
      if (!answered) continue;
      answered.tool.to = at(message);
      answered.tool.failed = failed === true || isError === true;
    }
  }
  return tools;
}

/**
 * Who stepped in, by operations and by words.
 *
 * @param {Node} node
 * @param {Message[]} messages
 * @param {Operation[]} operations
 * @param {(operation: Operation) => string} nameOf
 * @returns {Step[]}
 */
export function stepsOf(node, messages, operations, nameOf) {
  const asked = operations.filter(({ agentId, missionId, scope }) => agentId === node.id || (scope === 'mission' && missionId !== null && missionId === node.missionId));
  const steps = asked.map((operation) => ({ at: Date.parse(operation.requestedAt), who: nameOf(operation), what: `${operation.action}${operation.reason ? `: ${operation.reason}` : ''}` }));
  for (const message of messages) if (message.role === 'operator') steps.push({ at: at(message), who: 'an operator', what: `says: ${message.content.slice(0, 120)}` });
  return steps.sort((one, other) => one.at - other.at);
}

/**
 * Round moments on an axis, at most so many.
 *
 * @param {number} from
 * @param {number} to
 * @param {number} most
 */
export function ticks(from, to, most) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 172_800, 604_800].map((seconds) => seconds * 1_000);
  const step = steps.find((one) => (to - from) / one <= most) ?? (to - from) / most;
  // By the clock of the place, so that hours are whole there.
  const offset = new Date(from).getTimezoneOffset() * 60_000;
  const all = [];
  for (let moment = Math.ceil((from - offset) / step) * step + offset; moment <= to; moment += step) all.push(moment);
  return all;
}
