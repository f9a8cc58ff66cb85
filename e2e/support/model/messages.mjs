// Anthropic's Messages, streamed, as far as Claude Code needs them.

export const PATH = /\/v1\/messages(\/count_tokens)?(\?.*)?$/;

const REMINDER = /<system-reminder>[\s\S]*?<\/system-reminder>/g;

const blocks = (content) => (typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []));
const textOf = (content) => blocks(content).map((part) => part.text ?? '').join('');

export function read({ messages = [], tools = [], stream = false }, path) {
  if (path.includes('count_tokens')) return { direct: { input_tokens: 1000 } };
  // Words and results may come in one message, in either order.
  const said = messages.filter(({ role }) => role === 'user').flatMap(({ content }) => blocks(content));
  const words = said.map((block) => (block.type === 'text' ? block.text.replace(REMINDER, '').trim() : ''));
  const asked = words.findLastIndex((text) => text !== '');
  return {
    text: words[asked] ?? '',
    results: said.slice(asked + 1).filter(({ type }) => type === 'tool_result').map(({ content }) => textOf(content)),
    tools: tools.map(({ name }) => ({ name })),
    stream,
  };
}

let calls = 0;

export async function write(response, step, price, { stream }) {
  calls += 1;
  const about = { id: `msg_${calls}`, type: 'message', role: 'assistant', model: 'claude-sonnet-4-5' };
  const stop = step.call ? 'tool_use' : 'end_turn';
  const use = step.call && { type: 'tool_use', id: `toolu_${calls}`, name: step.call };
  if (!stream) {
    let said = '';
    for await (const piece of step.pieces) said += piece;
    const content = use ? [{ ...use, input: step.arguments }] : [{ type: 'text', text: said }];
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.write(JSON.stringify({ ...about, content, stop_reason: stop, stop_sequence: null, usage: usage(price) }));
    return;
  }
  const send = (type, rest) => response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`);
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const begun = { ...about, content: [], stop_reason: null, stop_sequence: null, usage: { ...usage(price), output_tokens: 1 } };
  send('message_start', { message: begun });
  send('content_block_start', { index: 0, content_block: use ? { ...use, input: {} } : { type: 'text', text: '' } });
  const delta = (about) => send('content_block_delta', { index: 0, delta: about });
  if (use) delta({ type: 'input_json_delta', partial_json: JSON.stringify(step.arguments) });
  for await (const piece of step.pieces) delta({ type: 'text_delta', text: piece });
  send('content_block_stop', { index: 0 });
  send('message_delta', { delta: { stop_reason: stop, stop_sequence: null }, usage: usage(price) });
  send('message_stop', {});
}

/** The input is what did not come from the cache. */
function usage({ input, cacheRead, cacheWrite, output }) {
  return {
    input_tokens: input,
    cache_read_input_tokens: cacheRead,
    cache_creation_input_tokens: cacheWrite,
    output_tokens: output,
  };
}
