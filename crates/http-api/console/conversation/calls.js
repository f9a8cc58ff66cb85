// What a message says about a tool call, whichever agent it came from.

/** @typedef {import('../types').Message} Message */

/** @param {Message} message */
export const kindOf = (message) => (typeof message.metadata.type === 'string' ? message.metadata.type : '');

/** What a hook of Claude Code said. @param {Message} message @returns {Record<string, unknown>} */
function hook(message) {
  const { data } = message.metadata;
  return typeof data === 'object' && data !== null ? /** @type {Record<string, unknown>} */ (data) : {};
}

/** @param {Message} message */
export function toolName({ metadata, ...message }) {
  const name = metadata.name ?? metadata.tool ?? metadata.toolName ?? metadata.title ?? hook({ metadata, ...message }).tool_name;
  return typeof name === 'string' ? name : 'tool';
}

/** What a tool was given. @param {Message} message */
export const inputOf = (message) => message.metadata.input ?? hook(message).tool_input;

/** @param {Message} message */
export const isToolCall = (message) => ['tool', 'assistant'].includes(message.role) && kindOf(message) === 'tool_call';

/** @param {Message} message */
export const isToolResult = (message) => message.role === 'tool' && ['tool_result', 'tool_error', 'tool_denied'].includes(kindOf(message));

/** What names a call in its result, where the provider names it. @param {Message} message */
const callId = (message) => message.metadata.toolCallId ?? message.metadata.toolUseId ?? message.metadata.callId ?? hook(message).tool_use_id;

/** Whether a message is the result of a call. @param {Message} call @param {Message} result */
export function answers(call, result) {
  if (!isToolResult(result)) return false;
  const [called, answered] = [callId(call), callId(result)];
  return called !== undefined && answered !== undefined ? called === answered : toolName(call) === toolName(result);
}

/** The code with which a program ended. @param {Message} message */
function exitOf({ metadata }) {
  const exit = /** @type {Record<string, unknown> | null | undefined} */ (metadata.exit);
  return metadata.exitCode ?? exit?.exit_code ?? exit?.exitCode;
}

/** Whether a message tells of something that went wrong. @param {Message} message */
export function isFault(message) {
  const kind = kindOf(message);
  if (kind === 'tool_error' || kind === 'tool_denied' || kind === 'failure') return true;
  const { failed, isError } = message.metadata;
  const exit = exitOf(message);
  return failed === true || isError === true || (typeof exit === 'number' && exit !== 0);
}

/** Whether a message tells that an agent waits for a decision. @param {Message} message */
export const isAsking = (message) => message.role === 'system' && message.metadata.flightdeck === 'server' && message.metadata.type === 'status' && message.metadata.to === 'waiting';
