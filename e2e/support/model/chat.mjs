// OpenAI's chat completions, streamed, as far as opencode needs them.

export const PATH = /\/chat\/completions$/;

const textOf = (content) =>
  typeof content === 'string' ? content : (content ?? []).map((part) => part.text ?? '').join('');

export function read({ messages = [], tools = [] }) {
  const asked = messages.findLastIndex((message) => message.role === 'user');
  return {
    text: textOf(messages[asked]?.content),
    results: messages.slice(asked + 1).filter(({ role }) => role === 'tool').map(({ content }) => textOf(content)),
    tools: tools.map((tool) => ({ name: tool.function?.name })),
  };
}

export async function write(response, step, price) {
  const send = (delta, finish = null) => {
    const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'scripted' };
    const choices = [{ index: 0, delta, finish_reason: finish }];
    response.write(`data: ${JSON.stringify({ ...chunk, choices, ...(finish ? { usage: usage(price) } : {}) })}\n\n`);
  };
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  if (step.call) {
    const call = { name: step.call, arguments: JSON.stringify(step.arguments) };
    send({ role: 'assistant', tool_calls: [{ index: 0, id: `call_${Date.now()}`, type: 'function', function: call }] });
  }
  for await (const piece of step.pieces) send({ role: 'assistant', content: piece });
  send({}, step.call ? 'tool_calls' : 'stop');
  response.write('data: [DONE]\n\n');
}

/** The prompt's tokens include those that came from the cache. */
function usage({ input, cacheRead, output }) {
  const prompt = input + cacheRead;
  return {
    prompt_tokens: prompt,
    prompt_tokens_details: { cached_tokens: cacheRead },
    completion_tokens: output,
    total_tokens: prompt + output,
  };
}
