import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { components, paths } from './generated/flightdeck.js';

type Message = components['schemas']['MessageView'];

const baseUrl = process.env['FLIGHTDECK_URL'] ?? 'http://127.0.0.1:7600';
const key = process.env['FLIGHTDECK_KEY'] ?? '';
const flightdeck = createClient<paths>({ baseUrl, headers: { 'X-API-Key': key } });

// An agent registers, and says something.
const registered = await flightdeck.POST('/agents', { body: { taskId: 'FD-1', agentType: 'worker' } });
if (registered.error) throw new Error(registered.error.detail);
const path = { agentId: registered.data.agentId };
await flightdeck.POST('/agents/{agentId}/messages', { params: { path }, body: { role: 'assistant', content: 'I begin.' } });

// An operator says something to it, and reads the conversation as it grows.
const injected = await flightdeck.POST('/agents/{agentId}/inject', { params: { path }, body: { message: 'Go on.', delivery: 'queue' } });
assert.equal(injected.data?.receipt, 'accepted');
const stream = await flightdeck.GET('/agents/{agentId}/messages/stream', { params: { path }, parseAs: 'stream' });
if (!stream.response.ok || !stream.data) throw new Error(`no stream: ${stream.response.status}`);
const said: string[] = [];
for await (const message of messages(stream.data)) {
  said.push(`${message.seq} ${message.role}: ${message.content}`);
  if (said.length === 2) break;
}
assert.deepEqual(said, ['1 assistant: I begin.', '2 operator: Go on.']);

// The agent asks for permission, and the operator gives it.
const asked = await flightdeck.POST('/agents/{agentId}/approvals', { params: { path }, body: { title: 'Run the tests' } });
assert.ok(asked.data);
const decided = await flightdeck.POST('/approvals/{approvalId}/decide', { params: { path: { approvalId: asked.data.id } }, body: { option: 'allow_once' } });
assert.equal(decided.data?.decision?.allowed, true);

// The operator pauses it and kills it. The agent has not obeyed yet: 202, and `observed` is false.
const paused = await flightdeck.POST('/agents/{agentId}/pause', { params: { path, query: { wait: '0s' } }, body: { reason: 'a look' } });
assert.ok(paused.data && 'observed' in paused.data);
assert.deepEqual([paused.response.status, paused.data.observed], [202, false]);
await flightdeck.POST('/agents/{agentId}/kill', { params: { path, query: { wait: '0s' } } });
const session = await flightdeck.GET('/agents/{agentId}/status', { params: { path } });
assert.equal(session.data?.desiredStatus, 'killed');

// An error has a type, a sentence, and the fields at fault.
const wrong = await flightdeck.GET('/agents/{agentId}/status', { params: { path: { agentId: 'me' } } });
assert.equal(wrong.error?.errors?.[0]?.field, 'agentId');
console.log(said.join('\n'));

/** The messages of an event stream, one by one. */
async function* messages(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Message> {
  let rest = '';
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + text).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const fields = new Map(event.split('\n').map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]));
      if (fields.get('event') === 'message') yield JSON.parse(fields.get('data') ?? '') as Message;
    }
  }
}
