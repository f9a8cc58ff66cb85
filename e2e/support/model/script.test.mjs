import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as chat from './chat.mjs';
import * as gemini from './gemini.mjs';
import * as messages from './messages.mjs';
import * as responses from './responses.mjs';
import { gateOf, play, tagOf } from './script.mjs';

const asked = (text, more = {}) => ({ text, results: [], tools: [{ name: 'bash' }], ...more });

test('the first word of the last line is the order', () => {
  assert.deepEqual(play(asked('hello\nrun ls -l')), { call: 'bash', arguments: { command: 'ls -l', description: 'as asked' } });
  assert.deepEqual(play(asked('please run ls')), { say: 'You asked: please run ls' });
  assert.deepEqual(play(asked('slowly count')), { slowly: 'word' });
  assert.deepEqual(play(asked('slowly count', { tools: [] })), { say: 'You asked: slowly count' });
  assert.deepEqual(play(asked('run ls', { results: ['a.rs'] })), { say: 'The tool said: a.rs' });
});

test('a gate holds the first answer of a turn', () => {
  assert.equal(gateOf(asked('when ready, run ls')), 'ready');
  assert.equal(play(asked('when ready, run ls')).call, 'bash');
  assert.equal(gateOf(asked('when ready, run ls', { results: ['a.rs'] })), undefined);
  assert.equal(tagOf(asked('run ls #mine')), 'mine');
});

test('each dialect reads the last words of the user, and what the tools said since', () => {
  const wanted = { text: 'run ls', results: ['a.rs'] };
  const read = ({ text, results }) => ({ text, results });
  assert.deepEqual(
    read(chat.read({ messages: [{ role: 'user', content: 'run ls' }, { role: 'assistant' }, { role: 'tool', content: 'a.rs' }] })),
    wanted,
  );
  const items = [
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'run ls' }] },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: '<environment_context/>' }] },
    { type: 'function_call_output', output: 'a.rs' },
  ];
  assert.deepEqual(read(responses.read({ input: items })), wanted);
  const result = { type: 'tool_result', content: [{ type: 'text', text: 'a.rs' }] };
  const reminder = { type: 'text', text: '<system-reminder>\nrun rm\n</system-reminder>' };
  const said = [{ role: 'user', content: 'run ls' }, { role: 'user', content: [result, reminder] }];
  assert.deepEqual(read(messages.read({ messages: said }, '/v1/messages')), wanted);
  const interrupted = [{ role: 'user', content: [result, { type: 'text', text: 'hello' }] }];
  assert.deepEqual(read(messages.read({ messages: interrupted }, '/v1/messages')), { text: 'hello', results: [] });
  const contents = [
    { role: 'user', parts: [{ text: '<session_context>run rm</session_context>' }, { text: 'run ls' }] },
    { role: 'user', parts: [{ functionResponse: { response: { output: 'a.rs' } } }] },
  ];
  assert.deepEqual(read(gemini.read({ contents }, ':streamGenerateContent')), wanted);
});
