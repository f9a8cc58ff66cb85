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
  why: 'a prompt into a running turn is taken after it, or breaks it off: 409, with what would work',
};

/** @type {Record<string, Record<string, Exception>>} */
const EXCEPTIONS = {
  opencode: {
    'inject steer while busy': STEER,
    'tokens as the model told them': {
      seen: 'failed',
      note: /^counted input 1400, output 80, cacheRead 600,/,
      fault: "the agent's",
      why: 'the `usage` of an answer is that of the last call of the model in the turn, so the tokens of those before a tool call are missing; the cost is whole',
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
      why: 'a session that is taken up in the minute in which it began is not found, and is lost: it is recorded anew in the same file, whose name has the minute, before it is looked for; later it is taken up',
    },
    'command output in the transcript': {
      seen: 'failed',
      note: /but: completed$/,
      fault: "the agent's",
      why: 'the end of a shell call has no content',
    },
    'tokens as the model told them': {
      seen: 'failed',
      note: /^counted input 3000, output 120, cacheRead 0,/,
      fault: "the agent's",
      why: 'tokens that came from the cache are told as input like any other',
    },
  },
};

/** The exception that stands for what was seen. @param {{ agent: string, check: string, seen: string, note: string }} row */
export function exception({ agent, check, seen, note }) {
  const found = EXCEPTIONS[agent]?.[check];
  return found && found.seen === seen && (found.note?.test(note) ?? true) ? found : undefined;
}
