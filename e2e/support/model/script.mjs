// What a scripted model does. The last line of what the user said decides, whatever the protocol:
//
//   run COMMAND      one call of the shell tool, and a word about its result
//   inside COMMAND   the same, for a command that stays inside of the agent's sandbox and needs nobody's leave
//   delegate TEXT    one call of the tool that starts a sub-agent with this text as its prompt, and a word about its result
//   slowly TEXT      a word every tenth of a second, for twenty seconds
//   anything else    said back
//
// `when NAME,` in front of it, as in `when ready, run ls`, holds the answer until the test opens the gate of that name.
// `#TAG` anywhere in it names the conversation, so that the test can ask what the model charged for it.

/** What each answer costs. The numbers differ, so that a sum shows which of them was counted how often. */
export const PRICE = Object.freeze({ input: 700, cacheRead: 300, cacheWrite: 0, output: 40 });

export const SLOW_WORDS = 200;

/**
 * @typedef {object} Request what a dialect has read of a request
 * @property {string} text the words of the user that are to be answered
 * @property {string[]} results what the tools said since then
 * @property {Tool[]} tools what the agent offers
 *
 * @typedef {object} Tool
 * @property {string} name
 * @property {string[]} arguments the names of its arguments
 *
 * @typedef {{ say: string } | { slowly: string } | { call: string, arguments: Record<string, unknown> }} Step
 */

const TAG = /#([\w-]+)/;
const SAID = /^(?:when (?<gate>[\w-]+),\s*)?(?<rest>.*)$/;
const ORDER = /^(?<verb>run|inside|delegate|slowly)\b\s*(?<about>.*)$/;

const said = ({ text }) => SAID.exec(text.trim().split('\n').at(-1) ?? '')?.groups ?? {};

/** The name of the gate that holds an answer. @param {Request} request */
export const gateOf = (request) => (request.results.length === 0 && request.tools.length > 0 ? said(request).gate : undefined);

/** The name of the conversation. @param {Request} request */
export const tagOf = ({ text }) => TAG.exec(text)?.[1];

/** @param {Request} request @returns {Step} */
export function play(request) {
  const { results, tools } = request;
  if (results.length > 0) return { say: `The tool said: ${results.at(-1)}` };
  const { rest = '' } = said(request);
  const { verb, about = '' } = ORDER.exec(rest)?.groups ?? {};
  if (verb === 'slowly' && tools.length > 0) return { slowly: 'word' };
  const isShell = verb === 'run' || verb === 'inside';
  const call = isShell ? shellCall(tools, about, verb === 'inside') : verb === 'delegate' ? agentCall(tools, about) : undefined;
  return call ?? { say: `You asked: ${rest}` };
}

/** The shell has another name and other arguments in each agent. */
function shellCall(tools, command, inside) {
  const description = 'as asked';
  const known = {
    bash: { command, description },
    Bash: { command, description },
    run_shell_command: { command, description },
    exec_command: inside ? { cmd: command } : { cmd: command, sandbox_permissions: 'require_escalated', justification: description },
    shell_command: { command },
    shell: { command: ['sh', '-c', command] },
  };
  return firstOf(tools, known);
}

function agentCall(tools, prompt) {
  const known = {
    Agent: { description: 'an errand', prompt, subagent_type: 'general-purpose' },
    Task: { description: 'an errand', prompt, subagent_type: 'general-purpose' },
    task: { description: 'an errand', prompt, subagent_type: 'general' },
  };
  return firstOf(tools, known);
}

function firstOf(tools, known) {
  const tool = tools.find(({ name }) => Object.hasOwn(known, name));
  return tool && { call: tool.name, arguments: known[tool.name] };
}
