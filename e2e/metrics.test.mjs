// Prometheus reads what the server tells of itself, and its rules and the dashboard name only what is there.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { Server } from './support/server.mjs';

const DEPLOY = new URL('../deploy/', import.meta.url).pathname;
const missing = spawnSync('promtool', ['--version']).error !== undefined;
const skip = missing && process.env.CI !== 'true' ? 'there is no promtool' : false;

async function told(server, headers = {}) {
  const response = await fetch(`${server.url}/metrics`, { headers: { 'X-API-Key': server.key, ...headers } });
  assert.equal(response.status, 200);
  return await response.text();
}

/** A server with a little of everything. */
async function fleet() {
  const server = await Server.start();
  const post = async (path, body) => {
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'X-API-Key': server.key, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.ok(response.ok, `${path}: ${response.status}`);
    return await response.json();
  };
  const { agentId } = await post('/agents', { taskId: 'M-1', agentType: 'worker' });
  await post(`/agents/${agentId}/messages`, [1, 2, 3].map((n) => ({ role: 'assistant', content: `${n}` })));
  await post(`/agents/${agentId}/approvals`, { title: 'push', options: ['allow_once', 'reject_once'] });
  await post(`/agents/${agentId}/pause?wait=0s`, {});
  await post('/sinks', { name: 'on-call', form: 'ntfy', settings: { topic: 'flightdeck-metrics' }, enabled: false });
  return server;
}

test('promtool finds nothing to complain about', { skip }, async () => {
  const server = await fleet();
  try {
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: await told(server), encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stderr + checked.stdout);
    assert.equal(checked.stderr + checked.stdout, '');
    const rules = ['check', 'rules', join(DEPLOY, 'prometheus/alerts.yml')];
    assert.equal(spawnSync('promtool', rules).status, 0);
    const tests = ['test', 'rules', join(DEPLOY, 'prometheus/alerts.test.yml')];
    const tested = spawnSync('promtool', tests, { encoding: 'utf8' });
    assert.equal(tested.status, 0, tested.stdout + tested.stderr);
  } finally {
    await server.stop();
  }
});

test('the alerts and the dashboard name only what the server tells', async () => {
  const server = await fleet();
  try {
    const text = await told(server);
    const names = new Set([...text.matchAll(/^(flightdeck_\w+)/gm)].map(([, name]) => name));
    for (const file of ['prometheus/alerts.yml', 'grafana/flightdeck.json']) {
      const used = [...(await readFile(join(DEPLOY, file), 'utf8')).matchAll(/\bflightdeck_\w+/g)].map(([name]) => name);
      assert.ok(used.length > 5);
      for (const name of used) assert.ok(names.has(name), `${file}: ${name} is not told`);
    }
    assert.match(text, /^flightdeck_sessions\{status="waiting"\} 1$/m);
    assert.match(text, /^flightdeck_approvals_open 1$/m);
    assert.match(text, /^flightdeck_operations_open 1$/m);
    assert.match(text, /^flightdeck_messages_total 3$/m);
    assert.ok(Number(/^flightdeck_store_bytes (\d+)$/m.exec(text)?.[1]) > 10_000, text);
  } finally {
    await server.stop();
  }
});

test('a Prometheus with the example configuration reads it', { skip }, async () => {
  const server = await fleet();
  const folder = await mkdtemp(join(tmpdir(), 'flightdeck-prometheus-'));
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  let prometheus;
  try {
    await cp(join(DEPLOY, 'prometheus'), folder, { recursive: true });
    const example = await readFile(join(folder, 'prometheus.yml'), 'utf8');
    const target = example.replace('127.0.0.1:7600', new URL(server.url).host).replace('scrape_interval: 15s', 'scrape_interval: 1s');
    await writeFile(join(folder, 'prometheus.yml'), target);
    await writeFile(join(folder, 'flightdeck.key'), server.key, { mode: 0o600 });
    const args = [`--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`];
    prometheus = spawn('prometheus', args, { stdio: 'ignore' });
    const until = Date.now() + 60_000;
    let seen;
    while (seen !== '1' && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      const query = encodeURIComponent('flightdeck_sessions{status="waiting"}');
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${query}`).then((r) => r.json()).catch(() => undefined);
      seen = answer?.data?.result?.[0]?.value?.[1];
    }
    assert.equal(seen, '1');
  } finally {
    prometheus?.kill();
    await server.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});
