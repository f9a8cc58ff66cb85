// npm's ccusage reads the transcripts that Claude Code keeps. By day and model it comes to the same sums as the server, which
// learns of them by hooks. The transcripts are made here: they have no personal data.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Server } from './support/server.mjs';

const run = promisify(execFile);
const CCUSAGE = fileURLToPath(new URL('node_modules/.bin/ccusage', import.meta.url));
const DAY = 86_400_000;
const MODELS = ['claude-opus-4-5-20251101', 'claude-haiku-4-5-20251001', 'claude-sonnet-4-5-20250929'];

/** The lines of one answer of a model: as Claude Code writes them, one for each block, with the usage of the whole in each. */
function answer(session, number, at) {
  const usage = {
    input_tokens: 3 + number,
    output_tokens: 11 * number,
    cache_read_input_tokens: number % 3 ? 1_000 + number : 0,
    cache_creation_input_tokens: number % 5 ? 0 : 70 + number,
  };
  const message = { id: `msg_${session}_${number}`, type: 'message', role: 'assistant', model: MODELS[number % 3], usage };
  const line = (block) => ({
    type: 'assistant',
    uuid: randomUUID(),
    sessionId: session,
    requestId: `req_${session}_${number}`,
    version: '2.1.332',
    cwd: '/tmp/shop',
    timestamp: new Date(at).toISOString(),
    message: { ...message, content: [{ type: 'text', text: `block ${block}` }] },
  });
  return Array.from({ length: 1 + (number % 3) }, (_, block) => `${JSON.stringify(line(block))}\n`).join('');
}

test('sums by day and model are those of ccusage over the same transcripts', async () => {
  const server = await Server.start();
  const folder = await mkdtemp(join(tmpdir(), 'flightdeck-ccusage-'));
  try {
    const project = join(folder, 'projects', '-tmp-shop');
    await mkdir(project, { recursive: true });
    for (let count = 0; count < 3; count += 1) {
      const session = randomUUID();
      const transcript = join(project, `${session}.jsonl`);
      const hook = (event, more = {}) =>
        server.post('/hooks/claude-code', { session_id: session, hook_event_name: event, transcript_path: transcript, cwd: '/tmp/shop', ...more });
      await hook('SessionStart', { source: 'startup' });
      // Each turn is read at its end. The last turns are said to be of the next days.
      for (let turn = 0; turn < 6; turn += 1) {
        const at = Date.now() + Math.floor(turn / 2) * DAY;
        for (let part = 1; part <= 5; part += 1) await appendFile(transcript, answer(session, turn * 5 + part, at));
        await hook('Stop');
      }
      await hook('Stop');
    }
    const { stdout } = await run(process.execPath, [CCUSAGE, 'daily', '--json', '--offline', '--timezone', 'UTC', '--breakdown'], {
      env: { ...process.env, CLAUDE_CONFIG_DIR: folder },
    });
    const theirs = JSON.parse(stdout).daily.flatMap(({ date, modelBreakdowns }) =>
      modelBreakdowns.map(({ modelName, inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens }) =>
        [date, modelName, inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens].join(' '),
      ),
    );
    const [from, to] = [0, 3].map((days) => new Date(Date.now() + days * DAY - (days ? 0 : DAY)).toISOString().slice(0, 10));
    const { breakdown } = await server.get(`/fleet/usage?by=model,day&from=${from}&to=${to}`);
    const ours = breakdown.lines.map(({ day, model, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens }) =>
      [day, model, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens].join(' '),
    );
    assert.equal(theirs.length, 9, 'three models on three days');
    assert.deepEqual(ours.sort(), theirs.sort());
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
});
