// A TypeScript client, generated from the description of a running server, is strict about types and does what it says.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { Server } from '../support/server.mjs';

const run = promisify(execFile);
const cwd = new URL('.', import.meta.url).pathname;
const bin = (name) => new URL(`node_modules/.bin/${name}`, import.meta.url).pathname;

let server;
before(async () => {
  server = await Server.start();
  await rm(new URL('generated', import.meta.url), { recursive: true, force: true });
  await mkdir(new URL('generated', import.meta.url));
  await run(bin('openapi-typescript'), [`${server.url}/openapi.json`, '--output', 'generated/flightdeck.ts'], { cwd });
});
after(() => server?.stop());

test('the example is well typed, and works', async () => {
  await run(bin('tsc'), ['--project', '.'], { cwd }).catch(({ stdout }) => assert.fail(stdout));
  const env = { ...process.env, FLIGHTDECK_URL: server.url, FLIGHTDECK_KEY: server.key };
  const { stdout } = await run(process.execPath, ['generated/js/example.js'], { cwd, env });
  assert.equal(stdout, '1 assistant: I begin.\n2 operator: Go on.\n');
});

test('the types know the words and what is needed', async () => {
  const types = await readFile(new URL('generated/flightdeck.ts', import.meta.url), 'utf8');
  assert.match(types, /Delivery: "steer" \| "queue" \| "interrupt";/);
  assert.match(types, /taskId: components\["schemas"\]\["TaskId"\];/);
});

test('the page about clients shows the example as it is tested', async () => {
  const [page, example] = await Promise.all(['../../docs/clients.md', 'example.ts'].map((name) => readFile(new URL(name, import.meta.url), 'utf8')));
  assert.ok(page.includes(`\`\`\`ts\n${example}\`\`\``));
});
