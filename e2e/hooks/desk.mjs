// Claude Code with the hooks of a real server, and a model that plays a script.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { Server } from '../support/server.mjs';
import { runClaude } from './claude.mjs';
import { startModel } from './model.mjs';

const BINARY = process.env.FLIGHTDECK_BIN ?? new URL('../../target/debug/flightdeck', import.meta.url).pathname;

export const bash = (command, more = {}) => ({ name: 'Bash', input: { command, description: 'as asked', ...more } });
export const agent = (script, more = {}) => ({
  name: 'Agent',
  input: { description: 'a part', subagent_type: 'general-purpose', prompt: `SCRIPT ${JSON.stringify(script)}`, ...more },
});

export async function until(look) {
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    await sleep(20);
  }
}

export class Desk {
  static async start() {
    const desk = new Desk();
    desk.server = await Server.start();
    desk.folder = await mkdtemp(join(tmpdir(), 'flightdeck-hooks-'));
    return desk;
  }

  async stop() {
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  get = (path) => this.server.get(path);
  post = (path, body) => this.server.post(path, body);
  messages = async (id) => (await this.get(`/agents/${id}/messages?after=0&limit=1000`)).messages;
  status = async (id) => (await this.get(`/agents/${id}/status`)).status;

  /**
   * Runs a script; `meanwhile` gets the session as soon as the model is asked, which waits until `begin` is called.
   */
  async run(script, meanwhile = async (id, begin) => begin()) {
    const place = await mkdtemp(join(this.folder, 'run-'));
    const task = place.split('/').at(-1);
    let found;
    const model = await startModel(async () => {
      if (found) return found.begun;
      const [session] = await this.get(`/agents?taskId=${task}&limit=1`);
      let begin;
      found = { id: session.agentId, begun: new Promise((resolve) => (begin = resolve)) };
      found.rest = meanwhile(found.id, begin);
      return found.begun;
    });
    const connect = ['connect', 'claude-code', '--url', this.server.url, '--task', task];
    const { stdout } = await promisify(execFile)(BINARY, connect, { env: {} });
    const settings = JSON.parse(stdout);
    const prompt = `SCRIPT ${JSON.stringify(script)}`;
    const env = { FLIGHTDECK_API_KEY: this.server.key };
    const claude = await runClaude({ folder: place, model: model.url, settings, prompt, env });
    const done = await claude.done;
    await found?.rest;
    model.stop();
    assert.ok(found, `it never asked its model: ${done.stdout} ${done.stderr}`);
    return { id: found.id, files: await readdir(claude.work), done };
  }
}
