// What is not seen of an agent, with the reason and whose fault it is. Whatever is not in this table is expected to be seen.
// Where an exception has `note`, it only stands for an outcome that says so: any other one is not expected.

/**
 * @typedef {object} Exception
 * @property {'no' | 'failed'} seen
 * @property {RegExp} [note]
 * @property {"the agent's" | "the protocol's" | 'ours'} fault
 * @property {string} why
 */

/** @type {Exception} */
const STEER = {
  seen: 'no',
  fault: "the agent's",
  why: 'the agent takes a prompt for a running turn after the turn, or aborts the turn; so the call is a 409 that names the alternatives',
};

/** @type {Record<string, Record<string, Exception>>} */
const EXCEPTIONS = {
  opencode: {
    'inject steer while busy': STEER,
    'tokens as the model reported them': {
      seen: 'failed',
      note: /^counted input 1400, output 80, cacheRead 600,/,
      fault: "the agent's",
      why: 'the `usage` of an answer covers only the last model call of the turn, so the tokens of the calls before it are missing; the cost is complete',
    },
  },
  codex: {
    'inject steer while busy': STEER,
  },
  claude: {
    'inject steer while busy': STEER,
  },
  gemini: {
    'inject steer while busy': STEER,
    'resume an earlier session': {
      seen: 'failed',
      note: /session\/load .*(No previous sessions found|Invalid session identifier)/,
      fault: "the agent's",
      why: 'a session that is resumed within the minute in which it began is not found, and is lost: the agent names the file of the session by the minute, and writes to the file before it looks for the session; a later resume works',
    },
    'another model while idle': {
      seen: 'failed',
      note: /^it takes what nobody has$/,
      fault: "the agent's",
      why: 'the agent takes any name for a model',
    },
    'command output in the transcript': {
      seen: 'failed',
      note: /but: completed$/,
      fault: "the agent's",
      why: 'the agent sends no content with the end of a shell call',
    },
    'tokens as the model reported them': {
      seen: 'failed',
      note: /^counted input 3000, output 120, cacheRead 0,/,
      fault: "the agent's",
      why: 'the agent reports tokens from the cache as ordinary input',
    },
  },
};

/** The exception that stands for what was seen. @param {{ agent: string, check: string, seen: string, note: string }} row */
export function exception({ agent, check, seen, note }) {
  const found = EXCEPTIONS[agent]?.[check];
  return found && found.seen === seen && (found.note?.test(note) ?? true) ? found : undefined;
}
