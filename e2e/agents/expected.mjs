// What is not seen of an agent, with the reason and whose fault it is. Whatever is not in this table is expected to be seen.

const STEER = {
  seen: 'no',
  fault: "the agent's",
  why: 'a prompt into a running turn is taken after it or breaks it off, so Flightdeck answers 409 with what would work',
};

const EXCEPTIONS = {
  opencode: {
    'inject steer while busy': STEER,
  },
  codex: {
    'inject steer while busy': STEER,
  },
  claude: {
    'inject steer while busy': STEER,
  },
  gemini: {
    'inject steer while busy': STEER,
  },
};

const exception = (agent, check) => EXCEPTIONS[agent]?.[check];

/** @returns {'yes' | 'no' | 'failed'} */
export const expected = (agent, check) => exception(agent, check)?.seen ?? 'yes';

/** Why a check is not seen, and whose fault that is. */
export const explained = (agent, check) => exception(agent, check);
