// Claude Code with its telemetry: beside its hooks it adds nothing, and alone it is counted for the session of the key.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { BINARY, Server } from '../support/server.mjs';
import { runClaude } from './claude.mjs';
import { startModel } from './model.mjs';

const SCRIPT = `SCRIPT ${JSON.stringify([[{ name: 'Bash', input: { command: 'echo hi', description: 'x' } }], [{ name: 'Bash', input: { command: 'false', description: 'y' } }]])}`;
// Three answers of the model, at what it says that each of them has used.
const USED = { inputTokens: 300, outputTokens: 30, cacheReadTokens: 120, cacheWriteTokens: 15 };

const telemetry = (server, key, protocol) => ({
  CLAUDE_CODE_ENABLE_TELEMETRY: '1',
  CLAUDE_CODE_ENHANCED_TELEMETRY_BETA: '1',
  OTEL_TRACES_EXPORTER: 'otlp',
  OTEL_LOGS_EXPORTER: 'otlp',
  OTEL_METRICS_EXPORTER: 'otlp',
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
  OTEL_EXPORTER_OTLP_ENDPOINT: server.url,
  OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${key}`,
  OTEL_LOGS_EXPORT_INTERVAL: '200',
});

async function get(server, path) {
  const response = await fetch(server.url + path, { headers: { 'X-API-Key': server.key } });
  return response.json();
}

const counted = async (server, id) => {
  const { own } = await get(server, `/agents/${id}/usage`);
  return Object.fromEntries(Object.keys(USED).map((name) => [name, own[name]]));
};

for (const protocol of ['http/protobuf', 'http/json']) {
  test(`Claude Code's telemetry by ${protocol} alone counts for the session of the key`, async () => {
    const [server, model] = [await Server.start(), await startModel()];
    try {
      const post = async (path, body) => {
        const headers = { 'X-API-Key': server.key, 'Content-Type': 'application/json' };
        return (await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) })).json();
      };
      const sessionId = crypto.randomUUID();
      const { key } = await post('/keys', { name: 'a', role: 'agent', sessionId });
      await post('/agents', { sessionId, taskId: 't', agentType: 'claude' });
      const folder = await mkdtemp(join(tmpdir(), 'flightdeck-otel-'));
      const env = telemetry(server, key, protocol);
      const claude = await runClaude({ folder, model: model.url, settings: {}, prompt: SCRIPT, env });
      await claude.done;
      assert.deepEqual(await counted(server, sessionId), USED);
      const { messages } = await get(server, `/agents/${sessionId}/messages?limit=100`);
      const calls = messages.filter((message) => message.role === 'tool');
      assert.deepEqual(calls.map((message) => message.metadata.failed), [false, true]);
    } finally {
      model.stop();
      await server.stop();
    }
  });
}

test('beside its hooks it is counted once', async () => {
  const [server, model] = [await Server.start(), await startModel()];
  try {
    const { stdout } = await promisify(execFile)(BINARY, ['connect', 'claude-code', '--url', server.url, '--task', 'once'], { env: {} });
    const folder = await mkdtemp(join(tmpdir(), 'flightdeck-otel-'));
    const env = { FLIGHTDECK_API_KEY: server.key, ...telemetry(server, server.key, 'http/protobuf') };
    const claude = await runClaude({ folder, model: model.url, settings: JSON.parse(stdout), prompt: SCRIPT, env });
    await claude.done;
    const [session] = await get(server, '/agents?taskId=once&limit=1');
    assert.deepEqual(await counted(server, session.agentId), USED);
    const { messages } = await get(server, `/agents/${session.agentId}/messages?limit=100`);
    assert.equal(messages.filter((message) => message.role === 'tool').length, 2, 'each call has one result');
  } finally {
    model.stop();
    await server.stop();
  }
});
