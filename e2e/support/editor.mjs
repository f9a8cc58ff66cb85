// An agent that speaks ACP and does what the prompt says to the files of its folder, line by line:
// `write <path> <text>`, `append <path> <text>`, `move <path> <path>`, `remove <path>`, `large <path> <bytes>`, `say <words>`,
// `hold <path>`: waits until that file is there. Other lines are answered.

import { appendFile, mkdir, rename, rm, truncate, writeFile, access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';

let folder = process.cwd();
const tell = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const say = (text) => tell({ method: 'session/update', params: { sessionId: 'editor', update: { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } } } });

const DEEDS = {
  async write(path, text) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${text.replaceAll('\\n', '\n')}\n`);
  },
  append: (path, text) => appendFile(path, `${text}\n`),
  move: (path, to) => rename(path, join(folder, to)),
  remove: (path) => rm(path),
  async large(path, bytes) {
    await writeFile(path, '');
    await truncate(path, Number(bytes));
  },
  async hold(path) {
    while (!(await access(path).then(() => true, () => false))) await setTimeout(20);
  },
};

async function turn(prompt) {
  for (const line of prompt.split('\n')) {
    const [word, path = '', ...rest] = line.split(' ');
    if (DEEDS[word]) await DEEDS[word](join(folder, path), rest.join(' '));
    else if (line.trim()) say(`I read: ${line}\n`);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize') tell({ id, result: { protocolVersion: 1, agentCapabilities: {} } });
  else if (method === 'session/new') {
    folder = params.cwd;
    tell({ id, result: { sessionId: 'editor' } });
  } else if (method === 'session/prompt') {
    void turn(params.prompt.map((part) => part.text ?? '').join('\n'))
      .then(() => tell({ id, result: { stopReason: 'end_turn' } }))
      .catch((error) => tell({ id, error: { code: -32_000, message: String(error) } }));
  } else if (id !== undefined) tell({ id, result: {} });
}
