// npm's OpenTelemetry: its exporters send to the server, and a receiver sees what the server sends of a tree of sessions.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

import { Server } from './support/server.mjs';

async function call(server, method, path, body) {
  const headers = { 'X-API-Key': server.key, 'Content-Type': 'application/json' };
  const response = await fetch(server.url + path, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
  return response.json();
}

/** Registers a session, and gives its id and a key that is bound to it. */
async function agent(server, parent) {
  const sessionId = crypto.randomUUID();
  const key = await call(server, 'POST', '/keys', { name: 'agent', role: 'agent', sessionId });
  await call(server, 'POST', '/agents', { sessionId, parentSessionId: parent, taskId: 'FD-1', agentType: 'worker' });
  return { id: sessionId, key: key.key };
}

const used = async (server, id) => (await call(server, 'GET', `/agents/${id}/usage`)).own;

function chat(tracer, output) {
  const span = tracer.startSpan('chat gpt');
  span.setAttributes({
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': 'gpt',
    'gen_ai.usage.input_tokens': 100,
    'gen_ai.usage.output_tokens': output,
  });
  span.end();
}

test('npm exporters, in protobuf packed with gzip and in JSON, and log records', async () => {
  const server = await Server.start();
  try {
    const { id, key } = await agent(server);
    const headers = { 'x-api-key': key };
    const exporters = [
      new ProtobufExporter({ url: `${server.url}/v1/traces`, headers, compression: 'gzip' }),
      new JsonExporter({ url: `${server.url}/v1/traces`, headers }),
    ];
    for (const [n, exporter] of exporters.entries()) {
      const resource = resourceFromAttributes({ 'service.name': 'shop' });
      const provider = new BasicTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(exporter)] });
      const tracer = provider.getTracer('test');
      chat(tracer, 10 + n);
      const tool = tracer.startSpan('execute_tool search');
      tool.setAttributes({ 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'search', 'gen_ai.tool.call.id': `c${n}` });
      tool.end();
      await provider.forceFlush();
      await provider.shutdown();
    }
    const { inputTokens, outputTokens, reports } = await used(server, id);
    assert.deepEqual({ inputTokens, outputTokens, reports }, { inputTokens: 200, outputTokens: 21, reports: 2 });
    const { messages } = await call(server, 'GET', `/agents/${id}/messages?limit=100`);
    const calls = messages.filter((message) => message.role === 'tool').map((message) => message.metadata.toolCallId);
    assert.deepEqual(calls, ['c0', 'c1']);

    const logs = new OTLPLogExporter({ url: `${server.url}/v1/logs`, headers });
    const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter: logs })] });
    const attributes = { model: 'opus', input_tokens: 1, output_tokens: 2, cost_usd: 0.5 };
    provider.getLogger('test').emit({ body: 'claude_code.api_request', attributes });
    await provider.forceFlush();
    await provider.shutdown();
    assert.deepEqual([(await used(server, id)).reports, (await used(server, id)).costUsd], [3, 0.5]);
  } finally {
    await server.stop();
  }
});

test('a receiver sees a tree of sessions as one trace, over a restart', async () => {
  const spans = [];
  const got = [];
  const receiver = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    got.push({ url: request.url, headers: request.headers });
    // The names and ids stand in the bytes as they are.
    spans.push(body);
    response.writeHead(got.length === 1 ? 503 : 200, { 'Content-Type': 'application/x-protobuf' }).end();
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const server = await Server.start(['--sinks-allow-private', 'on']);
  try {
    const url = `http://127.0.0.1:${receiver.address().port}`;
    await call(server, 'POST', '/sinks', { name: 'traces', form: 'otlp', settings: { url }, credentials: { headers: 'x-token=a%20b' } });
    const top = await agent(server);
    const below = await agent(server, top.id);
    const said = [
      { role: 'user', content: 'a secret prompt' },
      { role: 'assistant', content: 'x', metadata: { type: 'tool_call', toolCallId: 'c1', name: 'Bash' } },
      { role: 'tool', content: 'x', metadata: { type: 'tool_result', toolCallId: 'c1', name: 'Bash' } },
    ];
    await call(server, 'POST', `/agents/${below.id}/messages`, said);
    await call(server, 'POST', `/agents/${below.id}/status`, { status: 'completed' });
    await server.killAndRestart();
    await call(server, 'POST', `/agents/${top.id}/status`, { status: 'failed' });
    const all = () => Buffer.concat(spans).toString('latin1');
    while (all().split('invoke_agent worker').length < 4) await sleep(50);
    assert.ok(got.every(({ url, headers }) => url === '/v1/traces' && headers['x-token'] === 'a b'));
    for (const part of ['turn', 'execute_tool Bash', 'gen_ai.tool.call.id', 'schemas/gen-ai/0.1.0']) {
      assert.ok(all().includes(part), part);
    }
    assert.ok(!all().includes('secret'), 'no words of people');
    const trace = Buffer.from(top.id.replaceAll('-', ''), 'hex');
    assert.ok(spans.every((body) => body.includes(trace)), 'one trace, with the id of the top');
  } finally {
    await server.stop();
    receiver.close();
  }
});

test('a receiver sees requests, in the trace of their caller, until the server has ended', async () => {
  const bodies = [];
  let answers = 503;
  const receiver = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    if (answers === 200) bodies.push({ body, headers: request.headers });
    response.writeHead(answers, { 'Content-Type': 'application/x-protobuf' }).end();
    answers = 200;
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const folder = await mkdtemp(join(tmpdir(), 'flightdeck-otlp-'));
  await writeFile(join(folder, 'headers'), 'authorization=Bearer%20abc\n');
  const url = `http://127.0.0.1:${receiver.address().port}`;
  const server = await Server.start(['--otlp-url', url, '--otlp-headers-file', join(folder, 'headers')]);
  try {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const { id } = await agent(server);
    const headers = { 'X-API-Key': server.key, traceparent: `00-${trace}-00f067aa0ba902b7-01` };
    await fetch(`${server.url}/agents/${id}/status`, { headers });
    const all = () => Buffer.concat(bodies.map(({ body }) => body));
    while (!all().includes(Buffer.from(trace, 'hex'))) await sleep(50);
    for (const part of ['GET /agents/{agentId}/status', 'POST /agents', 'http.response.status_code', 'flightdeck.requests', id]) {
      assert.ok(all().includes(part), part);
    }
    assert.ok(bodies.every((got) => got.headers.authorization === 'Bearer abc'));
    await call(server, 'GET', '/fleet/usage');
  } finally {
    await server.stop();
    receiver.close();
    await rm(folder, { recursive: true });
  }
  assert.ok(Buffer.concat(bodies.map(({ body }) => body)).includes('GET /fleet/usage'), 'the last ones are sent at the end');
});
