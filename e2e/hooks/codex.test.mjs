// Codex's telemetry, from the real program: counted once, for the session of the key. FLIGHTDECK_TEST_CODEX is its program.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { settings } from '../agents/codex.mjs';
import { PRICE } from '../support/model/script.mjs';
import { startModel } from '../support/model/server.mjs';
import { Server } from '../support/server.mjs';

const CODEX = process.env.FLIGHTDECK_TEST_CODEX ?? new URL('../node_modules/.bin/codex', import.meta.url).pathname;

/** The exporters of Codex, as docs/telemetry.md shows them. */
const telemetry = ({ url, key, protocol }) => {
  const exporter = (path) => `{ otlp-http = { endpoint = "${url}${path}", protocol = "${protocol}", headers = { "x-api-key" = "${key}" } } }`;
  return `\n[otel]\nexporter = ${exporter('/v1/logs')}\ntrace_exporter = ${exporter('/v1/traces')}\n`;
};

for (const protocol of ['binary', 'json']) {
  test(`what Codex sends by ${protocol} counts for the session of the key`, async () => {
    const [server, model, folder] = [await Server.start(), await startModel(), await mkdtemp(join(tmpdir(), 'flightdeck-codex-'))];
    try {
      const sessionId = crypto.randomUUID();
      const { key } = await server.post('/keys', { name: 'codex', role: 'agent', sessionId });
      await server.post('/agents', { sessionId, taskId: 'CODEX', agentType: 'codex' });
      const [home, work] = [join(folder, 'home'), join(folder, 'work')];
      await mkdir(work, { recursive: true });
      await settings({ home, model: model.url });
      const config = join(home, '.codex', 'config.toml');
      await writeFile(config, (await readFile(config, 'utf8')) + telemetry({ url: server.url, key, protocol }));
      // The second one asks for leave, and nobody is there to give it.
      for (const prompt of ['inside echo hi', 'run echo hi']) {
        const args = ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', prompt];
        const running = promisify(execFile)(CODEX, args, { cwd: work, env: { PATH: process.env.PATH, HOME: home }, timeout: 60_000 });
        running.child.stdin.end();
        await running;
      }
      const answers = model.ledger.filter(({ tools }) => tools).length;
      assert.ok(answers >= 4, `${answers} answers of the model`);
      const { own } = await server.get(`/agents/${sessionId}/usage`);
      const counted = [own.inputTokens, own.cacheReadTokens, own.outputTokens];
      assert.deepEqual(counted, [PRICE.input, PRICE.cacheRead, PRICE.output].map((price) => price * answers));
      const { messages } = await server.get(`/agents/${sessionId}/messages?limit=100`);
      const calls = messages.filter((message) => message.role === 'tool');
      assert.deepEqual(calls.map((message) => message.metadata.failed), [false, true], JSON.stringify(calls));
    } finally {
      model.stop();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
}
