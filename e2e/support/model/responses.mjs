// OpenAI's Responses, streamed, as far as Codex needs them.

export const PATH = /\/responses$/;

const textOf = (content) =>
  typeof content === 'string' ? content : (content ?? []).map((part) => part.text ?? '').join('');

export function read({ input = [], tools = [] }) {
  const isAsked = ({ type = 'message', role, content }) =>
    type === 'message' && role === 'user' && !/^\s*</.test(textOf(content));
  const asked = input.findLastIndex(isAsked);
  return {
    text: textOf(input[asked]?.content),
    results: input.slice(asked + 1).filter(({ type }) => type === 'function_call_output').map(({ output }) => textOf(output)),
    tools: tools.map((tool) => ({ name: tool.name ?? tool.type })),
  };
}

let calls = 0;

export async function write(response, step, price) {
  const send = (type, about) => response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...about })}\n\n`);
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  calls += 1;
  const about = { id: `resp_${calls}`, object: 'response', created_at: 1, model: 'scripted' };
  send('response.created', { response: { ...about, status: 'in_progress', output: [] } });
  const item = step.call ? call(step) : message();
  send('response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress' } });
  let said = '';
  for await (const piece of step.pieces) {
    said += piece;
    send('response.output_text.delta', { item_id: item.id, output_index: 0, content_index: 0, delta: piece });
  }
  const done = step.call ? item : { ...item, content: [{ type: 'output_text', text: said, annotations: [] }] };
  send('response.output_item.done', { output_index: 0, item: done });
  send('response.completed', { response: { ...about, status: 'completed', output: [done], usage: usage(price) } });
}

const message = () => ({ type: 'message', id: `msg_${calls}`, role: 'assistant', status: 'completed', content: [] });

const call = ({ call: name, arguments: given }) => ({
  type: 'function_call',
  id: `fc_${calls}`,
  call_id: `call_${calls}`,
  name,
  arguments: JSON.stringify(given),
  status: 'completed',
});

/** The input includes what came from the cache. */
function usage({ input, cacheRead, output }) {
  return {
    input_tokens: input + cacheRead,
    input_tokens_details: { cached_tokens: cacheRead },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + cacheRead + output,
  };
}
