// A model that plays a script: as much of OpenAI's chat completions as an agent needs. What the user asked last decides:
//
//   run COMMAND     one tool call of `bash`, and a word about its result
//   slowly TEXT     the text, a word every tenth of a second, two hundred times
//   anything else   said back

import { createServer } from 'node:http';

const textOf = (content) =>
  typeof content === 'string' ? content : (content ?? []).map((part) => part.text ?? '').join('');

function chunk(delta, finish = null) {
  const choice = { index: 0, delta, finish_reason: finish };
  const usage = finish ? { usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } } : {};
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'scripted', choices: [choice], ...usage })}\n\n`;
}

async function answer(request, response) {
  let body = '';
  for await (const part of request) body += part;
  const { messages = [], tools = [] } = JSON.parse(body || '{}');
  const asked = messages.findLastIndex((message) => message.role === 'user');
  const text = textOf(messages[asked]?.content);
  const results = messages.slice(asked + 1).filter((message) => message.role === 'tool');
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const command = /run (.+)/.exec(text)?.[1];
  if (command && tools.some((tool) => tool.function?.name === 'bash') && results.length === 0) {
    const call = { name: 'bash', arguments: JSON.stringify({ command, description: 'as asked' }) };
    response.write(chunk({ role: 'assistant', tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: call }] }));
    response.write(chunk({}, 'tool_calls'));
  } else if (text.includes('slowly') && tools.length > 0) {
    for (let n = 0; n < 200 && !response.destroyed; n += 1) {
      response.write(chunk({ role: 'assistant', content: `word${n} ` }));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    response.write(chunk({}, 'stop'));
  } else {
    const said = results.length > 0 ? `The tool said: ${textOf(results.at(-1).content)}` : `You asked: ${text}`;
    response.write(chunk({ role: 'assistant', content: said }));
    response.write(chunk({}, 'stop'));
  }
  response.end('data: [DONE]\n\n');
}

/** Starts one on a free port. */
export async function startModel() {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
