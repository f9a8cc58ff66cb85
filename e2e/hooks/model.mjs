// A model that plays a script over the Messages API, streamed. The script is in the prompt, so that a sub-agent has its own:
//
//   SCRIPT [[{"name":"Bash","input":{…}}, …], …]   one list of tool calls for each answer; then a last word
//
// A string instead of a list is a text, after which the turn ends.

import { createServer } from 'node:http';

const blocks = (content) => (typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []));
const script = (message) => {
  const texts = blocks(message.content).filter((block) => block.type === 'text');
  const found = texts.map((block) => /SCRIPT (\[.*)/s.exec(block.text)?.[1]).find(Boolean);
  return found && JSON.parse(found.slice(0, found.lastIndexOf(']') + 1));
};

/** What the model says next. */
export function next(messages) {
  const asked = messages.findLastIndex((message) => message.role === 'user' && script(message));
  if (asked < 0) return 'No script.';
  const answers = messages.slice(asked + 1).filter((message) => message.role === 'assistant').length;
  return script(messages[asked])[answers] ?? 'The script is over.';
}

let ids = 0;

async function answer(request, response, seen) {
  let body = '';
  for await (const part of request) body += part;
  if (!request.url.startsWith('/v1/messages') || request.url.includes('count_tokens')) {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"input_tokens":10}');
    return;
  }
  const asked = JSON.parse(body || '{}');
  await seen?.(asked);
  const said = next(asked.messages ?? []);
  ids += 1;
  const id = `msg_${process.pid}_${ids}`;
  const content =
    typeof said === 'string'
      ? [{ type: 'text', text: said }]
      : said.map((call, n) => ({ type: 'tool_use', id: `toolu_${process.pid}_${ids}_${n}`, name: call.name, input: call.input }));
  const usage = { input_tokens: 100, output_tokens: 10, cache_read_input_tokens: 40, cache_creation_input_tokens: 5 };
  const stop = typeof said === 'string' ? 'end_turn' : 'tool_use';
  const message = { id, type: 'message', role: 'assistant', model: asked.model, stop_sequence: null, usage };
  if (!asked.stream) {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ ...message, content, stop_reason: stop }));
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const send = (type, fields) => response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`);
  send('message_start', { message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } } });
  content.forEach((block, index) => {
    const text = block.type === 'text';
    send('content_block_start', { index, content_block: text ? { type: 'text', text: '' } : { ...block, input: {} } });
    const delta = text
      ? { type: 'text_delta', text: block.text }
      : { type: 'input_json_delta', partial_json: JSON.stringify(block.input) };
    send('content_block_delta', { index, delta });
    send('content_block_stop', { index });
  });
  send('message_delta', { delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: 10 } });
  send('message_stop', {});
  response.end();
}

/** Starts one on a free port of loopback. `seen` gets the body of every request, and may hold its answer back. */
export async function startModel(seen) {
  const server = createServer((request, response) => {
    answer(request, response, seen).catch(() => response.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
